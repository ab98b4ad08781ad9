//! A tag of which every row has one of some values, and the filters that all rows pass for that reason.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, InListExpr, Literal};

use crate::wanted::TagValues;

/// A tag of which every row has one of some values.
#[derive(Debug, Clone)]
pub(crate) struct KnownTag {
    name: String,
    values: Vec<String>,
}

impl KnownTag {
    /// Of rows that were chosen by a tag.
    pub(crate) fn of(tag: &TagValues) -> Self {
        Self {
            name: tag.name.to_owned(),
            values: tag.values.iter().map(|value| (*value).to_owned()).collect(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn values(&self) -> &[String] {
        &self.values
    }

    /// Whether all rows pass the filter.
    pub(crate) fn all_pass(&self, filter: &Arc<dyn PhysicalExpr>) -> bool {
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
