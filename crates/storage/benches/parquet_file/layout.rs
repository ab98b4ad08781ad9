//! What a query over one series and one hour reads of a one-day file.
//!
//! The reader is parquet-rs with the page index: row groups and pages are chosen by their minima and
//! maxima of `hostname` and `time`, as any engine does, and every byte range that is asked for is counted.

use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use arrow::array::{AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, TimestampNanosecondType};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection,
    RowSelector,
};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::reader::{ChunkReader, Length};
use storage::files::{Effort, FileOptions, FileWriter, exact_scales};

use super::{data, tables};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const HOSTS: usize = 400;
/// A day at one row in ten seconds.
const ROWS: usize = 8640;

/// Prints a line per layout.
pub(crate) fn run(out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "## One field of one of {HOSTS} hosts over one hour, of a file of one day\n"
    )?;
    writeln!(
        out,
        "| fields | group rows | page rows | tag page rows | file MB | metadata KB | of it index KB | data read KB | of it dictionaries | requests |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
    for (kind, decimals) in [
        ("integer walk", false),
        ("float 2 decimals", false),
        ("float 2 decimals", true),
        ("float full", false),
    ] {
        let rows = tables::table(kind, HOSTS, ROWS);
        for (group_rows, page_rows, run_page_rows) in [
            (128 * 1024, 4096, 4096),
            (128 * 1024, 4096, 32 * 1024),
            (512 * 1024, 4096, 32 * 1024),
            (512 * 1024, 8192, 32 * 1024),
            (1024 * 1024, 4096, 32 * 1024),
            (1024 * 1024, 8192, 64 * 1024),
        ] {
            let mut options = FileOptions::new(Effort::Compaction);
            options.layout.group_rows_max = group_rows;
            options.layout.page_rows_max = page_rows;
            options.layout.run_page_rows_max = run_page_rows;
            if decimals {
                options.scales = exact_scales(&rows);
            }
            let mut writer = FileWriter::new(rows.schema(), &options)?;
            writer.write(&rows)?;
            let (file, _) = writer.finish()?;
            let read = query(&file)?;
            writeln!(
                out,
                "| {kind}{} | {group_rows} | {page_rows} | {run_page_rows} | {:.1} | {:.0} | {:.0} | {:.1} | {:.1} | {} |",
                if decimals { " as decimals" } else { "" },
                file.len() as f64 / 1e6,
                read.metadata as f64 / 1e3,
                read.index as f64 / 1e3,
                read.data as f64 / 1e3,
                read.dictionaries as f64 / 1e3,
                read.requests,
            )?;
        }
    }
    writeln!(out)?;
    Ok(())
}

struct Read {
    /// Footer and page index.
    metadata: usize,
    index: usize,
    data: usize,
    dictionaries: usize,
    requests: usize,
}

/// A file that remembers what was read of it.
#[derive(Clone)]
struct Counted {
    bytes: Bytes,
    ranges: Arc<Mutex<Vec<Range<u64>>>>,
}

impl Length for Counted {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl ChunkReader for Counted {
    type T = <Bytes as ChunkReader>::T;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        self.bytes.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let mut ranges = self
            .ranges
            .lock()
            .map_err(|_| parquet::errors::ParquetError::General("a reader panicked".to_owned()))?;
        ranges.push(start..start + length as u64);
        self.bytes.get_bytes(start, length)
    }
}

fn query(file: &Bytes) -> Result<Read> {
    let mut names = data::host_names(HOSTS);
    let host = names.swap_remove(HOSTS / 2);
    let start = 1_767_225_600_000_000_000 + 10 * 3_600_000_000_000;
    let hour = start..start + 3_600_000_000_000i64;

    let counted = Counted {
        bytes: file.clone(),
        ranges: Arc::default(),
    };
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(counted.clone(), options)?;
    let metadata = Arc::clone(builder.metadata());
    let (end, index) = sizes(file, &metadata)?;

    let (groups, selection) = chosen_pages(&metadata, &host, &hour)?;
    let schema = builder.parquet_schema();
    let mask = ProjectionMask::columns(schema, ["time", "field_3"]);
    let by_host = {
        let host = host.clone();
        let wanted = move |rows: RecordBatch| Ok(is_host(&rows, &host));
        ArrowPredicateFn::new(ProjectionMask::columns(schema, ["hostname"]), wanted)
    };
    let by_time = {
        let wanted = move |rows: RecordBatch| {
            let times = rows.column(0).as_primitive::<TimestampNanosecondType>();
            Ok(times
                .values()
                .iter()
                .map(|time| Some(hour.contains(time)))
                .collect())
        };
        ArrowPredicateFn::new(ProjectionMask::columns(schema, ["time"]), wanted)
    };
    let reader = builder
        .with_row_groups(groups)
        .with_row_selection(selection)
        .with_row_filter(RowFilter::new(vec![Box::new(by_host), Box::new(by_time)]))
        .with_projection(mask)
        .build()?;
    let mut rows = 0;
    for batch in reader {
        rows += batch?.num_rows();
    }
    if rows != 360 {
        return Err(format!("an hour has 360 rows, not {rows}").into());
    }
    Ok(account(&counted, &metadata, end, index))
}

