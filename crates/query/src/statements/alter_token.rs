//! `ALTER TOKEN name ROTATE [GRACE '1h']`: a new secret; the old one stays good for an hour, or for as long
//! as it says. `ALTER TOKEN name EXPIRES '90d' | NEVER`: counted from now. `ALTER TOKEN name ENABLE |
//! DISABLE`.

use async_trait::async_trait;
use catalog::{RecordKind, Token};
use datafusion::sql::sqlparser::parser::Parser;

use super::create_token::{COLUMNS, after, length, lifetime, told};
use super::{Change, Context, Done, Form, STATUS, Statement, grammar};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["ALTER", "TOKEN"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// How long an old secret stays good: an hour.
const GRACE_NANOS: u64 = 3_600_000_000_000;

/// Changes a token.
#[derive(Debug)]
struct AlterToken {
    name: String,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// A new secret; the old one stays good for so many nanoseconds.
    Rotate { grace: u64 },
    /// For how many nanoseconds it still lasts; `None` is for ever.
    Expires(Option<u64>),
    /// Whether it lets anybody in.
    Active(bool),
}

fn parse(parser: &mut Parser<'_>) -> Result<AlterToken> {
    let name = grammar::name(parser)?;
    let what = if grammar::word(parser, "ROTATE") {
        let grace = match grammar::word(parser, "GRACE") {
            true => length(&grammar::text(parser)?)?,
            false => GRACE_NANOS,
        };
        What::Rotate { grace }
    } else if let Some(lifetime) = lifetime(parser)? {
        What::Expires(lifetime)
    } else if grammar::word(parser, "ENABLE") {
        What::Active(true)
    } else if grammar::word(parser, "DISABLE") {
        What::Active(false)
    } else {
        let wanted = "ROTATE, EXPIRES, ENABLE or DISABLE";
        return Err(grammar::unexpected(parser, wanted));
    };
    Ok(AlterToken { name, what })
}

#[async_trait]
impl Change for AlterToken {
    fn need(&self) -> Need<'_> {
        Need::Server
    }

    fn needs_database(&self) -> bool {
        false
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [&'static str] {
        match self.what {
            What::Rotate { .. } => COLUMNS,
            What::Expires(_) | What::Active(_) => STATUS,
        }
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let (catalog, now) = (context.catalog, context.clock.now_nanos());
        let state = catalog.state();
        let missing = || catalog::Error::RecordNotFound {
            kind: RecordKind::Token,
            name: self.name.clone(),
        };
        let id = state.token_named(&self.name).ok_or_else(missing)?.id;
        let change = |token: &mut Token| {
            match self.what {
                What::Expires(lifetime) => {
                    token.expires_at_nanos = lifetime.map(|lifetime| after(now, lifetime));
                }
                What::Active(is_active) => token.is_active = is_active,
                What::Rotate { .. } => {}
            }
            token.updated_at_nanos = now;
            Ok(())
        };
        Ok(match self.what {
            What::Rotate { grace } => {
                let rotated = catalog.rotate_token(id, after(now, grace), now);
                let (token, shown) = rotated.await?;
                told(&token, shown)
            }
            What::Expires(_) | What::Active(_) => {
                catalog.change_record(id, change).await?;
                "token changed".into()
            }
        })
    }
}
