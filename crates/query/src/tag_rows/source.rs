//! [`KnownRowsSource`]: files of which nothing but known rows is read.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, InListExpr, Literal};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::utils::conjunction_opt;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::DisplayFormatType;
use datafusion::physical_plan::filter_pushdown::{FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::sort_pushdown::SortOrderPushdownResult;
use datafusion_datasource::morsel::Morselizer;
use object_store::ObjectStore;

use crate::wanted::TagValues;

/// A source of files that are narrowed to known rows. Of a tag that every one of them has one of some values of it needs no
/// filter, and neither has anybody else; so the tag need not be read either.
#[derive(Clone)]
pub(crate) struct KnownRowsSource {
    inner: Arc<dyn FileSource>,
    rows: usize,
    tag: Option<Tag>,
    /// Whether other filters are for the files, too.
    passes_filters: bool,
    /// What is true of every row.
    known: Option<Arc<dyn PhysicalExpr>>,
}

#[derive(Clone)]
struct Tag {
    name: String,
    values: Vec<String>,
}

impl KnownRowsSource {
    /// Of a source of files that are narrowed to so many rows, all of them of these values of the tag.
    ///
    /// It leaves filters above the scan that are not about the tag: a predicate would be rewritten, simplified and turned into
    /// conditions on statistics for every file, and leave out hardly anything of few rows that are known to be wanted.
    pub(crate) fn new(inner: Arc<dyn FileSource>, rows: usize, tag: Option<&TagValues>) -> Self {
        let tag = tag.map(|tag| Tag {
            name: tag.name.to_owned(),
            values: tag.values.iter().map(|value| (*value).to_owned()).collect(),
        });
        Self {
            inner,
            rows,
            tag,
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

impl Tag {
    /// Whether all rows pass the filter.
    fn is_known(&self, filter: &Arc<dyn PhysicalExpr>) -> bool {
        let passing = self.passing(filter);
        passing.is_some_and(|passing| {
            let mut values = self.values.iter();
            values.all(|value| passing.contains(value.as_str()))
        })
    }

    /// The values of the tag that pass a filter, if it is about nothing else.
    fn passing<'a>(&self, filter: &'a Arc<dyn PhysicalExpr>) -> Option<HashSet<&'a str>> {
        if let Some(is_one) = filter.downcast_ref::<InListExpr>() {
            let is_it = self.is_in(is_one.expr()) && !is_one.negated();
            let texts = is_one.list().iter().map(text);
            return is_it.then(|| texts.collect())?;
        }
        let compares = filter.downcast_ref::<BinaryExpr>()?;
        let (left, right) = (compares.left(), compares.right());
        match compares.op() {
            Operator::Or => {
                let mut all = self.passing(left)?;
                all.extend(self.passing(right)?);
                Some(all)
            }
            Operator::Eq if self.is_in(left) => Some(HashSet::from([text(right)?])),
            Operator::Eq if self.is_in(right) => Some(HashSet::from([text(left)?])),
            _ => None,
        }
    }

    fn is_in(&self, expression: &Arc<dyn PhysicalExpr>) -> bool {
        let column = expression.downcast_ref::<Column>();
        column.is_some_and(|column| column.name() == self.name)
    }
}

fn text(expression: &Arc<dyn PhysicalExpr>) -> Option<&str> {
    expression.downcast_ref::<Literal>()?.value().try_as_str()?
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
        let is_known = |filter| self.tag.as_ref().is_some_and(|tag| tag.is_known(filter));
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
