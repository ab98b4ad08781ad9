//! `GROUP BY … ORDER BY`: groups are sorted before they are given other names.
//!
//! ```text
//! Sort                        Projection (columns by other names)
//!   Projection            →     Sort
//!     Aggregate                   Aggregate
//! ```
//!
//! DataFusion does so itself, but with the operators, all of which it makes anew for it: a twentieth of what a question about one
//! series costs.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Sort, SortExpr};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The rule.
#[derive(Debug)]
pub(super) struct SortedGroups;

impl OptimizerRule for SortedGroups {
    fn name(&self) -> &str {
        "sorted_groups"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        Ok(match sorted_first(&plan)? {
            Some(sorted) => Transformed::yes(sorted),
            None => Transformed::no(plan),
        })
    }
}

fn sorted_first(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    // The first rows of all are found by other rules.
    let LogicalPlan::Sort(Sort {
        expr: keys,
        input,
        fetch: None,
    }) = plan
    else {
        return Ok(None);
    };
    let LogicalPlan::Projection(projection) = input.as_ref() else {
        return Ok(None);
    };
    let groups = &projection.input;
    let only_renames = projection
        .expr
        .iter()
        .all(|column| renamed(column).is_some());
    // What it leaves out would be sorted for nothing.
    let keeps_all = projection.expr.len() >= groups.schema().fields().len();
    if !matches!(groups.as_ref(), LogicalPlan::Aggregate(_)) || !only_renames || !keeps_all {
        return Ok(None);
    }
    let below = |key: &SortExpr| {
        let place = projection
            .schema
            .maybe_index_of_column(key.expr.try_as_col()?)?;
        let column = renamed(projection.expr.get(place)?)?;
        Some(SortExpr::new(column.clone(), key.asc, key.nulls_first))
    };
    let Some(keys) = keys.iter().map(below).collect() else {
        return Ok(None);
    };
    let sorted = LogicalPlan::Sort(Sort {
        expr: keys,
        input: Arc::clone(groups),
        fetch: None,
    });
    let schema = Arc::clone(&projection.schema);
    let renamed =
        Projection::try_new_with_schema(projection.expr.clone(), Arc::new(sorted), schema)?;
    Ok(Some(LogicalPlan::Projection(renamed)))
}

/// The column that an expression is, under whatever name.
fn renamed(expression: &Expr) -> Option<&Expr> {
    match expression {
        Expr::Alias(alias) => renamed(&alias.expr),
        Expr::Column(_) => Some(expression),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{TestDatabase, rows};

    #[tokio::test]
    async fn groups_are_sorted_before_they_are_renamed() {
        let database = TestDatabase::open().await;
        let lines =
            "m,host=b v=1,n=2i 1\nm,host=a v=2,n=2i 1\nm,host=c n=1i 1\nm,host=b v=5,n=1i 2";
        database.write(lines).await;
        for (sql, expected, is_early) in [
            (
                "SELECT host AS h, max(v) AS v FROM m GROUP BY host ORDER BY h DESC",
                "c NULL,b 5.0,a 2.0",
                true,
            ),
            (
                "SELECT max(v) AS v, host AS h FROM m GROUP BY host ORDER BY v NULLS FIRST, h",
                "NULL c,2.0 a,5.0 b",
                true,
            ),
            (
                "SELECT n AS v, sum(v) AS n FROM m GROUP BY m.n ORDER BY n DESC",
                "1 5.0,2 3.0",
                true,
            ),
            // These are sorted by what is not there before, or more would be sorted than is wanted.
            (
                "SELECT host, max(v) + 1 AS more FROM m GROUP BY host ORDER BY more",
                "a 3.0,b 6.0,c NULL",
                false,
            ),
            (
                "SELECT max(v) AS v FROM m GROUP BY host ORDER BY v",
                "2.0,5.0,NULL",
                false,
            ),
            (
                "SELECT host AS h, max(v) AS v FROM m GROUP BY host ORDER BY h LIMIT 2",
                "a 2.0,b 5.0",
                false,
            ),
        ] {
            let answer = rows(&database.query(sql).await.unwrap());
            assert_eq!(answer.join(","), expected, "{sql}");
            let plan = database.explain(sql).await;
            let [sort, projection] = ["Sort: ", "Projection: "].map(|node| plan.find(node));
            assert_eq!(projection < sort, is_early, "{plan}");
        }
    }
}
