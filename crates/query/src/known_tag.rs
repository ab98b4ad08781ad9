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

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::common::{DFSchema, ScalarValue};
    use datafusion::logical_expr::Expr;
    use datafusion::prelude::{SessionContext, col, lit};

    use super::*;

    #[test]
    fn only_what_all_values_pass_is_known() {
        let text = |name| Field::new(name, DataType::Utf8, true);
        let schema = DFSchema::try_from(Schema::new(vec![text("host"), text("rack")])).unwrap();
        let session = SessionContext::new();
        let known = KnownTag::of(&TagValues {
            name: "host",
            values: vec!["a", "b"],
        });
        let check = |filter: Expr, expected: bool| {
            let physical = session
                .create_physical_expr(filter.clone(), &schema)
                .unwrap();
            assert_eq!(known.all_pass(&physical), expected, "{filter}");
        };
        let host = || col("host");
        let one_of = |values: &[&str]| values.iter().map(|value| lit(*value)).collect::<Vec<_>>();
        let null = || lit(ScalarValue::Utf8(None));
        check(host().in_list(one_of(&["a", "b", "c"]), false), true);
        check(host().in_list(one_of(&["a", "b"]), false), true);
        check(host().eq(lit("a")).or(lit("b").eq(host())), true);
        check(host().in_list(one_of(&["a", "c"]), false), false);
        check(host().in_list(one_of(&["x", "y", "z"]), true), false);
        check(
            host().in_list(vec![lit("a"), lit("b"), null()], false),
            false,
        );
        check(host().eq(lit("a")), false);
        check(host().eq(lit("a")).or(col("rack").eq(lit("b"))), false);
        check(col("rack").in_list(one_of(&["a", "b"]), false), false);
        check(host().not_eq(lit("z")), false);
        check(host().eq(col("rack")), false);
    }
}
