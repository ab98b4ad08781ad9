//! Functions with and without models, called as DataFusion calls them.

use arrow::array::{AsArray, Float64Array};
use arrow::datatypes::{DataType, Field, Float64Type};
use datafusion_common::ScalarValue;
use datafusion_common::config::ConfigOptions;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
use models::{Control, Kind, Options, TrainingData, train};

use super::*;

fn version(kind: Kind, number: u32) -> ModelVersion {
    let load: Vec<f64> = (0..500).map(|row| f64::from(row % 17)).collect();
    let heat: Vec<f64> = load.iter().map(|load| 20.0 + 0.5 * load).collect();
    let data = TrainingData {
        names: &["load".to_owned(), "heat".to_owned()],
        columns: &[&load, &heat],
        target: Some(&heat),
        groups: None,
    };
    let trained = train(&Options::new(kind), &data, &Control::default()).unwrap();
    ModelVersion {
        database: "plant".into(),
        name: "m".into(),
        version: number,
        model: Arc::new(trained.model),
    }
}

fn named(name: &str) -> ScalarUDF {
    let mut all = scalar_udfs().into_iter();
    all.find(|function| function.name() == name).unwrap()
}

fn call(
    function: &ScalarUDF,
    features: Vec<ColumnarValue>,
) -> datafusion_common::Result<ColumnarValue> {
    let name = ColumnarValue::Scalar(ScalarValue::from("m"));
    let args: Vec<_> = std::iter::once(name).chain(features).collect();
    let field = |arg: &ColumnarValue| Arc::new(Field::new("a", arg.data_type(), true));
    let types: Vec<_> = args.iter().map(ColumnarValue::data_type).collect();
    let rows = args.iter().find_map(|arg| match arg {
        ColumnarValue::Array(array) => Some(array.len()),
        ColumnarValue::Scalar(_) => None,
    });
    function.invoke_with_args(ScalarFunctionArgs {
        arg_fields: args.iter().map(|arg| field(arg) as _).collect(),
        return_field: Arc::new(Field::new("r", function.return_type(&types)?, true)),
        config_options: Arc::new(ConfigOptions::default()),
        number_rows: rows.unwrap_or(1),
        args,
    })
}

fn column(values: &[Option<f64>]) -> ColumnarValue {
    ColumnarValue::Array(Arc::new(values.iter().copied().collect::<Float64Array>()))
}

#[test]
fn columns_and_constants_mix_and_missing_values_are_null() {
    let bound = bind_scalar(&named("anomaly_score"), &version(Kind::Pca, 1), &[]);
    let bound = bound.unwrap().unwrap();
    let load = column(&[Some(8.0), None, Some(f64::NAN), Some(24.0)]);
    let heat = ColumnarValue::Scalar(ScalarValue::from(24.0));
    let ColumnarValue::Array(scores) = call(&bound, vec![load, heat]).unwrap() else {
        panic!("a column gives a column");
    };
    let scores: Vec<_> = scores.as_primitive::<Float64Type>().iter().collect();
    assert!(
        scores[0].unwrap() < 0.65 && scores[3].unwrap() > 0.65,
        "{scores:?}"
    );
    assert_eq!(&scores[1..3], [None, None]);
    let one = |value: f64| ColumnarValue::Scalar(ScalarValue::from(value));
    let ColumnarValue::Scalar(ScalarValue::Float64(Some(score))) =
        call(&bound, vec![one(8.0), one(24.0)]).unwrap()
    else {
        panic!("constants give a constant");
    };
    assert_eq!(Some(score), scores[0]);
}

#[test]
fn a_function_without_a_model_is_an_error() {
    for function in scalar_udfs() {
        let error = call(&function, vec![column(&[Some(1.0)])]).unwrap_err();
        assert!(
            error.to_string().contains("there are no models here"),
            "{error}"
        );
        assert!(scalar_model_call(&function).is_some());
    }
}

#[test]
fn a_bound_function_is_that_of_its_version() {
    let (first, second) = (version(Kind::Ridge, 1), version(Kind::Ridge, 2));
    let bind = |version| {
        bind_scalar(&named("predict"), version, &[])
            .unwrap()
            .unwrap()
    };
    assert_eq!(bind(&first), bind(&first));
    assert_ne!(bind(&first), bind(&second));
    assert_eq!(bind(&first).name(), "predict");
    assert!(
        scalar_model_call(&bind(&first)).is_none(),
        "it has its model"
    );
    let other = bind(&first);
    assert_eq!(bind_scalar(&other, &first, &[]).unwrap(), None);
}

#[test]
fn a_model_is_asked_whether_it_can() {
    let check = |function: &str, kind: Kind, constants: &[&str], expected: &str| {
        let constants: Vec<String> = constants.iter().map(|&text| text.to_owned()).collect();
        let bound = bind_scalar(&named(function), &version(kind, 1), &constants);
        let said = bound.map_or_else(|error| error.to_string(), |_| "can".to_owned());
        assert!(said.contains(expected), "{function} {kind:?}: {said}");
    };
    check("anomaly_score", Kind::IsolationForest, &[], "can");
    check("anomaly_score", Kind::Ridge, &[], "has no");
    check("predict", Kind::KMeans, &[], "can");
    check("predict", Kind::StandardScaler, &[], "has no");
    check("predict_interval", Kind::Ridge, &[], "can");
    check("predict_interval", Kind::KMeans, &[], "has no intervals");
    check("model_output", Kind::Pca, &["t2"], "can");
    check("model_output", Kind::Pca, &["t3"], "one of t2, q, pc1");
    check("model_output", Kind::Ridge, &["t2"], "has no");
    for kind in Kind::ALL {
        check("explain", kind, &[], "can");
    }
}

#[test]
fn results_have_the_types_that_are_announced() {
    let model = version(Kind::Ridge, 1);
    for function in ["predict", "predict_interval", "explain"] {
        let bound = bind_scalar(&named(function), &model, &[]).unwrap().unwrap();
        let types = [DataType::Utf8, DataType::Float64, DataType::Float64];
        let announced = named(function).return_type(&types).unwrap();
        let found = call(&bound, vec![column(&[Some(1.0)]), column(&[None])]).unwrap();
        assert_eq!(found.data_type(), announced, "{function}");
    }
}
