//! The functions that stand for gap filling in a query's text. They are never called: the rule
//! (`rule.rs`) replaces them, and what it leaves over is an error.

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// All of them, for a session to register.
pub(crate) fn all() -> impl Iterator<Item = ScalarUDF> {
    let bins = [Bins::Clockless, Bins::WallClock].map(BinFunction::new);
    let fills = Fill::ALL.map(FillFunction::new);
    let bins = bins.into_iter().map(ScalarUDF::from);
    bins.chain(fills.into_iter().map(ScalarUDF::from))
}

/// How times are put into bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Hash)]
pub(crate) enum Bins {
    /// Of the same length, in UTC.
    Clockless,
    /// By what a clock on the wall shows in the zone of the timestamps.
    WallClock,
}

impl Bins {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clockless => "date_bin_gapfill",
            Self::WallClock => "date_bin_wallclock_gapfill",
        }
    }

    /// The function that bins a time in this way.
    pub(crate) fn binning_function(self) -> &'static str {
        match self {
            Self::Clockless => "date_bin",
            Self::WallClock => "date_bin_wallclock",
        }
    }

    /// The kind and arguments of a call of one of these functions.
    pub(crate) fn of(expression: &Expr) -> Option<(Self, &[Expr])> {
        let Expr::ScalarFunction(call) = expression else {
            return None;
        };
        let function = call.func.inner().downcast_ref::<BinFunction>()?;
        Some((function.bins, &call.args))
    }
}

/// What fills a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Hash)]
pub(crate) enum Fill {
    /// The value before.
    Previous,
    /// The value after.
    Next,
    /// The nearer of the two; the one before if both are as near.
    Nearest,
    /// A straight line.
    Linear,
    /// A cubic that stays between its neighbours.
    Pchip,
    /// A cubic spline through all values.
    Spline,
    /// A constant.
    Constant,
}

impl Fill {
    const ALL: [Self; 7] = [
        Self::Previous,
        Self::Next,
        Self::Nearest,
        Self::Linear,
        Self::Pchip,
        Self::Spline,
        Self::Constant,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Previous => "locf",
            Self::Next => "fill_next",
            Self::Nearest => "fill_nearest",
            Self::Linear => "interpolate",
            Self::Pchip => "fill_pchip",
            Self::Spline => "fill_spline",
            Self::Constant => "fill_const",
        }
    }

    /// The kind and arguments of a call of one of these functions.
    pub(crate) fn of(expression: &Expr) -> Option<(Self, &[Expr])> {
        let Expr::ScalarFunction(call) = expression else {
            return None;
        };
        let function = call.func.inner().downcast_ref::<FillFunction>()?;
        Some((function.fill, &call.args))
    }

    /// The type to compute with, and to answer in.
    fn filled_type(self, given: &DataType) -> Result<DataType> {
        let is_computed = matches!(self, Self::Linear | Self::Pchip | Self::Spline);
        if !is_computed {
            return Ok(given.clone());
        }
        if !given.is_numeric() && !given.is_null() {
            return plan_err!("{} needs numbers, not {given}", self.name());
        }
        Ok(match given {
            _ if self != Self::Linear => DataType::Float64,
            kind if kind.is_signed_integer() => DataType::Int64,
            kind if kind.is_unsigned_integer() => DataType::UInt64,
            _ => DataType::Float64,
        })
    }

    fn argument_types(self, given: &[DataType]) -> Result<Vec<DataType>> {
        let Some(value) = given.first() else {
            return plan_err!("{} needs an aggregate to fill", self.name());
        };
        let value = self.filled_type(value)?;
        Ok(match (self, given) {
            (Self::Constant, [_, _]) => vec![value.clone(), value],
            (Self::Constant, _) => {
                return plan_err!("fill_const takes an aggregate and a value");
            }
            (_, [_]) => vec![value],
            (_, [_, _]) => vec![value, INTERVAL],
            _ => {
                return plan_err!(
                    "{} takes an aggregate and perhaps the longest gap to fill, an interval",
                    self.name()
                );
            }
        })
    }
}

/// The type of times in nanoseconds, in the zone of another type if it has one.
fn nanoseconds(kind: &DataType) -> DataType {
    let zone = match kind {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    DataType::Timestamp(TimeUnit::Nanosecond, zone)
}

/// `date_bin_gapfill` and `date_bin_wallclock_gapfill`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct BinFunction {
    bins: Bins,
    signature: Signature,
}

impl BinFunction {
    fn new(bins: Bins) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { bins, signature }
    }
}

impl ScalarUDFImpl for BinFunction {
    fn name(&self) -> &str {
        self.bins.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        if !matches!(given.len(), 2 | 3) {
            let name = self.name();
            return plan_err!("{name} takes an interval, a time and perhaps an origin");
        }
        let time = match &given[1] {
            time if time.is_null() => nanoseconds(time),
            time @ (DataType::Timestamp(..) | DataType::Date32 | DataType::Date64) => {
                nanoseconds(time)
            }
            other => return plan_err!("{} needs a time to bin, not {other}", self.name()),
        };
        let origin = given.get(2).map(|origin| match self.bins {
            Bins::Clockless => time.clone(),
            // It is what a clock shows, here or in another zone.
            Bins::WallClock => nanoseconds(origin),
        });
        let mut types = vec![INTERVAL, time];
        types.extend(origin);
        Ok(types)
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [_, time, ..] => Ok(time.clone()),
            _ => plan_err!("{} needs a time to bin", self.name()),
        }
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("{} is not a function of single rows", self.name())
    }
}

/// `locf`, `interpolate` and the like.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FillFunction {
    fill: Fill,
    signature: Signature,
}

impl FillFunction {
    fn new(fill: Fill) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { fill, signature }
    }
}

impl ScalarUDFImpl for FillFunction {
    fn name(&self) -> &str {
        self.fill.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.fill.argument_types(given)
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let types = self.fill.argument_types(arguments)?;
        Ok(types[0].clone())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("{} is not a function of single rows", self.name())
    }
}
