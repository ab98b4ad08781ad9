//! `degradation_fit(health, time[, law])`: the parameters of a degradation law.
//!
//! | law             | health at age t     | as                                                     |
//! |-----------------|---------------------|--------------------------------------------------------|
//! | `'linear'`      | `a + b·t`           | `scipy.stats.linregress`                               |
//! | `'exponential'` | `a·exp(b·t)`        | `scipy.optimize.curve_fit`                             |
//! | `'power'`       | `a·t^b`             | the same                                               |
//! | `'wiener'`      | `a + b·t + σ·W(t)`  | maximum likelihood of the increments                   |
//!
//! | rows                                                      | result                     |
//! |-----------------------------------------------------------|----------------------------|
//! | fewer than three (two for wiener), or all at one time     | NULL                       |
//! | values of both signs or zero, exponential and power       | NULL                       |
//! | a time of zero or below, power                            | NULL                       |
//! | all values equal                                          | b = 0, r2 NULL             |
//! | NULL, NaN, infinity in health or time                     | skipped                    |

use analytics::health::{DegradationFit, DegradationLaw, degradation_fit};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::floats;
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct, Timed};

#[user_doc(
    doc_section(label = "Health"),
    description = "A degradation law fitted to a health signal by least squares: `a` and `b` of the law, `sigma`, the standard deviation of what is left over, and `r2`, the share of the variance explained. The age t is in seconds from the first row, or the integer time as it is. As `scipy.optimize.curve_fit`; for `'wiener'`, a drift `b` per unit of time from the first value `a` with diffusion `sigma`, by maximum likelihood. NULL below three rows (two for `'wiener'`) or where the law cannot hold.",
    syntax_example = "degradation_fit(health, time[, law])",
    sql_example = r#"```sql
SELECT engine, fit['a'], fit['b'], fit['r2']
FROM (SELECT engine, degradation_fit(health, cycle, 'exponential') AS fit FROM engines GROUP BY engine);
```"#,
    argument(
        name = "health",
        description = "The health signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "A timestamp, or an integer such as a cycle number. `'power'` needs times above 0: integers."
    ),
    argument(
        name = "law",
        description = "A constant: `'linear'` (the default), `a + b*t`; `'exponential'`, `a * exp(b*t)`; `'power'`, `a * t^b`; `'wiener'`, a drift with noise that adds up."
    ),
    related_udf(name = "degradation_rate"),
    related_udf(name = "rul_linear"),
    related_udf(name = "rul_exponential")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DegradationFitOf;

impl CollectedFunction for DegradationFitOf {
    const NAME: &'static str = "degradation_fit";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("law", DataType::Utf8)];

    type Row = Timed;

    type Output = Struct<DegradationFit>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Struct<DegradationFit>>> {
        let has_timestamps = call.has_timestamps();
        let words = [
            ("linear", DegradationLaw::Linear),
            ("exponential", DegradationLaw::Exponential),
            ("power", DegradationLaw::Power),
            ("wiener", DegradationLaw::Wiener),
        ];
        let law = call.word("law", &words)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            let ages = Timed::times(rows, has_timestamps);
            degradation_fit(&ages, &Timed::values(rows), law).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for DegradationFit {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["a", "b", "sigma", "r2"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |fit| Some(fit.a)),
            floats(records, |fit| Some(fit.b)),
            floats(records, |fit| fit.sigma),
            floats(records, |fit| fit.r2),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};

    fn case(law: &str) -> Case {
        Case::with(Collected::udf(DegradationFitOf), vec![law.into()])
    }

    #[test]
    fn laws_are_found() {
        let ages = [1, 2, 3, 5, 8];
        let check = |law: &str, health: [f64; 5], a, b| {
            let columns = [values(&health), integers(ages)];
            let expected = [("a", a), ("b", b), ("r2", 1.0)];
            case(law).check_fields(&columns, Some(&expected), 1e-9);
        };
        let at = |law: &dyn Fn(f64) -> f64| ages.map(|age| law(age as f64));
        check("linear", at(&|t| 3.0 - 0.5 * t), 3.0, -0.5);
        check("exponential", at(&|t| 0.1 * (0.7 * t).exp()), 0.1, 0.7);
        check("power", at(&|t| 2.0 * t.powf(1.5)), 2.0, 1.5);
        // Increments 1, 3 and 2 over times 1, 1 and 2: a drift of 1.5 with σ² of (0.25 + 2.25 + 0.5) / 3.
        let columns = [values(&[1.0, 2.0, 5.0, 7.0]), integers([0, 1, 2, 4])];
        let expected = [("a", 1.0), ("b", 1.5), ("sigma", 1.0), ("r2", f64::NAN)];
        case("wiener").check_fields(&columns, Some(&expected), 1e-12);
    }

    #[test]
    fn what_has_no_law_has_no_fit() {
        for law in ["linear", "exponential", "power", "wiener"] {
            case(law).check_fields(&[values(&[]), integers([])], None, 0.0);
            case(law).check_fields(&[values(&[1.0]), integers([1])], None, 0.0);
        }
        let signs = [values(&[1.0, -2.0, 3.0]), integers([1, 2, 3])];
        case("exponential").check_fields(&signs, None, 0.0);
        let error = case("cubic").error(&signs);
        assert!(
            error.contains("degradation_fit: argument `law` must be one of 'linear'"),
            "{error}"
        );
    }
}
