//! The rows of a file that a scan wants, as far as they are known.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use catalog::{FileRecord, TIME_COLUMN};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::parquet::arrow::arrow_reader::RowSelection;
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use object_store::path::Path;

use super::TagRows;
use super::reading::RowsOfTag;
use crate::footers;
use crate::search::partition_point;
use crate::time_range;
use crate::wanted::{TagValues, Wanted};

/// Rows of a file that have one of the values wanted of a tag.
#[derive(Debug)]
pub(crate) struct KnownRows<'a> {
    tag: &'a TagValues<'a>,
    rows: Vec<Range<usize>>,
    columns: Option<SchemaRef>,
}

impl<'a> KnownRows<'a> {
    /// Those of a file, without pages of other times than are wanted if its footer is in memory; `None` if they are not known.
    pub(crate) fn of(
        wanted: &'a Wanted<'a>,
        record: &FileRecord,
        file: &PartitionedFile,
        known: &Arc<TagRows>,
        readers: &Arc<dyn ParquetFileReaderFactory>,
        footers: &FileMetadataCache,
    ) -> Option<Self> {
        let rows_of = |tag: &str| known.of(file, record.rows, tag, readers);
        Self::fewest(wanted, record, footers, rows_of)
    }

    /// The same for one who only wants to know, so that none become known on that account.
    pub(crate) fn as_known(
        wanted: &'a Wanted<'a>,
        record: &FileRecord,
        known: &TagRows,
        footers: &FileMetadataCache,
    ) -> Option<Self> {
        let path = Path::from(record.path());
        Self::fewest(wanted, record, footers, |tag| known.as_known(&path, tag))
    }

    fn fewest(
        wanted: &'a Wanted<'a>,
        record: &FileRecord,
        footers: &FileMetadataCache,
        rows_of: impl Fn(&str) -> Option<Arc<RowsOfTag>>,
    ) -> Option<Self> {
        let of_tag = |tag: &'a TagValues<'a>| {
            let found = rows_of(tag.name)?;
            Some(Self {
                tag,
                rows: found.rows(&tag.values),
                columns: found.columns.clone(),
            })
        };
        let all = wanted.tags.iter().filter_map(of_tag);
        let mut fewest = all.min_by_key(Self::count)?;
        if wanted.times != time_range::ALL
            && let Some(footer) = footers::in_memory(record, footers)
        {
            fewest.leave_out_times(&footer, &wanted.times);
        }
        Some(fewest)
    }

    pub(crate) fn count(&self) -> usize {
        self.rows.iter().map(ExactSizeIterator::len).sum()
    }

    /// The file with nothing but these rows of it, and what is known of them.
    pub(crate) fn narrow(
        self,
        file: PartitionedFile,
        record: &FileRecord,
        schema: &Schema,
    ) -> Result<(PartitionedFile, Narrowed<'a>)> {
        let narrowed = Narrowed {
            rows: self.count(),
            tag: Some(self.tag),
        };
        // Of all its rows they are ends that these need not reach.
        let mut statistics = match &file.statistics {
            Some(statistics) => Statistics::clone(statistics).to_inexact(),
            None => Statistics::new_unknown(schema),
        };
        statistics.num_rows = Precision::Exact(narrowed.rows);
        if let [value] = self.tag.values[..] {
            // All of these rows have it: it is neither read nor compared.
            let place = schema.index_of(self.tag.name)?;
            let value = ScalarValue::from(value).cast_to(schema.field(place).data_type())?;
            statistics.column_statistics[place] = ColumnStatistics {
                null_count: Precision::Exact(0),
                min_value: Precision::Exact(value.clone()),
                max_value: Precision::Exact(value),
                ..ColumnStatistics::new_unknown()
            };
        }
        let rows = usize::try_from(record.rows).unwrap_or(usize::MAX);
        let selection = RowSelection::from_consecutive_ranges(self.rows.into_iter(), rows);
        let file = file
            .with_statistics(Arc::new(statistics))
            .with_extension(ParquetRowSelection::new(selection));
        let file = match self.columns {
            Some(columns) => file.with_arrow_schema(columns),
            None => file,
        };
        Ok((file, narrowed))
    }

    /// Leaves out pages without any of these times, as far as page indexes tell of them.
    fn leave_out_times(&mut self, footer: &ParquetMetaData, times: &RangeInclusive<i64>) {
        let mut first_row = 0;
        let mut left = vec![];
        for group in 0..footer.num_row_groups() {
            let end_row = first_row + footer.row_group(group).num_rows().unsigned_abs() as usize;
            let after = self.rows.partition_point(|run| run.end <= first_row);
            let in_group = self.rows[after..].iter();
            for run in in_group.take_while(|run| run.start < end_row) {
                let start = run.start.max(first_row) - first_row;
                let run = start..run.end.min(end_row) - first_row;
                let in_times = within(run, footer, group, times).into_iter();
                left.extend(in_times.map(|it| it.start + first_row..it.end + first_row));
            }
            first_row = end_row;
        }
        self.rows = left;
    }
}

/// What is known of files that are read in part.
pub(crate) struct Narrowed<'a> {
    /// That many rows are read.
    pub(crate) rows: usize,
    /// All of them have one of these values.
    pub(crate) tag: Option<&'a TagValues<'a>>,
}

