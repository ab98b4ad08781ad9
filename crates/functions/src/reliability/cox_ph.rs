//! `cox_ph(duration, failed, x1[, x2, …])`: what covariates have to do with the hazard (Cox 1972).
//!
//! | lifetimes                                                         | result   |
//! |-------------------------------------------------------------------|----------|
//! | no failure, or a covariate does not vary or follows from others   | NULL     |
//! | the covariates tell failures apart entirely                       | NULL     |
//! | NULL, NaN, infinity in a column                                   | skipped  |
//!
//! One covariate gives a struct, several a list with one struct for each of them.

use analytics::reliability::{CoxModel, HazardRatio, Lifetime, cox_ph};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::covaried::Covaried;
use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Output, Record, Struct};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Cox's proportional hazards: what covariates have to do with how soon things fail, each with the others held still. Whatever the hazard of a lifetime is, a covariate is taken to multiply it. Per covariate: `covariate`, its number from 1; `coef`, the logarithm of the ratio of hazards for one more of it; `hazard_ratio`, its exponential; `stderr` of the coefficient; `p`, the chance of such a coefficient where the covariate has nothing to do with it (Wald). Of the model as a whole, the same in each: `lr`, the statistic of the likelihood ratio test, and `concordance`, the share of pairs in which the one with the lower hazard lasts longer. With one covariate a struct, with more a list of structs for `unnest`. Failures at the same time are shared out as Efron does. As `lifelines.CoxPHFitter`. NULL without failures, where a covariate does not vary or follows from others, and where they tell the failures apart entirely. At most 500000 rows per group.",
    syntax_example = "cox_ph(duration, failed, x1[, x2, …])",
    sql_example = r#"```sql
SELECT c['hazard_ratio'] AS per_degree, c['p'] FROM (SELECT cox_ph(hours, failed, mean_temperature_c) AS c FROM lifetimes);

