//! `cox_ph(duration, failed, x)`: what a covariate has to do with the hazard (Cox 1972).
//!
//! | lifetimes                                              | result   |
//! |--------------------------------------------------------|----------|
//! | no failure, or the covariate does not vary             | NULL     |
//! | the covariate tells failures apart entirely            | NULL     |
//! | NULL, NaN, infinity in a column                        | skipped  |

use analytics::reliability::{HazardRatio, cox_ph};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::judged::Scored;
use crate::collected::output::floats;
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Cox's proportional hazards of one covariate: `coef`, the logarithm of the ratio of hazards for one more of the covariate; `hazard_ratio`, its exponential; `stderr` of the coefficient; `p`, the chance of such a coefficient where the covariate has nothing to do with it (Wald); and `lr`, the statistic of the likelihood ratio test. Whatever the hazard of a lifetime is, the covariate is taken to multiply it. Failures at the same time are shared out as Efron does. As `lifelines.CoxPHFitter`. NULL without failures, where the covariate does not vary, and where it tells the failures apart entirely.",
    syntax_example = "cox_ph(duration, failed, x)",
    sql_example = r#"```sql
SELECT c['hazard_ratio'] AS per_degree, c['p'] FROM (SELECT cox_ph(hours, failed, mean_temperature_c) AS c FROM lifetimes);
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
        name = "x",
        description = "The covariate, any numeric type: a load, a temperature, or 0 and 1 for one of two groups."
    ),
    related_udf(name = "logrank_test"),
    related_udf(name = "concordance_index"),
    related_udf(name = "weibull_fit")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CoxPh;

impl CollectedFunction for CoxPh {
    const NAME: &'static str = "cox_ph";

    type Row = Scored;

    type Output = Struct<HazardRatio>;

    fn bind(&self, _call: &Call) -> Result<Formula<Scored, Struct<HazardRatio>>> {
        Ok(Formula::new(|rows: &[Scored]| {
            let lives: Vec<_> = rows.iter().map(|row| (row.life, row.score)).collect();
            cox_ph(&lives).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for HazardRatio {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["coef", "hazard_ratio", "stderr", "p", "lr"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |fit| Some(fit.coefficient)),
            floats(records, |fit| Some(fit.coefficient.exp())),
            floats(records, |fit| Some(fit.error)),
            floats(records, |fit| Some(fit.p)),
            floats(records, |fit| Some(fit.log_likelihood_ratio)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    #[test]
    fn hazards_are_compared() {
        let case = Case::new(Collected::udf(CoxPh));
        let durations = values(&[
            6.0,
            7.0,
            10.0,
            15.0,
            19.0,
            25.0,
            1.0,
            2.0,
            7.0,
            8.0,
            f64::NAN,
        ]);
        let failed = values(&[1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0]);
        let x = values(&[3.0, 1.0, 2.0, 1.5, 1.0, 2.5, 4.0, 3.0, 2.0, 1.0, 9.0]);
        // lifelines 0.30.3.
        let expected = [
            ("coef", 1.8100436299707292),
            ("stderr", 0.7996289818737041),
            ("p", 0.02359846097785527),
            ("lr", 7.685797998475689),
        ];
        case.check_fields(&[durations, failed, x], Some(&expected), 1e-6);
        let none = [
            values(&[1.0, 2.0]),
            values(&[0.0, 0.0]),
            values(&[1.0, 2.0]),
        ];
        case.check_fields(&none, None, 0.0);
        case.check_fields(&[values(&[]), values(&[]), values(&[])], None, 0.0);
    }
}