impl<'a> Narrowed<'a> {
    /// What is known of all of some files, if all of them are read in part.
    pub(crate) fn all(each: Vec<Option<Self>>) -> Option<Self> {
        let both = |one: Self, other: Self| Self {
            rows: one.rows + other.rows,
            tag: one.tag.filter(|_| one.tag == other.tag),
        };
        let each: Option<Vec<_>> = each.into_iter().collect();
        each?.into_iter().reduce(both)
    }
}

/// The parts of a run of rows of a row group that are in pages with some of these times.
fn within(
    run: Range<usize>,
    footer: &ParquetMetaData,
    group: usize,
    times: &RangeInclusive<i64>,
) -> Vec<Range<usize>> {
    let Some((ColumnIndexMetaData::INT64(index), pages)) =
        footers::pages(footer, group, TIME_COLUMN)
    else {
        return vec![run];
    };
    let (least, greatest) = (index.min_values(), index.max_values());
    let has_some = |page: usize| {
        let is_before = greatest.get(page).is_some_and(|max| max < times.start());
        let is_after = least.get(page).is_some_and(|min| min > times.end());
        !is_before && !is_after
    };
    let first_row = |page: usize| match pages.get(page) {
        Some(page) => page.first_row_index.unsigned_abs() as usize,
        None => footer.row_group(group).num_rows().unsigned_abs() as usize,
    };
    let first = partition_point(pages.len(), |page| first_row(page + 1) <= run.start);
    let (mut parts, mut row) = (vec![], run.start);
    for page in first..pages.len() {
        let (start, end) = (first_row(page), first_row(page + 1));
        if start > row || end <= row {
            // Pages that do not follow one another are damaged, which whoever reads them says.
            return vec![run];
        }
        let part = row..end.min(run.end);
        row = part.end;
        if has_some(page) {
            parts.push(part);
        }
        if row == run.end {
            return parts;
        }
    }
    vec![run]
}

#[cfg(test)]
#[expect(
    clippy::single_range_in_vec_init,
    reason = "some lists of runs have one"
)]
mod tests {
    use arrow::array::{Int64Array, RecordBatch};
    use bytes::Bytes;
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
    use datafusion::parquet::file::properties::WriterProperties;

    use super::*;

    /// Row groups of 100 rows with pages of 10, and in each page times from `first` on, one a row.
    fn footer(first: impl Fn(i64) -> i64) -> ParquetMetaData {
        let times = (0..300).map(|row| first(row / 10) + row % 10);
        let times: Int64Array = times.collect();
        let batch = RecordBatch::try_from_iter([(TIME_COLUMN, Arc::new(times) as _)]).unwrap();
        let layout = WriterProperties::builder()
            .set_max_row_group_row_count(Some(100))
            .set_data_page_row_count_limit(10)
            .set_write_batch_size(10)
            .build();
        let mut file = vec![];
        let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(layout)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
        reader.parse_and_finish(&Bytes::from(file)).unwrap()
    }

    fn left(
        footer: &ParquetMetaData,
        rows: impl IntoIterator<Item = Range<usize>>,
        times: RangeInclusive<i64>,
    ) -> Vec<Range<usize>> {
        let tag = TagValues {
            name: "tag",
            values: vec![],
        };
        let mut known = KnownRows {
            tag: &tag,
            rows: rows.into_iter().collect(),
            columns: None,
        };
        known.leave_out_times(footer, &times);
        let selection = RowSelection::from_consecutive_ranges(known.rows.into_iter(), 300);
        let (mut row, mut left) = (0, vec![]);
        for part in selection.iter() {
            if !part.skip {
                left.push(row..row + part.row_count);
            }
            row += part.row_count;
        }
        left
    }

    #[test]
    fn pages_of_other_times_are_left_out() {
        // Series of 150 rows, all of the same times.
        let footer = footer(|page| page % 15 * 10);
        let all = || [0..150, 150..300];
        assert_eq!(left(&footer, all(), 0..=149), [0..300]);
        assert_eq!(left(&footer, all(), 95..=104), [90..110, 240..260]);
        assert_eq!(left(&footer, [93..97, 155..159], 0..=9), [155..159]);
        assert_eq!(left(&footer, [85..117], 100..=100), [100..110]);
        assert!(left(&footer, all(), 150..=i64::MAX).is_empty());
        assert!(left(&footer, all(), i64::MIN..=-1).is_empty());
        assert!(left(&footer, [], 0..=9).is_empty());
    }

    #[test]
    fn no_row_of_a_wanted_time_is_left_out() {
        let first = |page: i64| page * 7919 % 31;
        let footer = footer(first);
        let time = |row: usize| first(row as i64 / 10) + row as i64 % 10;
        for start in (0..300).step_by(13) {
            for end in (start + 1..=300).step_by(17) {
                let times = (start as i64 % 40)..=(end as i64 % 40);
                let left = left(&footer, [start..end], times.clone());
                let is_left = |row: usize| left.iter().any(|run| run.contains(&row));
                for row in 0..300 {
                    let is_in = (start..end).contains(&row);
                    if is_in && times.contains(&time(row)) {
                        assert!(is_left(row), "row {row} of {start}..{end} in {times:?}");
                    }
                    assert!(is_in || !is_left(row), "row {row} of {start}..{end}");
                }
            }
        }
    }
}
