//! Who asks, and what they may see of the server.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The name of their token, if they showed one.
    pub token: Option<Arc<str>>,
    /// What of the server's own state is shown to them.
    pub sees: Sees,
}

/// What of the server's own state is shown: what is not seen does not turn up in the schema `system`
/// and cannot be stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sees {
    /// All of it.
    Everything,
    /// What concerns these databases, and the caller's own queries and token.
    Databases(Arc<BTreeSet<String>>),
}

impl Caller {
    /// One who sees everything.
    pub fn administrator(token: Option<&str>) -> Self {
        Self {
            token: token.map(Arc::from),
            sees: Sees::Everything,
        }
    }

    /// Whether they see this database.
    pub fn sees_database(&self, name: &str) -> bool {
        match &self.sees {
            Sees::Everything => true,
            Sees::Databases(names) => names.contains(name),
        }
    }

    /// Whether they see what belongs to no database.
    pub fn sees_server(&self) -> bool {
        self.sees == Sees::Everything
    }

    /// Whether they see what was done with this token.
    pub fn sees_token(&self, token: Option<&str>) -> bool {
        self.sees_server() || (token.is_some() && self.token.as_deref() == token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_theirs_is_not_seen() {
        let all = Caller::administrator(None);
        assert!(all.sees_database("b") && all.sees_server() && all.sees_token(None));
        let some = Caller {
            token: Some("reader".into()),
            sees: Sees::Databases(Arc::new(["a".to_owned()].into())),
        };
        assert!(some.sees_database("a") && some.sees_token(Some("reader")));
        assert!(!some.sees_database("b") && !some.sees_server());
        assert!(!some.sees_token(Some("other")) && !some.sees_token(None));
        let nameless = Caller {
            token: None,
            ..some
        };
        assert!(
            !nameless.sees_token(None),
            "nobody's queries are not theirs"
        );
    }
}
