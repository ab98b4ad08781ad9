//! A table of a database in a query: a snapshot of its files and buffered rows.
//!
//! The scan is a union of what the snapshot says has to be read for the filters' time range:
//!
//! ```text
//! UnionExec
//! ├─ DataSourceExec (Parquet)     files that need no merging, in as many groups as there are cores
//! ├─ VisibleRowsExec              the same for files with rows that must not be seen
//! │  └─ DataSourceExec …
//! ├─ BufferedExec                 buffered rows that need no merging
//! └─ ProjectionExec               one for every set of sources whose rows may replace one another
//!    └─ KeyMergeExec
//!       ├─ DataSourceExec …       a file, oldest first, read with its key columns; under a
//!       │                         VisibleRowsExec if it has rows that must not be seen
//!       └─ BufferedExec           the newest rows, from the buffer
//! ```
//!
//! All filters are re-applied above the scan, so a filter below only has to skip what cannot
//! matter, unless the source says that all of its rows pass: those of files that are known to have a tag,
//! and buffered rows of the times and series that filters ask for, of which there are no others. Below a merge
//! filters are those on the row key alone: a field's value may come from another row of the same key.

use std::any::type_name;
use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use catalog::{FileRecord, TIME_COLUMN, Table};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::TableParquetOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{
    ColumnStatistics, Result, ScalarValue, Statistics, ToDFSchema, internal_datafusion_err,
    project_schema,
};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, FileSource, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use storage::{BufferedRows, FileRows, RowFilter, ScanUnit, TableSnapshot, key_columns};

use crate::buffered_exec::BufferedExec;
use crate::file_reader::IndexedReaderFactory;
use crate::filter_share;
use crate::key_merge_exec::KeyMergeExec;
use crate::rollups::RollupView;
use crate::scan_size::SMALL_ROWS;
use crate::session::store_url;
use crate::tag_filter::TagFilter;
use crate::tag_rows::{KnownRows, KnownRowsSource, Narrowed, TagRows};
use crate::visible_rows_exec::VisibleRowsExec;
use crate::wanted::Wanted;

/// So many values of rows that are probably wanted take no longer to decode than to choose from first.
const FEW_VALUES: usize = 1 << 18;

/// A table as of one moment.
#[derive(Debug)]
pub(crate) struct SnapshotTable {
    snapshot: TableSnapshot,
    storage: Arc<storage::Engine>,
    /// What can be read in place of its rows, where that gives the same answer.
    rollups: Vec<Arc<RollupView>>,
}

impl SnapshotTable {
    pub(crate) fn new(snapshot: TableSnapshot, storage: Arc<storage::Engine>) -> Self {
        Self {
            snapshot,
            storage,
            rollups: Vec::new(),
        }
    }

    /// With rollups of the same moment.
    pub(crate) fn with_rollups(self, rollups: Vec<Arc<RollupView>>) -> Self {
        Self { rollups, ..self }
    }

    pub(crate) fn rollups(&self) -> &[Arc<RollupView>] {
        &self.rollups
    }

    /// The same rows, and nothing in their place.
    pub(crate) fn without_rollups(&self) -> Self {
        Self::new(self.snapshot.clone(), Arc::clone(&self.storage))
    }

    pub(crate) fn snapshot(&self) -> &TableSnapshot {
        &self.snapshot
    }

    /// Where the snapshot is from.
    pub(crate) fn storage(&self) -> &Arc<storage::Engine> {
        &self.storage
    }

    pub(crate) fn catalog_table(&self) -> &Arc<Table> {
        self.snapshot.table()
    }

    pub(crate) fn snapshot_schema(&self) -> &SchemaRef {
        self.snapshot.schema()
    }

