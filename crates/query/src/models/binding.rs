//! Puts models into a plan: every call of a function that uses one gets the version that its name means, once and
//! for the whole query. What does not fit, the number of features or their types, is an error that names what
//! is expected.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError, Result as PlanResult, ScalarValue, plan_err};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    AggregateUDF, Expr, ExprSchemable, LogicalPlan, WindowFunctionDefinition,
};
use functions::{
    ModelCall, ModelVersion, aggregate_model_call, bind_aggregate, bind_scalar, scalar_model_call,
};

use super::{Scope, feature_names};
use crate::error::Result;

/// The plan with its models in it.
pub(crate) async fn bind(session: &SessionState, plan: LogicalPlan) -> Result<LogicalPlan> {
    let names = names(&plan)?;
    if names.is_empty() {
        return Ok(plan);
    }
    let Some(scope) = session.config().get_extension::<Scope>() else {
        return Ok(plan);
    };
    let mut versions = HashMap::new();
    for name in names {
        if let Entry::Vacant(unknown) = versions.entry(name) {
            let version = scope.find(unknown.key()).await?;
            unknown.insert(version);
        }
    }
    let binder = Binder { versions };
    let bound = plan.transform_up_with_subqueries(|node| binder.node(node))?;
    Ok(bound.data)
}

/// Whether a plan has a function that uses a model.
pub(crate) fn are_used(plan: &LogicalPlan) -> PlanResult<bool> {
    Ok(!names(plan)?.is_empty())
}

/// A call of a function that uses a model.
struct Call<'a> {
    function: &'a str,
    args: &'a [Expr],
    form: ModelCall,
}

impl<'a> Call<'a> {
    /// The call that an expression is.
    fn of(expression: &'a Expr) -> Option<Self> {
        let aggregate = |function: &'a AggregateUDF, args| {
            let form = aggregate_model_call(function)?;
            let function = function.name();
            Some(Self {
                function,
                args,
                form,
            })
        };
        match expression {
            Expr::ScalarFunction(call) => Some(Self {
                function: call.func.name(),
                form: scalar_model_call(&call.func)?,
                args: &call.args,
            }),
            Expr::AggregateFunction(call) => aggregate(&call.func, &call.params.args),
            Expr::WindowFunction(call) => match &call.fun {
                WindowFunctionDefinition::AggregateUDF(function) => {
                    aggregate(function, &call.params.args)
                }
                WindowFunctionDefinition::WindowUDF(_) => None,
            },
            _ => None,
        }
    }

    /// The name of the model, as it is written.
    fn model(&self) -> PlanResult<&'a str> {
        self.constant(0, "the name of a model")
    }

    /// The constants that follow it.
    fn constants(&self) -> PlanResult<Vec<String>> {
        let places = 1..=self.form.constants;
        let constant = |place| self.constant(place, "a name").map(str::to_owned);
        places.map(constant).collect()
    }

    fn constant(&self, place: usize, what: &str) -> PlanResult<&'a str> {
        let function = self.function;
        match self.args.get(place).and_then(text) {
            Some(text) => Ok(text),
            None => plan_err!(
                "{function}: argument {} is {what}, written as a constant text such as 'm'",
                place + 1
            ),
        }
    }
}

/// The text that an expression is.
fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Literal(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::Utf8View(Some(text))
            | ScalarValue::LargeUtf8(Some(text)),
            _,
        ) => Some(text),
        _ => None,
    }
}

