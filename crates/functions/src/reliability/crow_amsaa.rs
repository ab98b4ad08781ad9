//! `crow_amsaa(age[, end])`: whether the failures of a repaired system get rarer.
//!
//! | ages                                        | result                       |
//! |---------------------------------------------|------------------------------|
//! | fewer than two                              | NULL                         |
//! | all at the end                              | NULL: no growth to speak of  |
//! | zero or below, or after the end             | skipped                      |
//! | NULL, NaN, infinity among them              | skipped                      |

use analytics::reliability::{CrowAmsaa, crow_amsaa};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::floats;
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Reliability growth of a system that is repaired, by the model of Crow and AMSAA (MIL-HDBK-189): `beta`, below 1 when failures get rarer, above 1 when they get more frequent; `lambda`, the failures expected in the first unit of time; `mtbf`, the time per failure at the end. By maximum likelihood. NULL below two failures.",
    syntax_example = "crow_amsaa(age[, end])",
    sql_example = r#"```sql
SELECT machine, crow_amsaa(hours_at_failure, 8760)['beta'] FROM failures GROUP BY machine;
```"#,
    argument(
        name = "age",
        description = "The age of the system at each failure, in any unit. NULL, NaN and infinities are skipped, and ages not above 0."
    ),
    argument(
        name = "end",
        description = "A constant above 0: the age until which failures were counted; those after it are skipped. Default: the last failure."
    ),
    related_udf(name = "mtbf"),
    related_udf(name = "weibull_fit")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CrowAmsaaOf;

impl CollectedFunction for CrowAmsaaOf {
    const NAME: &'static str = "crow_amsaa";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("end", DataType::Float64)];

    type Row = f64;

    type Output = Struct<CrowAmsaa>;

    fn bind(&self, call: &Call) -> Result<Formula<f64, Struct<CrowAmsaa>>> {
        let end = call.float("end", 1.0, "a number above 0", |end| end > 0.0)?;
        let end = call.option("end").map(|_| end);
        Ok(Formula::new(move |ages: &[f64]| {
            crow_amsaa(ages, end).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for CrowAmsaa {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["beta", "lambda", "mtbf"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |growth| Some(growth.beta)),
            floats(records, |growth| Some(growth.lambda)),
            floats(records, |growth| Some(growth.mtbf)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    fn case(options: &[f64]) -> Case {
        let options = options.iter().map(|x| (*x).into()).collect();
        Case::with(Collected::udf(CrowAmsaaOf), options)
    }

    // Expected: the formulas of MIL-HDBK-189 in numpy 2.4.6.
    #[test]
    fn growth_is_found() {
        let ages = [
            2.6,
            16.5,
            16.5,
            17.0,
            21.4,
            29.1,
            33.3,
            56.5,
            63.1,
            70.6,
            f64::NAN,
        ];
        let failure = [("beta", 0.9259964175142575), ("lambda", 0.1940946077332603)];
        case(&[]).check_fields(&[values(&ages)], Some(&failure), 1e-9);
        let time = [("beta", 0.8299345610811302), ("mtbf", 9.639314200361348)];
        case(&[80.0]).check_fields(&[values(&ages)], Some(&time), 1e-9);
        case(&[]).check_fields(&[values(&[5.0])], None, 0.0);
        case(&[]).check_fields(&[values(&[])], None, 0.0);
        let error = case(&[0.0]).error(&[values(&ages)]);
        assert!(
            error.contains("crow_amsaa: argument `end` must be a number above 0"),
            "{error}"
        );
    }
}