    /// What has to be read for a range of times.
    pub(crate) fn scan_units(&self, range: &RangeInclusive<i64>) -> impl Iterator<Item = ScanUnit> {
        self.snapshot.scan_units(range).into_iter()
    }
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.snapshot.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = Scan {
            table: self,
            session,
            projection,
            filters,
            wanted: Wanted::of(self, filters),
            readers: readers(session)?,
            tag_rows: kept(session)?,
            limit,
        };
        let range = &scan.wanted.times;
        let (mut files, mut plans, mut buffered) = (Vec::new(), Vec::new(), Vec::new());
        for unit in self.snapshot.scan_units(range) {
            match unit {
                ScanUnit::File(file) => files.push(file),
                ScanUnit::Buffered(rows) => buffered.push(rows),
                ScanUnit::Merged { files, buffered } => {
                    plans.push(scan.merged(&files, buffered)?);
                }
            }
        }
        if !buffered.is_empty() {
            plans.push(scan.buffered(buffered)?);
        }
        for (filter, files) in by_filter(files) {
            plans.insert(0, scan.unmerged(&files, filter)?);
        }
        // Of files that are known to have none of the rows.
        plans.retain(|plan| !plan.is::<EmptyExec>());
        match plans.len() {
            0 => Ok(Arc::new(EmptyExec::new(scan.output_schema()?))),
            1 => Ok(plans.swap_remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}

/// One call of `scan`.
struct Scan<'a> {
    table: &'a SnapshotTable,
    session: &'a dyn Session,
    projection: Option<&'a Vec<usize>>,
    filters: &'a [Expr],
    wanted: Wanted<'a>,
    readers: Arc<dyn ParquetFileReaderFactory>,
    tag_rows: Arc<TagRows>,
    limit: Option<usize>,
}

impl Scan<'_> {
    fn schema(&self) -> &SchemaRef {
        self.table.snapshot.schema()
    }

    fn catalog_table(&self) -> &Arc<Table> {
        self.table.catalog_table()
    }

    /// The projected columns.
    fn wanted(&self) -> Vec<usize> {
        let all = || (0..self.schema().fields().len()).collect();
        self.projection.cloned().unwrap_or_else(all)
    }

    fn output_schema(&self) -> Result<SchemaRef> {
        project_schema(self.schema(), self.projection)
    }

    /// Files that need no merging, without the rows that must not be seen.
    fn unmerged(
        &self,
        files: &[Arc<FileRecord>],
        filter: RowFilter,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if filter.is_empty() {
            // What filters the scan's rows is pushed down to it later, and would be there twice.
            return self.plain_files(files, self.projection, self.limit, None);
        }
        let mut columns = self.wanted();
        for name in filter.columns(self.catalog_table()) {
            columns.push(self.schema().index_of(name)?);
        }
        columns.sort_unstable();
        columns.dedup();
        // Which rows are left is known only after the filter.
        let predicate = self.physical_filter(self.filters.to_vec())?;
        let stored = self.plain_files(files, Some(&columns), None, predicate)?;
        self.project(self.visible(stored, filter), &columns)
    }

    fn visible(&self, stored: Arc<dyn ExecutionPlan>, filter: RowFilter) -> Arc<dyn ExecutionPlan> {
        if filter.is_empty() {
            return stored;
        }
        let table = Arc::clone(self.catalog_table());
        Arc::new(VisibleRowsExec::new(stored, filter, table))
    }

