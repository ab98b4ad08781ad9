//! In whose name tasks run, and what they may do at the time of the run.

use std::sync::Arc;

use catalog::{Catalog, Clock, RecordId};
use query::Caller;

use super::Auth;
use super::principal::rights_of_user;

/// Looks up the owners of tasks in the catalog.
#[derive(Debug)]
pub struct TaskOwners {
    catalog: Arc<Catalog>,
    clock: Arc<dyn Clock>,
    auth: Auth,
}

impl TaskOwners {
    /// For a server with this catalog that lets callers in so.
    pub fn new(catalog: Arc<Catalog>, clock: Arc<dyn Clock>, auth: Auth) -> Self {
        Self {
            catalog,
            clock,
            auth,
        }
    }
}

impl query::Owners for TaskOwners {
    fn caller(&self, owner: Option<RecordId>, name: &str) -> Result<Caller, String> {
        let Some(id) = owner else {
            return match self.auth {
                Auth::Disabled => Ok(Caller::administrator(None)),
                Auth::Required => Err(
                    "nobody owns the task: it was made while the server asked for no \
                                       tokens; make it again with one"
                        .to_owned(),
                ),
            };
        };
        let state = self.catalog.state();
        if let Some(token) = state.token(id) {
            let problem = match token {
                _ if !token.is_active => "is not active",
                _ if token.is_expired(self.clock.now_nanos()) => "has expired",
                _ => {
                    let caller = Caller::new(Some(&token.name), token.rights.clone());
                    return Ok(caller.with_identity(Some(id)));
                }
            };
            return Err(format!(
                "the token '{}', which the task runs with, {problem}",
                token.name
            ));
        }
        match state.user(id) {
            Some(user) if user.is_active => {
                let caller = Caller::new(Some(&user.name), rights_of_user(&state, id));
                Ok(caller.with_identity(Some(id)))
            }
            Some(user) => Err(format!(
                "the user '{}', whose task it is, is not active",
                user.name
            )),
            None => Err(format!(
                "the token or user '{name}', which the task runs with, was revoked"
            )),
        }
    }
}