SELECT c['covariate'], c['hazard_ratio'], c['p'] FROM (SELECT unnest(cox_ph(hours, failed, mean_temperature_c, mean_load, starts)) AS c FROM lifetimes);
```"#,
    argument(
        name = "duration",
        description = "How long something lasted, or had lasted when it was last looked at, in any unit. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "failed",
        description = "Whether it failed then, true or false or a number that is not 0; if not, it is censored."
    ),
    argument(
        name = "x1, x2, …",
        description = "The covariates, up to 16 of any numeric type: a load, a temperature, or 0 and 1 for one of two groups. Rows where one is NULL, NaN or infinite are skipped."
    ),
    related_udf(name = "logrank_test"),
    related_udf(name = "concordance_index"),
    related_udf(name = "weibull_fit")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CoxPh;

impl CollectedFunction for CoxPh {
    const NAME: &'static str = "cox_ph";

    /// Each step of the estimate takes the square of the covariates per row.
    const COUNT_MAX: usize = 500_000;

    type Row = Covaried;

    type Output = Hazards;

    fn bind(&self, _call: &Call) -> Result<Formula<Covaried, Hazards>> {
        Ok(Formula::new(|rows: &[Covaried]| {
            let lives: Vec<Lifetime> = rows.iter().map(|row| row.life).collect();
            let covariates: Vec<&[f64]> = rows.iter().map(Covaried::covariates).collect();
            cox_ph(&lives, &covariates).map(Hazards::of)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// One covariate of a model.
#[derive(Debug)]
pub(crate) struct Covariate {
    number: i64,
    ratio: HazardRatio,
    log_likelihood_ratio: f64,
    concordance: Option<f64>,
}

impl Record for Covariate {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("covariate", DataType::Int64),
            ("coef", DataType::Float64),
            ("hazard_ratio", DataType::Float64),
            ("stderr", DataType::Float64),
            ("p", DataType::Float64),
            ("lr", DataType::Float64),
            ("concordance", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |of| Some(of.number)),
            floats(records, |of| Some(of.ratio.coefficient)),
            floats(records, |of| Some(of.ratio.coefficient.exp())),
            floats(records, |of| Some(of.ratio.error)),
            floats(records, |of| Some(of.ratio.p)),
            floats(records, |of| Some(of.log_likelihood_ratio)),
            floats(records, |of| of.concordance),
        ]
    }
}

/// The covariates of a model: a struct where there is one, a list of them where there are more.
#[derive(Debug)]
pub(crate) struct Hazards(Vec<Covariate>);

impl Hazards {
    fn of(model: CoxModel) -> Self {
        let covariate = |(number, ratio)| Covariate {
            number,
            ratio,
            log_likelihood_ratio: model.log_likelihood_ratio,
            concordance: model.concordance,
        };
        Self((1..).zip(model.ratios).map(covariate).collect())
    }
}

impl Output for Hazards {
    fn data_type(argument_types: &[DataType]) -> DataType {
        if argument_types.len() > 3 {
            Vec::<Covariate>::data_type(argument_types)
        } else {
            Struct::<Covariate>::data_type(argument_types)
        }
    }

    fn array(results: Vec<Option<Self>>, data_type: &DataType) -> Result<ArrayRef> {
        if matches!(data_type, DataType::List(_)) {
            let lists = results
                .into_iter()
                .map(|result| result.map(|model| model.0));
            return Vec::array(lists.collect(), data_type);
        }
        let only = |model: Self| model.0.into_iter().next().map(Struct);
        let structs = results.into_iter().map(|result| result.and_then(only));
        Struct::array(structs.collect(), data_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    const NAN: f64 = f64::NAN;
    const DURATIONS: [f64; 11] = [6.0, 7.0, 10.0, 15.0, 19.0, 25.0, 1.0, 2.0, 7.0, 8.0, NAN];
    const FAILED: [f64; 11] = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0];
    const X: [f64; 11] = [3.0, 1.0, 2.0, 1.5, 1.0, 2.5, 4.0, 3.0, 2.0, 1.0, 9.0];
    const Z: [f64; 11] = [0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0];

    // Expected: lifelines 0.30.3.
    #[test]
    fn hazards_are_compared() {
        let case = Case::new(Collected::udf(CoxPh));
        let expected = [
            ("covariate", 1.0),
            ("coef", 1.8100436299707292),
            ("stderr", 0.7996289818737041),
            ("p", 0.02359846097785527),
            ("lr", 7.685797998475689),
        ];
        let one = [values(&DURATIONS), values(&FAILED), values(&X)];
        case.check_fields(&one, Some(&expected), 1e-6);
        let none = [
            values(&[1.0, 2.0]),
            values(&[0.0, 0.0]),
            values(&[1.0, 2.0]),
        ];
        case.check_fields(&none, None, 0.0);
        case.check_fields(&[values(&[]), values(&[]), values(&[])], None, 0.0);
    }

    #[test]
    fn several_covariates_make_a_list() {
        let case = Case::new(Collected::udf(CoxPh));
        let two = [values(&DURATIONS), values(&FAILED), values(&X), values(&Z)];
        case.check_list(&two, "covariate", Some(&[1.0, 2.0]), 0.0);
        case.check_list(&two, "coef", Some(&COEFFICIENTS), 1e-6);
        case.check_list(&two, "stderr", Some(&ERRORS), 1e-6);
        case.check_list(&two, "concordance", Some(&[CONCORDANCE; 2]), 1e-9);
        let none = [0, 1, 2, 3].map(|_| values(&[]));
        case.check_list(&none, "coef", None, 0.0);
    }

    const COEFFICIENTS: [f64; 2] = [2.1557493079856678, -1.4753303034840626];
    const ERRORS: [f64; 2] = [0.9582165740850074, 1.1273592582655034];
    const CONCORDANCE: f64 = 0.8857142857142857;

    #[test]
    fn covariates_are_no_more_than_sixteen() {
        let columns: Vec<ArrayRef> = (0..19).map(|_| values(&[1.0])).collect();
        let error = Case::new(Collected::udf(CoxPh)).error(&columns);
        assert!(error.contains("cox_ph"), "{error}");
    }
}
