//! From the record of a check to what its evaluation needs.

use automation::{Judgement, Level};
use catalog::{Check, CheckLevel};

use crate::error::{Error, Result};

/// The column that says whether a level's condition is met, before its number.
pub(super) const IS_MET: &str = "__check_is_met_";
/// The column that says whether a level may be left, before its number.
pub(super) const IS_LEFT: &str = "__check_is_left_";

/// How a check judges.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rules {
    pub(super) how: Judgement,
    /// In the order of the columns.
    pub(super) levels: Vec<(Level, bool)>,
    pub(super) forget_after: Option<i64>,
}

impl Rules {
    /// Those of a check.
    pub(crate) fn of(check: &Check) -> Result<Self> {
        let nanos = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
        let levels: Result<Vec<_>> = check
            .levels
            .iter()
            .map(|it| Ok((level(&it.level)?, it.until.is_some())))
            .collect();
        let silence = check.silence.as_ref();
        let silence = silence.map(|it| Ok::<_, Error>((nanos(it.after_nanos), level(&it.level)?)));
        Ok(Self {
            how: Judgement {
                worse_for: nanos(check.worse_for_nanos),
                better_for: nanos(check.better_for_nanos),
                silence: silence.transpose()?,
            },
            levels: levels?,
            forget_after: check.forget_after_nanos.map(nanos),
        })
    }
}

fn level(name: &str) -> Result<Level> {
    Level::of_name(name).ok_or_else(|| Error::InvalidCheck {
        problem: format!("'{name}' is no level; levels are crit, warn, info and ok"),
    })
}

/// The query of a check with a column for every condition.
pub(crate) fn wrapped(select: &str, levels: &[CheckLevel]) -> String {
    let mut columns = String::from("check_rows.*");
    for (number, level) in levels.iter().enumerate() {
        columns += &format!(", (({}) IS TRUE) AS \"{IS_MET}{number}\"", level.when);
        if let Some(until) = &level.until {
            columns += &format!(", (({until}) IS TRUE) AS \"{IS_LEFT}{number}\"");
        }
    }
    format!("SELECT {columns} FROM (\n{select}\n) AS check_rows")
}