    /// The files as they are.
    fn plain_files(
        &self,
        files: &[Arc<FileRecord>],
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
        predicate: Option<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // Whoever asks for tags is not served by times of whole files: those out of range are none of these.
        let with_times = !self.filters.iter().any(|filter| self.is_about_tags(filter));
        let (mut to_read, mut narrowed) = (Vec::new(), Vec::new());
        for record in files {
            let (file, known) = self.partitioned_file(record, with_times)?;
            if known.as_ref().is_none_or(|known| known.rows != 0) {
                to_read.push(file);
                narrowed.push(known);
            }
        }
        if to_read.is_empty() {
            let schema = project_schema(self.schema(), projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let caches = &self.session.runtime_env().cache_manager;
        let most_pass = filter_share::most_pass(
            self.filters,
            files,
            caches.get_file_metadata_cache().as_ref(),
        );
        let source: Arc<dyn FileSource> = match Narrowed::all(narrowed) {
            Some(known) => {
                // Statistics say no more of one tag and of times than is known, and of little there is little to be left out.
                let is_little = self.wanted.is_all && known.rows as u64 <= SMALL_ROWS;
                let columns = projection.map_or(self.schema().fields().len(), Vec::len);
                match is_little && known.rows * columns <= FEW_VALUES {
                    true => {
                        let files = self.parquet_source(None, false, false);
                        Arc::new(KnownRowsSource::new(files, known.rows, known.tag))
                    }
                    false => {
                        let files = self.parquet_source(predicate, !most_pass, !is_little);
                        let known = KnownRowsSource::new(files, known.rows, known.tag);
                        Arc::new(known.passing_filters())
                    }
                }
            }
            None => self.parquet_source(predicate, !most_pass, true),
        };
        let cores = self.session.config().target_partitions();
        let each_alone = to_read.len() <= cores;
        let groups = match each_alone {
            true => FileGroup::new(to_read).split_files(cores),
            false => balanced(to_read, cores),
        };
        let mut config = FileScanConfigBuilder::new(store_url(), source)
            .with_file_groups(groups)
            .with_limit(limit)
            .with_projection_indices(projection.cloned())?;
        if each_alone {
            config = config
                .with_output_ordering(self.visible_ordering(projection)?.into_iter().collect());
        }
        Ok(DataSourceExec::from_data_source(config.build()))
    }

    /// Buffered rows that need no merging.
    fn buffered(&self, parts: Vec<BufferedRows>) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions = self.session.config().target_partitions();
        Ok(Arc::new(BufferedExec::as_arrived(
            parts,
            self.output_schema()?,
            partitions,
            self.series()?,
        )))
    }

    /// What the filters say of the series of buffered rows.
    fn series(&self) -> Result<Option<Arc<TagFilter>>> {
        TagFilter::of(
            self.filters,
            &self.wanted,
            self.catalog_table(),
            self.schema(),
            self.session,
        )
    }

    /// Sources whose rows may replace one another.
    fn merged(
        &self,
        files: &[FileRows],
        buffered: Option<BufferedRows>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = self.columns_with_key()?;
        let schema = Arc::new(self.schema().project(&columns)?);
        let key = self
            .key_ordering(&schema)?
            .expect("time is part of every key");
        let predicate = self.physical_filter(self.filters_on_key())?;
        let mut inputs: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        for FileRows { file, filter } in files {
            let ordering = self.key_ordering(self.schema())?.into_iter().collect();
            let source = self.parquet_source(predicate.clone(), true, true);
            let (file, _) = self.partitioned_file(file, true)?;
            let config = FileScanConfigBuilder::new(store_url(), source)
                .with_file_group(FileGroup::new(vec![file]))
                .with_output_ordering(ordering)
                .with_projection_indices(Some(columns.clone()))?;
            let stored = DataSourceExec::from_data_source(config.build());
            inputs.push(self.visible(stored, filter.clone()));
        }
        if let Some(rows) = buffered {
            inputs.push(Arc::new(BufferedExec::sorted(
                rows,
                Arc::clone(&schema),
                key.clone(),
                self.series()?,
            )));
        }
        let merge: Arc<dyn ExecutionPlan> = Arc::new(KeyMergeExec::try_new(inputs, key)?);
        self.project(merge, &columns)
    }

    /// Drops the columns that only a merge or a filter needed.
    fn project(
        &self,
        input: Arc<dyn ExecutionPlan>,
        columns: &[usize],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = self.wanted();
        if wanted == columns {
            return Ok(input);
        }
        let expressions = wanted.iter().map(|column| {
            let name = self.schema().field(*column).name();
            let place = columns.iter().position(|other| other == column);
            let place = place.expect("the columns read include those wanted");
            (
                Arc::new(Column::new(name, place)) as Arc<dyn PhysicalExpr>,
                name.clone(),
            )
        });
        Ok(Arc::new(ProjectionExec::try_new(
            expressions.collect::<Vec<_>>(),
            input,
        )?))
    }

    /// The projected columns and those of the row key, ascending.
    fn columns_with_key(&self) -> Result<Vec<usize>> {
        let schema = self.schema();
        let mut columns = self.wanted();
        for name in key_columns(self.catalog_table()) {
            columns.push(schema.index_of(name)?);
        }
        columns.sort_unstable();
        columns.dedup();
        Ok(columns)
    }

    /// The order of rows in a file, in terms of the columns of `schema`.
    fn key_ordering(&self, schema: &Schema) -> Result<Option<LexOrdering>> {
        let options = SortOptions {
            descending: false,
            nulls_first: true,
        };
        let key = key_columns(self.catalog_table()).map(|name| {
            let column = Arc::new(Column::new_with_schema(name, schema)?);
            Ok(PhysicalSortExpr::new(column, options))
        });
        Ok(LexOrdering::new(key.collect::<Result<Vec<_>>>()?))
    }

    /// The same as far as a scan of these columns shows it: up to the first column that is neither read nor asked for. What
    /// comes after says nothing, and every operator above would go through it.
    fn visible_ordering(&self, projection: Option<&Vec<usize>>) -> Result<Option<LexOrdering>> {
        let Some(projection) = projection else {
            return self.key_ordering(self.schema());
        };
        let asked: HashSet<_> = self.filters.iter().flat_map(Expr::column_refs).collect();
        let is_known = |order: &PhysicalSortExpr| {
            let column = order.expr.downcast_ref::<Column>();
            column.is_some_and(|key| {
                projection.contains(&key.index())
                    || asked.iter().any(|column| column.name == key.name())
            })
        };
        let ordering = self.key_ordering(self.schema())?;
        let known = ordering.into_iter().flatten().take_while(is_known);
        Ok(LexOrdering::new(known))
    }

    fn is_about_tags(&self, filter: &Expr) -> bool {
        let columns = filter.column_refs();
        let mut tags = self.catalog_table().tags();
        tags.any(|tag| columns.iter().any(|column| column.name == *tag.name))
    }

    fn filters_on_key(&self) -> Vec<Expr> {
        let table = self.catalog_table();
        let is_key = |name: &str| key_columns(table).any(|key| key == name);
        let on_key = |filter: &&Expr| {
            filter
                .column_refs()
                .iter()
                .all(|column| is_key(&column.name))
        };
        self.filters.iter().filter(on_key).cloned().collect()
    }

    fn physical_filter(&self, filters: Vec<Expr>) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let schema = Arc::clone(self.schema()).to_dfschema()?;
        let filter = conjunction(filters);
        filter
            .map(|filter| self.session.create_physical_expr(filter, &schema))
            .transpose()
    }

