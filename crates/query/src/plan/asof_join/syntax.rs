//! Rewrites `a ASOF JOIN b …` as `(a ASOF JOIN b …)`. DataFusion plans joins itself and knows no such one,
//! but it asks about each relation first whether somebody else plans it, and a join in parentheses is one.

use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Join, JoinOperator, Select, TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

/// Puts every `ASOF JOIN` of a statement in parentheses, with what stands to the left of it.
pub(crate) fn nest_asof_joins(statement: &mut Statement) {
    match statement {
        Statement::Statement(statement) => {
            let visited: ControlFlow<()> = statement.visit(&mut Nesting);
            debug_assert!(visited.is_continue(), "nothing stops it");
        }
        Statement::Explain(explain) => nest_asof_joins(&mut explain.statement),
        _ => {}
    }
}

pub(super) fn is_asof(join: &Join) -> bool {
    matches!(join.join_operator, JoinOperator::AsOf { .. })
}

struct Nesting;

impl VisitorMut for Nesting {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for tables in &mut select.from {
            nest(tables, 0);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::NestedJoin {
            table_with_joins, ..
        } = factor
        {
            // The last join is in parentheses already.
            nest(table_with_joins, 1);
        }
        ControlFlow::Continue(())
    }
}

/// Nests all but the last `kept` joins that have to be.
fn nest(tables: &mut TableWithJoins, kept: usize) {
    let candidates = tables.joins.len().saturating_sub(kept);
    let Some(last) = tables.joins[..candidates].iter().rposition(is_asof) else {
        return;
    };
    let rest = tables.joins.split_off(last + 1);
    let inner = TableWithJoins {
        relation: tables.relation.clone(),
        joins: mem::replace(&mut tables.joins, rest),
    };
    // What stands before the last one is nested when this relation is visited.
    tables.relation = TableFactor::NestedJoin {
        table_with_joins: Box::new(inner),
        alias: None,
    };
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;

    fn check(sql: &str, expected: &str) {
        let mut statements = DFParser::parse_sql(sql).unwrap();
        let mut statement = statements.pop_front().unwrap();
        nest_asof_joins(&mut statement);
        assert_eq!(statement.to_string(), expected);
    }

    #[test]
    fn asof_joins_are_put_in_parentheses() {
        check("SELECT 1 FROM a JOIN b ON x", "SELECT 1 FROM a JOIN b ON x");
        check(
            "SELECT 1 FROM a ASOF JOIN b MATCH_CONDITION (x >= y) ON k = l",
            "SELECT 1 FROM (a ASOF JOIN b MATCH_CONDITION (x >= y) ON k = l)",
        );
        check(
            "SELECT 1 FROM (a ASOF JOIN b MATCH_CONDITION (x >= y)) AS c",
            "SELECT 1 FROM (a ASOF JOIN b MATCH_CONDITION (x >= y)) AS c",
        );
        check(
            "SELECT 1 FROM a JOIN b ON q ASOF JOIN c MATCH_CONDITION (x >= y) JOIN d ON p",
            "SELECT 1 FROM (a JOIN b ON q ASOF JOIN c MATCH_CONDITION (x >= y)) JOIN d ON p",
        );
        check(
            "SELECT 1 FROM a ASOF JOIN b MATCH_CONDITION (x > y) ASOF JOIN c MATCH_CONDITION (x < z)",
            "SELECT 1 FROM ((a ASOF JOIN b MATCH_CONDITION (x > y)) ASOF JOIN c MATCH_CONDITION (x < z))",
        );
        check(
            "SELECT 1 WHERE EXISTS (SELECT 2 FROM a ASOF JOIN b MATCH_CONDITION (x > y))",
            "SELECT 1 WHERE EXISTS (SELECT 2 FROM (a ASOF JOIN b MATCH_CONDITION (x > y)))",
        );
        check(
            "EXPLAIN SELECT 1 FROM a ASOF JOIN b MATCH_CONDITION (x > y)",
            "EXPLAIN SELECT 1 FROM (a ASOF JOIN b MATCH_CONDITION (x > y))",
        );
    }
}
