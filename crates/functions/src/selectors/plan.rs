//! [`Plan`]: which rows are better than which, for the types of one call.
//!
//! The columns of a selector are `value, time, others…`. A row's *rank* is two integers that the hot loop compares; its
//! *rest* are the columns that the rank does not hold, in arrow's row format, whose bytes compare as the columns do.
//! The best row has the largest rank and, among those, the largest rest.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion_common::{Result, plan_err};

use super::contenders::contenders;
use super::ranks::{self, Keys};
use crate::runs::Groups;

/// What a selector looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// The smallest time.
    First,
    /// The largest time.
    Last,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
}

/// Where the value is among the columns.
const VALUE: usize = 0;

/// Where the time is among the columns.
const TIME: usize = 1;

/// How the rows of one call are compared.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    types: Vec<DataType>,
    /// What the first and the second number of a rank are taken from.
    rank: [Option<Rank>; 2],
    /// The columns that the rank does not hold, in the order in which they settle ties, and whether smaller is better.
    rest: Vec<(usize, bool)>,
}

/// A column in a rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rank {
    pub(crate) column: usize,
    /// Whether smaller is better.
    pub(crate) is_reversed: bool,
}

impl Plan {
    /// The comparison for columns of `types`.
    ///
    /// # Errors
    /// When values of a type cannot be compared.
    pub(crate) fn try_new(name: &str, rule: Rule, types: &[DataType]) -> Result<Self> {
        let value = (VALUE, rule == Rule::Min);
        let time = (TIME, rule != Rule::Last);
        let order = match rule {
            Rule::First | Rule::Last => [time, value],
            Rule::Min | Rule::Max => [value, time],
        };
        // A number may decide only after all before it have: what cannot be ranked ends the rank.
        let ranked = order
            .iter()
            .take_while(|(column, _)| ranks::is_supported(&types[*column]));
        let ranked: Vec<Rank> = ranked
            .map(|(column, is_reversed)| Rank {
                column: *column,
                is_reversed: *is_reversed,
            })
            .collect();
        let others = (TIME + 1..types.len()).map(|column| (column, false));
        let rest = order.into_iter().skip(ranked.len()).chain(others).collect();
        let plan = Self {
            types: types.to_vec(),
            rank: [ranked.first().copied(), ranked.get(1).copied()],
            rest,
        };
        if !RowConverter::supports_fields(&plan.rest_fields()) {
            return plan_err!("{name}: values of these types cannot be compared");
        }
        Ok(plan)
    }

    /// The types of the columns.
    pub(crate) fn types(&self) -> &[DataType] {
        &self.types
    }

    /// What the numbers of a rank are taken from.
    pub(crate) fn rank(&self) -> [Option<Rank>; 2] {
        self.rank
    }

    /// The columns of the rest, in order.
    pub(crate) fn rest(&self) -> impl Iterator<Item = usize> {
        self.rest.iter().map(|(column, _)| *column)
    }

    /// The encoding of the rest; `None` when the rank holds everything.
    pub(crate) fn rest_converter(&self) -> Result<Option<RowConverter>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        Ok(Some(RowConverter::new(self.rest_fields())?))
    }

    /// The same comparison with nothing in the rank: every row is encoded as a whole.
    pub(crate) fn encoded(&self) -> Self {
        let ranked = self
            .rank
            .iter()
            .flatten()
            .map(|rank| (rank.column, rank.is_reversed));
        Self {
            rest: ranked.chain(self.rest.iter().copied()).collect(),
            rank: [None, None],
            ..self.clone()
        }
    }

    /// Of the rows that are kept, those that can be the best of their groups; `None` where all of them have to be compared.
    pub(crate) fn contenders(
        &self,
        columns: &[ArrayRef],
        groups: Groups,
        is_kept: impl Fn(usize) -> bool,
    ) -> Result<Option<Vec<u32>>> {
        let Some(by_time) = self.rank[0].filter(|rank| rank.column == TIME) else {
            return Ok(None);
        };
        let time = &columns[TIME];
        let times = time.logical_nulls();
        let has_time = |row| times.as_ref().is_none_or(|times| times.is_valid(row));
        let has_value = ranks::presence(&columns[VALUE])?;
        let may_be_picked = |row| is_kept(row) && has_time(row) && has_value(row);
        Ok(contenders(time, by_time.is_reversed, groups, may_be_picked))
    }

    /// The ranks of all rows.
    pub(crate) fn ranks(&self, columns: &[ArrayRef]) -> Result<[Option<Keys>; 2]> {
        let keys = |rank: Rank| ranks::keys(&columns[rank.column], rank.is_reversed);
        let [first, second] = self.rank;
        Ok([first.map(keys).transpose()?, second.map(keys).transpose()?])
    }

    fn rest_fields(&self) -> Vec<SortField> {
        let field = |(column, is_reversed): &(usize, bool)| {
            // Missing others are the smallest; values and times that are compared are never missing.
            let options = SortOptions {
                descending: *is_reversed,
                nulls_first: true,
            };
            SortField::new_with_options(self.types[*column].clone(), options)
        };
        self.rest.iter().map(field).collect()
    }
}

/// Whether a row may be picked: its value and its time are there.
pub(crate) fn is_present(columns: &[ArrayRef]) -> Result<Option<NullBuffer>> {
    let value = ranks::present(&columns[VALUE])?;
    let time = columns[TIME].logical_nulls();
    Ok(NullBuffer::union(value.as_ref(), time.as_ref()))
}