    /// Reads files, skipping what cannot pass the predicate and what is pushed down to it later: with
    /// `filters_rows` all rows that do not pass, before the other columns are decoded; with `prunes` row groups and pages by
    /// their statistics and bloom filters.
    fn parquet_source(
        &self,
        predicate: Option<Arc<dyn PhysicalExpr>>,
        filters_rows: bool,
        prunes: bool,
    ) -> Arc<ParquetSource> {
        let mut options = TableParquetOptions {
            global: self.session.config_options().execution.parquet.clone(),
            ..Default::default()
        };
        options.global.pruning &= prunes;
        options.global.enable_page_index &= prunes;
        options.global.bloom_filter_on_read &= prunes;
        let source = ParquetSource::new(Arc::clone(self.schema()))
            .with_table_parquet_options(options)
            .with_pushdown_filters(filters_rows)
            .with_parquet_file_reader_factory(Arc::clone(&self.readers));
        Arc::new(match predicate {
            Some(predicate) => source.with_predicate(predicate),
            None => source,
        })
    }

    /// A file with the rows of it that may be wanted, and which these are if that is known.
    fn partitioned_file(
        &self,
        record: &FileRecord,
        with_times: bool,
    ) -> Result<(PartitionedFile, Option<Narrowed<'_>>)> {
        let statistics = Arc::new(statistics(self.schema(), record, with_times));
        let file =
            PartitionedFile::new(record.path(), record.size_bytes).with_statistics(statistics);
        let caches = &self.session.runtime_env().cache_manager;
        let known = KnownRows::of(
            &self.wanted,
            record,
            &file,
            &self.tag_rows,
            &self.readers,
            caches.get_file_metadata_cache().as_ref(),
        );
        Ok(match known {
            Some(known) => {
                let (file, narrowed) = known.narrow(file, record, self.schema())?;
                (file, Some(narrowed))
            }
            None => (file, None),
        })
    }
}