/// The names of the models of a plan.
fn names(plan: &LogicalPlan) -> PlanResult<Vec<String>> {
    let mut names = Vec::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|expression| {
                if let Some(call) = Call::of(expression) {
                    names.push(call.model()?.to_owned());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(names)
}

struct Binder {
    versions: HashMap<String, ModelVersion>,
}

impl Binder {
    fn node(&self, node: LogicalPlan) -> PlanResult<Transformed<LogicalPlan>> {
        let mut uses_models = false;
        node.apply_expressions(|expression| {
            uses_models |= expression.exists(|inner| Ok(Call::of(inner).is_some()))?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        if !uses_models {
            return Ok(Transformed::no(node));
        }
        let schema = merge_schema(&node.inputs());
        node.map_expressions(|expression| {
            expression.transform_up(|expression| self.expression(expression, &schema))
        })
    }

    fn expression(&self, mut expression: Expr, schema: &DFSchema) -> PlanResult<Transformed<Expr>> {
        let Some(call) = Call::of(&expression) else {
            return Ok(Transformed::no(expression));
        };
        let version = &self.versions[call.model()?];
        let constants = call.constants()?;
        check(&call, version, schema)?;
        let first = 1 + call.form.constants;
        let args = match &mut expression {
            Expr::ScalarFunction(call) => {
                let bound = bind_scalar(&call.func, version, &constants);
                if let Some(bound) = bound.map_err(|error| cannot(version, &error))? {
                    call.func = Arc::new(bound);
                }
                &mut call.args
            }
            Expr::AggregateFunction(call) => {
                if let Some(bound) = bind_aggregate(&call.func, version) {
                    call.func = Arc::new(bound);
                }
                &mut call.params.args
            }
            Expr::WindowFunction(call) => {
                if let WindowFunctionDefinition::AggregateUDF(function) = &mut call.fun
                    && let Some(bound) = bind_aggregate(function, version)
                {
                    *function = Arc::new(bound);
                }
                &mut call.params.args
            }
            _ => return Ok(Transformed::no(expression)),
        };
        args[first..].iter_mut().for_each(type_parameter);
        Ok(Transformed::yes(expression))
    }
}

/// A feature that is a parameter is a number.
fn type_parameter(feature: &mut Expr) {
    if let Expr::Placeholder(Placeholder { id, field }) = feature
        && field.is_none()
    {
        *field = Some(Arc::new(Field::new(id.as_str(), DataType::Float64, true)));
    }
}

/// Fails unless the features are as many as the model's, and numbers.
fn check(call: &Call<'_>, version: &ModelVersion, schema: &DFSchema) -> PlanResult<()> {
    let names = version.model.names();
    let args = call.args.get(1 + call.form.constants..).unwrap_or_default();
    let mut given = Vec::with_capacity(names.len());
    for arg in args {
        features(arg, schema, &mut given)?;
    }
    let ModelVersion {
        name,
        version: number,
        ..
    } = version;
    if given.len() != names.len() {
        return plan_err!(
            "{}: version {number} of model '{name}' takes {} ({}), and {} given",
            call.function,
            count(names.len()),
            names.join(", "),
            match given.len() {
                1 => "1 is".to_owned(),
                more => format!("{more} are"),
            }
        );
    }
    for (feature, name_of_it) in given.iter().zip(names) {
        feature.check(call, name, name_of_it)?;
    }
    Ok(())
}

/// A number that a call gives to a model.
struct Given<'a> {
    argument: &'a Expr,
    /// The field of a record that it is.
    field: Option<String>,
    /// Nothing of a parameter, which becomes a number.
    kind: Option<DataType>,
}

/// The numbers that an argument gives: itself, or its fields if it is a record.
fn features<'a>(
    argument: &'a Expr,
    schema: &DFSchema,
    given: &mut Vec<Given<'a>>,
) -> PlanResult<()> {
    let own = |kind| Given {
        argument,
        field: None,
        kind,
    };
    if matches!(argument, Expr::Placeholder(_)) {
        given.push(own(None));
        return Ok(());
    }
    match argument.get_type(schema)? {
        DataType::Struct(fields) => given.extend(fields.iter().map(|field| Given {
            argument,
            field: Some(field.name().clone()),
            kind: Some(field.data_type().clone()),
        })),
        kind => given.push(own(Some(kind))),
    }
    Ok(())
}

impl Given<'_> {
    fn check(&self, call: &Call<'_>, model: &str, expected: &str) -> PlanResult<()> {
        let function = call.function;
        let Self {
            argument, field, ..
        } = self;
        if let (Some(field), (_, Some(learned))) = (field, feature_names::parts(expected))
            && field != learned
        {
            return plan_err!(
                "{function}: feature {expected} of model '{model}' is field '{learned}', and {argument} has '{field}' in its place"
            );
        }
        match &self.kind {
            Some(kind) if !kind.is_numeric() && !kind.is_null() => plan_err!(
                "{function}: feature '{expected}' of model '{model}' must be a number, and {argument} is {kind}"
            ),
            _ => Ok(()),
        }
    }
}

fn count(features: usize) -> String {
    match features {
        1 => "1 feature".to_owned(),
        more => format!("{more} features"),
    }
}

/// The model does not do what is asked of it.
fn cannot(version: &ModelVersion, error: &models::Error) -> DataFusionError {
    DataFusionError::Plan(format!("model '{}': {error}", version.name))
}
