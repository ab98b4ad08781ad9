//! [`Best`]: the best row of every group.

use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{cast, take};
use arrow::row::{RowConverter, Rows};
use datafusion_common::Result;
use datafusion_expr::EmitTo;

use super::plan::{Plan, is_present};
use super::ranks;
use crate::runs::Groups;

/// The best row of a group so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Rank {
    /// Whether there is a row.
    is_some: bool,
    numbers: [i64; 2],
}

/// A row that was at least as good as the best when it came.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    group: usize,
    row: u32,
    rank: Rank,
    is_better: bool,
}

/// The best rows of all groups, side by side: 24 bytes each, and the rest of the row where the rank is not all of it.
#[derive(Debug)]
pub(crate) struct Best {
    plan: Plan,
    ranks: Vec<Rank>,
    rests: Option<Rests>,
}

/// The encoded rest of every group's best row.
#[derive(Debug)]
struct Rests {
    converter: RowConverter,
    bytes: Vec<Option<Box<[u8]>>>,
    heap_bytes: usize,
}

impl Best {
    pub(crate) fn try_new(plan: Plan) -> Result<Self> {
        let rests = plan.rest_converter()?.map(|converter| Rests {
            converter,
            bytes: vec![],
            heap_bytes: 0,
        });
        Ok(Self {
            plan,
            ranks: vec![],
            rests,
        })
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Considers every row that has a value, has a time and passes the filter.
    pub(crate) fn update(
        &mut self,
        columns: &[ArrayRef],
        groups: Groups,
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        self.ranks.resize(group_count, Rank::default());
        if let Some(rests) = &mut self.rests {
            rests.bytes.resize(group_count, None);
        }
        let is_kept = |row| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        if let Some(contenders) = self.plan.contenders(columns, groups, is_kept)? {
            let groups: Vec<usize> = contenders
                .iter()
                .map(|row| groups.of_rows[*row as usize])
                .collect();
            let contenders = UInt32Array::from(contenders);
            let columns = columns.iter().map(|column| take(column, &contenders, None));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            return self.compare(&columns, &groups, None);
        }
        let rows = eligible(columns, filter)?;
        self.compare(columns, groups.of_rows, rows.as_ref())
    }

    fn compare(
        &mut self,
        columns: &[ArrayRef],
        groups: &[usize],
        rows: Option<&NullBuffer>,
    ) -> Result<()> {
        let candidates = self.compare_ranks(columns, groups, rows)?;
        self.compare_rests(columns, candidates)
    }

    /// Raises the ranks. The rows that raised one, or equalled it, are returned when their rest matters.
    fn compare_ranks(
        &mut self,
        columns: &[ArrayRef],
        groups: &[usize],
        rows: Option<&NullBuffer>,
    ) -> Result<Vec<Candidate>> {
        let [first, second] = self.plan.ranks(columns)?;
        let zeros = (first.is_none() || second.is_none()).then(|| vec![0; groups.len()]);
        let zeros = zeros.as_deref().unwrap_or_default();
        let first = first.as_deref().unwrap_or(zeros);
        let second = second.as_deref().unwrap_or(zeros);
        let has_rest = self.rests.is_some();
        let mut candidates = vec![];
        for (row, &group) in groups.iter().enumerate() {
            if rows.is_some_and(|rows| rows.is_null(row)) {
                continue;
            }
            let rank = Rank {
                is_some: true,
                numbers: [first[row], second[row]],
            };
            let best = &mut self.ranks[group];
            let is_better = rank > *best;
            if has_rest && rank >= *best {
                candidates.push(Candidate {
                    group,
                    row: row as u32,
                    rank,
                    is_better,
                });
            }
            if is_better {
                *best = rank;
            }
        }
        Ok(candidates)
    }

    /// Keeps the largest rest among the candidates that were not surpassed by a later one.
    fn compare_rests(
        &mut self,
        columns: &[ArrayRef],
        mut candidates: Vec<Candidate>,
    ) -> Result<()> {
        let Some(rests) = &mut self.rests else {
            return Ok(());
        };
        candidates.retain(|candidate| candidate.rank == self.ranks[candidate.group]);
        if candidates.is_empty() {
            return Ok(());
        }
        let rows = UInt32Array::from_iter_values(candidates.iter().map(|candidate| candidate.row));
        let columns = self
            .plan
            .rest()
            .map(|column| take(&columns[column], &rows, None));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let encoded = rests.converter.convert_columns(&columns)?;
        rests.keep_largest(&candidates, &encoded);
        Ok(())
    }

    /// Takes the rows of groups out, as columns; a group without a row has NULLs.
    pub(crate) fn take(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let ranks = emit_to.take_needed(&mut self.ranks);
        let nulls = NullBuffer::from_iter(ranks.iter().map(|rank| rank.is_some));
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.plan.types().len()];
        for (index, rank) in self.plan.rank().into_iter().enumerate() {
            let Some(rank) = rank else { continue };
            let keys = ranks.iter().map(|rank| rank.numbers[index]);
            let data_type = &self.plan.types()[rank.column];
            let column = ranks::column(keys, Some(nulls.clone()), rank.is_reversed, data_type)?;
            columns[rank.column] = Some(column);
        }
        if let Some(rests) = &mut self.rests {
            let decoded = rests.take(emit_to)?;
            for (column, array) in self.plan.rest().zip(decoded) {
                // Dictionaries come back as what they hold.
                columns[column] = Some(cast(&array, &self.plan.types()[column])?);
            }
        }
        Ok(columns.into_iter().flatten().collect())
    }

