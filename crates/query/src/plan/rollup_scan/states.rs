//! What is known of windows, from which the aggregates of a query are made: from a rollup it is read, from raw
//! rows it is computed.

use arrow::datatypes::{DataType, TimeUnit};
use catalog::{RollupFunction, TIME_COLUMN};
use datafusion::common::{Column, Result, ScalarValue, internal_err};
use datafusion::functions::core::get_field;
use datafusion::functions::encoding;
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::logical_expr::{Expr, cast, lit};

use crate::rollups::RollupView;
use crate::rollups::layout::{KeptField, ROWS, TIME_FIRST, TIME_LAST};

/// Something that is known of windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Rows,
    TimeFirst,
    TimeLast,
    /// A function of a field.
    Of(RollupFunction, String),
    /// The time of the earliest or latest value of a field.
    Time(RollupFunction, String),
}

/// The type of times.
pub(super) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, None)
}

pub(super) fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

impl State {
    /// Whether a rollup keeps it.
    pub(super) fn is_kept_by(&self, view: &RollupView) -> bool {
        match self {
            Self::Rows | Self::TimeFirst | Self::TimeLast => true,
            Self::Of(function, field) | Self::Time(function, field) => {
                let kept = kept(view, field);
                kept.is_some_and(|kept| kept.functions.contains(function))
            }
        }
    }

    /// The aggregate of raw rows that it is, or is a part of.
    pub(super) fn aggregate(&self, registry: &dyn FunctionRegistry) -> Result<Expr> {
        let time = || column(TIME_COLUMN);
        Ok(match self {
            Self::Rows => count(lit(1_i64)),
            Self::TimeFirst => min(time()),
            Self::TimeLast => max(time()),
            Self::Of(function, field) | Self::Time(function, field) => {
                let value = column(field);
                match function {
                    RollupFunction::Count => count(value),
                    RollupFunction::Sum => sum(value),
                    RollupFunction::Min => min(value),
                    RollupFunction::Max => max(value),
                    RollupFunction::First => {
                        registry.udaf("selector_first")?.call(vec![value, time()])
                    }
                    RollupFunction::Last => {
                        registry.udaf("selector_last")?.call(vec![value, time()])
                    }
                    RollupFunction::Sketch => {
                        let value = cast(value, DataType::Float64);
                        registry.udaf("percentile_agg")?.call(vec![value])
                    }
                    other => return internal_err!("a rollup keeps {other:?}"),
                }
            }
        })
    }

    /// It, out of that aggregate.
    pub(super) fn part(&self, aggregate: Expr) -> Expr {
        let field = |name: &str| get_field().call(vec![aggregate.clone(), lit(name)]);
        match self {
            Self::Of(RollupFunction::First | RollupFunction::Last, _) => field("value"),
            Self::Time(..) => field("time"),
            Self::Of(RollupFunction::Sketch, _) => cast(aggregate, DataType::Binary),
            _ => aggregate,
        }
    }

    /// It, of the rows of a rollup.
    pub(super) fn kept(&self, view: &RollupView) -> Result<Expr> {
        let stored = |name: &str, kind: DataType| -> Result<Expr> {
            match view.table.schema().field_with_name(name) {
                Ok(_) => Ok(column(name)),
                // No row had a value yet.
                Err(_) => Ok(lit(ScalarValue::try_from(&kind)?)),
            }
        };
        let time =
            |name: &str| -> Result<Expr> { Ok(cast(stored(name, DataType::Int64)?, time_type())) };
        match self {
            Self::Rows => stored(ROWS, DataType::Int64),
            Self::TimeFirst => time(TIME_FIRST),
            Self::TimeLast => time(TIME_LAST),
            Self::Of(function, field) | Self::Time(function, field) => {
                let Some(kept) = kept(view, field) else {
                    return internal_err!("the rollup keeps nothing of '{field}'");
                };
                if matches!(self, Self::Time(..)) {
                    return time(&kept.time_column(*function));
                }
                let name = kept.column(*function);
                match function {
                    RollupFunction::Count => stored(&name, DataType::Int64),
                    RollupFunction::Sketch => {
                        // Types are not coerced any more where rules run.
                        let text = cast(stored(&name, DataType::Utf8)?, DataType::Binary);
                        let sketch = encoding::expr_fn::decode(text, lit("base64"));
                        Ok(cast(sketch, DataType::Binary))
                    }
                    _ => stored(
                        &name,
                        storage::arrow_type(catalog::ColumnKind::Field(kept.kind)),
                    ),
                }
            }
        }
    }
}

fn kept<'a>(view: &'a RollupView, field: &str) -> Option<&'a KeptField> {
    view.layout.fields.iter().find(|kept| kept.name == field)
}
