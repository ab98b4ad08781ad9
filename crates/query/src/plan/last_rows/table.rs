//! The last row of each series as a table.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use bytesize::ByteSize;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::PhysicalSortExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use storage::{ScanUnit, TableSnapshot, key_columns};

use super::exec::LastRowsExec;
use crate::table::SnapshotTable;
use crate::tag_filter::TagFilter;
use crate::time_range;
use crate::wanted::Wanted;

/// Files are read in parallel and only where needed, last rows one file after the other: as many
/// bytes take longer.
const BYTES_RATIO: u64 = 2;

/// Below this it does not matter.
const FEW_BYTES: ByteSize = ByteSize::mib(1);

/// Of so many series, finding one in the files' indexes is quicker than passing all by.
const MANY_SERIES: u64 = 50_000;

/// The last rows of a table as of one moment.
#[derive(Debug)]
pub(crate) struct LastRowsTable {
    snapshot: TableSnapshot,
    storage: Arc<storage::Engine>,
    /// If there is NULL in one of these columns, all rows take the place of the last ones.
    present: Vec<String>,
}

impl LastRowsTable {
    pub(super) fn new(snapshot: TableSnapshot, storage: Arc<storage::Engine>) -> Self {
        Self {
            snapshot,
            storage,
            present: Vec::new(),
        }
    }

    pub(super) fn of(table: &SnapshotTable, present: Vec<String>) -> Self {
        Self {
            present,
            ..Self::new(table.snapshot().clone(), Arc::clone(table.storage()))
        }
    }

    /// Whether it takes less than reading all rows that these filters leave.
    pub(super) fn is_cheaper_than_scan(&self, filters: &[Expr], picks_series: bool) -> bool {
        let cost = self.storage.last_rows_cost(&self.snapshot);
        if picks_series && cost.series_max > MANY_SERIES {
            return false;
        }
        let scanned = self.scanned_bytes(&time_range::of_filters(filters));
        cost.bytes <= FEW_BYTES.as_u64() || cost.bytes.saturating_mul(BYTES_RATIO) <= scanned
    }

    fn scanned_bytes(&self, range: &RangeInclusive<i64>) -> u64 {
        let units = self.snapshot.scan_units(range).into_iter();
        let bytes = units.map(|unit| match unit {
            ScanUnit::File(file) => file.file.size_bytes,
            ScanUnit::Merged { files, .. } => files.iter().map(|file| file.file.size_bytes).sum(),
            ScanUnit::Buffered(_) => 0,
        });
        bytes.sum()
    }

    /// The order of the rows, as far as it can be told from the projected columns.
    fn ordering(&self, schema: &SchemaRef) -> Vec<PhysicalSortExpr> {
        let options = SortOptions {
            descending: false,
            nulls_first: true,
        };
        let key = key_columns(self.snapshot.table());
        let places = key.map_while(|name| Some((name, schema.index_of(name).ok()?)));
        let sorts = places.map(|(name, at)| {
            let column = Arc::new(Column::new(name, at));
            PhysicalSortExpr::new(column, options)
        });
        sorts.collect()
    }
}

#[async_trait]
impl TableProvider for LastRowsTable {
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
        // Series that are not asked for are left out, the rest is done above.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(projection) => Arc::new(self.snapshot.schema().project(projection)?),
            None => self.schema(),
        };
        let (snapshot, storage) = (self.snapshot.clone(), Arc::clone(&self.storage));
        let all = SnapshotTable::new(snapshot.clone(), Arc::clone(&storage));
        let wanted = Wanted::of(&all, filters);
        let series = TagFilter::of(
            filters,
            &wanted,
            snapshot.table(),
            snapshot.schema(),
            session,
        )?;
        let exec = match self.present.is_empty() {
            true => LastRowsExec::new(
                snapshot,
                storage,
                Arc::clone(&schema),
                self.ordering(&schema),
            ),
            false => {
                let all = all.scan(session, projection, filters, None).await?;
                let present = self.present.iter().map(|name| schema.index_of(name));
                let present = present.collect::<Result<Vec<_>, _>>()?;
                LastRowsExec::unless_missing(snapshot, storage, all, present)
            }
        };
        Ok(Arc::new(exec.of_series(series)))
    }
}