    /// Memory in use, in bytes.
    pub(crate) fn size(&self) -> usize {
        let rests = self.rests.as_ref().map_or(0, |rests| {
            rests.heap_bytes + rests.bytes.capacity() * size_of::<Option<Box<[u8]>>>()
        });
        size_of_val(self) + self.ranks.capacity() * size_of::<Rank>() + rests
    }
}

impl Rests {
    fn keep_largest(&mut self, candidates: &[Candidate], encoded: &Rows) {
        for (candidate, row) in candidates.iter().zip(encoded) {
            let best = &mut self.bytes[candidate.group];
            let row = row.data();
            if !candidate.is_better && best.as_deref().is_some_and(|best| best >= row) {
                continue;
            }
            self.heap_bytes += row.len();
            self.heap_bytes -= best.replace(row.into()).map_or(0, |old| old.len());
        }
    }

    fn take(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let bytes = emit_to.take_needed(&mut self.bytes);
        self.heap_bytes -= bytes
            .iter()
            .flatten()
            .map(|bytes| bytes.len())
            .sum::<usize>();
        decode(&self.converter, bytes.iter().map(Option::as_deref))
    }
}

/// The columns of encoded rows; `None` is a row of NULLs.
pub(crate) fn decode<'a>(
    converter: &RowConverter,
    rows: impl Iterator<Item = Option<&'a [u8]>>,
) -> Result<Vec<ArrayRef>> {
    let parser = converter.parser();
    let rows: Vec<Option<&[u8]>> = rows.collect();
    let present = rows.iter().flatten().map(|bytes| parser.parse(bytes));
    let decoded = converter.convert_rows(present)?;
    let mut next = 0;
    let indices = rows.iter().map(|row| {
        row.map(|_| {
            next += 1;
            next - 1
        })
    });
    let indices: UInt32Array = indices.collect();
    let columns = decoded
        .iter()
        .map(|column| Ok(take(column, &indices, None)?));
    columns.collect()
}

/// The rows that may be picked; `None` is all of them.
fn eligible(columns: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Option<NullBuffer>> {
    let present = is_present(columns)?;
    let passed = filter.map(|filter| NullBuffer::new(passed(filter)));
    let rows = NullBuffer::union(present.as_ref(), passed.as_ref());
    Ok(rows.filter(|rows| rows.null_count() > 0))
}

/// The rows that a FILTER keeps: where it is true, not NULL.
pub(crate) fn passed(filter: &BooleanArray) -> BooleanBuffer {
    match filter.nulls() {
        Some(nulls) => filter.values() & nulls.inner(),
        None => filter.values().clone(),
    }
}