/// What reads the files of one scan.
fn readers(session: &dyn Session) -> Result<Arc<dyn ParquetFileReaderFactory>> {
    let runtime = session.runtime_env();
    Ok(Arc::new(IndexedReaderFactory::new(
        runtime.object_store(store_url())?,
        runtime.cache_manager.get_file_metadata_cache(),
        kept(session)?,
    )))
}

/// What an engine keeps for its sessions.
fn kept<T: Send + Sync + 'static>(session: &dyn Session) -> Result<Arc<T>> {
    let kept = session.config().get_extension::<T>();
    kept.ok_or_else(|| internal_datafusion_err!("the session has no {}", type_name::<T>()))
}

/// Files with the rows of them that must not be seen, those of like filters together.
fn by_filter(files: Vec<FileRows>) -> Vec<(RowFilter, Vec<Arc<FileRecord>>)> {
    let mut groups: BTreeMap<_, (RowFilter, Vec<_>)> = BTreeMap::new();
    for FileRows { file, filter } in files {
        let group = groups.entry(filter.identity());
        let (_, files) = group.or_insert_with(|| (filter, Vec::new()));
        files.push(file);
    }
    groups.into_values().rev().collect()
}

/// Spreads files over groups so that each group has about the same number of bytes.
fn balanced(mut files: Vec<PartitionedFile>, groups: usize) -> Vec<FileGroup> {
    files.sort_by_key(|file| std::cmp::Reverse(file.effective_size()));
    let mut loads = vec![(0u64, Vec::new()); groups];
    for file in files {
        let lightest = loads.iter_mut().min_by_key(|(load, _)| *load);
        let (load, group) = lightest.expect("there is at least one core");
        *load += file.effective_size();
        group.push(file);
    }
    loads
        .into_iter()
        .map(|(_, files)| FileGroup::new(files))
        .collect()
}

/// What the manifest knows of a file. Counts are exact because a file holds no key twice.
fn statistics(schema: &Schema, file: &FileRecord, with_times: bool) -> Statistics {
    let nanos = |nanos| Precision::Exact(ScalarValue::TimestampNanosecond(Some(nanos), None));
    let column = |name: &str| match name {
        TIME_COLUMN if with_times => ColumnStatistics {
            null_count: Precision::Exact(0),
            min_value: nanos(file.time_min),
            max_value: nanos(file.time_max),
            ..ColumnStatistics::new_unknown()
        },
        _ => ColumnStatistics::new_unknown(),
    };
    let size = usize::try_from(file.size_bytes).unwrap_or(usize::MAX);
    Statistics {
        num_rows: Precision::Exact(usize::try_from(file.rows).unwrap_or(usize::MAX)),
        total_byte_size: Precision::Inexact(size),
        column_statistics: schema
            .fields()
            .iter()
            .map(|field| column(field.name()))
            .collect(),
    }
}
