//! [`KnownRowsSource`]: files of which nothing but known rows is read.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::utils::conjunction_opt;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::DisplayFormatType;
use datafusion::physical_plan::filter_pushdown::{FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::sort_pushdown::SortOrderPushdownResult;
use datafusion_datasource::morsel::Morselizer;
use object_store::ObjectStore;

use crate::known_tag::KnownTag;
use crate::wanted::TagValues;

/// A source of files that are narrowed to known rows. Of a tag that every one of them has one of some values of it needs no
/// filter, and neither has anybody else; so the tag need not be read either.
#[derive(Clone)]
pub(crate) struct KnownRowsSource {
    inner: Arc<dyn FileSource>,
    rows: usize,
    tag: Option<KnownTag>,
    /// Whether other filters are for the files, too.
    passes_filters: bool,
    /// What is true of every row.
    known: Option<Arc<dyn PhysicalExpr>>,
}

impl KnownRowsSource {
    /// Of a source of files that are narrowed to so many rows, all of them of these values of the tag.
    ///
    /// It leaves filters above the scan that are not about the tag: a predicate would be rewritten, simplified and turned into
    /// conditions on statistics for every file, and leave out hardly anything of few rows that are known to be wanted.
    pub(crate) fn new(inner: Arc<dyn FileSource>, rows: usize, tag: Option<&TagValues>) -> Self {
        Self {
            inner,
            rows,
            tag: tag.map(KnownTag::of),
            passes_filters: false,
            known: None,
        }
    }

    /// The same, and the source gets the filters that are not about the tag.
    pub(crate) fn passing_filters(self) -> Self {
        Self {
            passes_filters: true,
            ..self
        }
    }

    fn around(&self, inner: Arc<dyn FileSource>) -> Self {
        Self {
            inner,
            ..self.clone()
        }
    }
}

impl FileSource for KnownRowsSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        self.inner.create_file_opener(store, config, partition)
    }

    fn create_morselizer(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Box<dyn Morselizer>> {
        self.inner.create_morselizer(store, config, partition)
    }

    fn table_schema(&self) -> &TableSchema {
        self.inner.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(self.around(self.inner.with_batch_size(batch_size)))
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        conjunction_opt(self.known.iter().cloned().chain(self.inner.filter()))
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.inner.projection()
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let inner = self.inner.try_pushdown_projection(projection)?;
        Ok(inner.map(|inner| Arc::new(self.around(inner)) as _))
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let is_known = |filter| self.tag.as_ref().is_some_and(|tag| tag.all_pass(filter));
        let are_known: Vec<bool> = filters.iter().map(is_known).collect();
        let with_known = filters.into_iter().zip(&are_known);
        let (known, others): (Vec<_>, Vec<_>) = with_known.partition(|(_, is_known)| **is_known);
        let [known, others] = [known, others].map(|of| of.into_iter().map(|(filter, _)| filter));
        let known = conjunction_opt(known);
        let passed = match self.passes_filters {
            true => self.inner.try_pushdown_filters(others.collect(), config)?,
            false => {
                let none = vec![PushedDown::No; others.len()];
                FilterPushdownPropagation::with_parent_pushdown_result(none)
            }
        };
        let new = (known.is_some() || passed.updated_node.is_some()).then(|| Self {
            inner: passed
                .updated_node
                .unwrap_or_else(|| Arc::clone(&self.inner)),
            known: conjunction_opt(self.known.iter().cloned().chain(known)),
            ..self.clone()
        });
        let mut of_others = passed.filters.into_iter();
        let filters = are_known.into_iter().map(|is_known| match is_known {
            true => PushedDown::Yes,
            false => of_others.next().unwrap_or(PushedDown::No),
        });
        Ok(FilterPushdownPropagation {
            filters: filters.collect(),
            updated_node: new.map(|new| Arc::new(new) as _),
        })
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        rows: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        let sorted = self.inner.try_pushdown_sort(order, rows)?;
        Ok(sorted.map(|inner| Arc::new(self.around(inner)) as _))
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.inner.reorder_files(files)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn file_type(&self) -> &str {
        self.inner.file_type()
    }

    fn fmt_extra(&self, t: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let (before, after) = match t {
            DisplayFormatType::Default | DisplayFormatType::Verbose => (", ", ""),
            DisplayFormatType::TreeRender => ("", "\n"),
        };
        write!(f, "{before}known_rows={}{after}", self.rows)?;
        if let Some(known) = &self.known {
            write!(f, "{before}known={known}{after}")?;
        }
        self.inner.fmt_extra(t, f)
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let visited = self.inner.apply_expressions(visit)?;
        match (&self.known, visited) {
            (Some(known), TreeNodeRecursion::Continue) => visit(known),
            _ => Ok(visited),
        }
    }
}
