//! `ALTER MODEL name SET VERSION n`: which version is used where none is said.

use async_trait::async_trait;
use catalog::Action;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;
use crate::models as kept;

pub(super) const FORM: Form = Form {
    words: &["ALTER", "MODEL"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Makes a version the current one.
#[derive(Debug)]
struct SetVersion {
    name: String,
    version: u64,
}

fn parse(parser: &mut Parser<'_>) -> Result<SetVersion> {
    let name = grammar::column(parser)?;
    grammar::expect(parser, "SET")?;
    grammar::expect(parser, "VERSION")?;
    let version = parser.parse_literal_uint().map_err(grammar::invalid)?;
    Ok(SetVersion { name, version })
}

#[async_trait]
impl Change for SetVersion {
    fn need(&self) -> Need<'_> {
        Need::Request(Action::Write)
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = context.engine.database(context.database)?;
        let state = context.catalog.state();
        let model = kept::existing(&state, &database, &self.name)?;
        let number = u32::try_from(self.version).ok();
        let wanted = number.filter(|number| model.version(*number).is_some());
        let missing = || kept::no_such_version(model, &self.version.to_string());
        let wanted = wanted.ok_or_else(missing)?;
        let now = context.clock.now_nanos();
        let set = |model: &mut catalog::Model| {
            // It may have gone since: then the catalog refuses.
            if model.current != wanted {
                (model.current, model.updated_at_nanos) = (wanted, now);
            }
            Ok(())
        };
        context.catalog.change_record(model.id, set).await?;
        Ok("version set".into())
    }
}