fn is_host(rows: &RecordBatch, host: &str) -> BooleanArray {
    let tags = rows.column(0).as_dictionary::<Int32Type>();
    let texts = tags.downcast_dict::<StringArray>().expect("tags are text");
    texts
        .into_iter()
        .map(|text| Some(text == Some(host)))
        .collect()
}

/// Sizes of everything behind the data, and of the page index.
fn sizes(file: &Bytes, metadata: &ParquetMetaData) -> Result<(usize, usize)> {
    let columns = || {
        metadata
            .row_groups()
            .iter()
            .flat_map(|group| group.columns())
    };
    let index: i64 = columns()
        .map(|column| {
            i64::from(column.column_index_length().unwrap_or(0))
                + i64::from(column.offset_index_length().unwrap_or(0))
        })
        .sum();
    let footer: [u8; 4] = file[file.len() - 8..file.len() - 4].try_into()?;
    let index = usize::try_from(index)?;
    Ok((u32::from_le_bytes(footer) as usize + 8 + index, index))
}

/// Row groups, and rows within them, whose statistics allow the host and the hour.
fn chosen_pages(
    metadata: &ParquetMetaData,
    host: &str,
    hour: &Range<i64>,
) -> Result<(Vec<usize>, RowSelection)> {
    let (mut groups, mut selections) = (Vec::new(), Vec::new());
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let rows = usize::try_from(group.num_rows())?;
        let may_be = |text: &[u8], of: &[u8]| text <= host.as_bytes() && host.as_bytes() <= of;
        let hosts = pages(metadata, number, 1, rows, |min, max| may_be(min, max))?;
        let times = pages(metadata, number, 0, rows, |min, max| {
            let at = |bytes: &[u8]| bytes.try_into().map(i64::from_le_bytes).unwrap_or(0);
            at(min) < hour.end && hour.start <= at(max)
        })?;
        let both = hosts.intersection(&times);
        if both.selects_any() {
            groups.push(number);
            let both: Vec<RowSelector> = both.into();
            selections.extend(both);
        }
    }
    Ok((groups, selections.into()))
}

/// The rows of the pages of a column that a condition on minimum and maximum lets through.
fn pages(
    metadata: &ParquetMetaData,
    group: usize,
    column: usize,
    rows: usize,
    may_match: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<RowSelection> {
    use parquet::file::page_index::column_index::ColumnIndexMetaData;
    let offsets = metadata.offset_index().ok_or("no offset index")?[group][column].page_locations();
    let index = &metadata.column_index().ok_or("no column index")?[group][column];
    let matches = |page: usize| match index {
        ColumnIndexMetaData::INT64(index) => {
            let bytes = |value: Option<&i64>| value.map(|value| value.to_le_bytes());
            match (bytes(index.min_value(page)), bytes(index.max_value(page))) {
                (Some(min), Some(max)) => may_match(&min, &max),
                _ => true,
            }
        }
        ColumnIndexMetaData::BYTE_ARRAY(index) => {
            match (index.min_value(page), index.max_value(page)) {
                (Some(min), Some(max)) => may_match(min, max),
                _ => true,
            }
        }
        _ => true,
    };
    let mut selectors = Vec::new();
    for (page, location) in offsets.iter().enumerate() {
        let end = offsets
            .get(page + 1)
            .map_or(rows, |next| next.first_row_index as usize);
        let length = end - usize::try_from(location.first_row_index)?;
        selectors.push(match matches(page) {
            true => RowSelector::select(length),
            false => RowSelector::skip(length),
        });
    }
    Ok(selectors.into())
}

/// Counts what was read of the data, and what of that were dictionaries.
fn account(counted: &Counted, metadata: &ParquetMetaData, end: usize, index: usize) -> Read {
    let ranges = counted.ranges.lock().expect("the reader is done");
    let data_end = (counted.bytes.len() - end) as u64;
    let data: Vec<&Range<u64>> = ranges
        .iter()
        .filter(|range| range.start < data_end)
        .collect();
    let dictionary_starts: Vec<u64> = metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns())
        .filter_map(|column| column.dictionary_page_offset())
        .map(|offset| offset as u64)
        .collect();
    let length = |range: &Range<u64>| (range.end - range.start) as usize;
    let dictionaries = data
        .iter()
        .filter(|range| dictionary_starts.contains(&range.start));
    Read {
        metadata: end,
        index,
        data: data.iter().map(|range| length(range)).sum(),
        dictionaries: dictionaries.map(|range| length(range)).sum(),
        requests: data.len(),
    }
}
