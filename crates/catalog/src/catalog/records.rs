//! Administered records: make, change, take away. One mechanism for all kinds: see
//! [`RecordEdits`].

use std::ops::Range;
use std::sync::Arc;

use super::Catalog;
use crate::error::Result;
use crate::ids::TableId;
use crate::records::{
    Administered, Check, NotificationRule, Record, RecordEdits, RecordId, Rights, Rollup, Secret,
    Silence, Token, TokenDigest, digest, new_token,
};

impl Catalog {
    /// Makes changes of records durable, all at once. `change` may run more than once; it sees the
    /// newest state.
    pub async fn administer<R>(
        &self,
        mut change: impl FnMut(&mut RecordEdits<'_>) -> Result<R>,
    ) -> Result<R> {
        let mut done = None;
        self.commit(|state| {
            let mut edits = RecordEdits::new(state, &self.limits);
            done = Some(change(&mut edits)?);
            Ok(edits.finish())
        })
        .await?;
        Ok(done.expect("a commit that succeeds has run the change"))
    }

    /// Adds a record. Fails with [`crate::Error::RecordExists`] when its name is taken.
    pub async fn create_record<T>(&self, make: impl Fn(RecordId) -> T) -> Result<Arc<T>>
    where
        T: Administered + Into<Record>,
    {
        self.administer(|edits| edits.create(&make)).await
    }

    /// Changes a record. Fails with [`crate::Error::RecordNotFound`] when there is none.
    pub async fn change_record<T>(
        &self,
        id: RecordId,
        change: impl Fn(&mut T) -> Result<()>,
    ) -> Result<Arc<T>>
    where
        T: Administered + Into<Record>,
    {
        self.administer(|edits| edits.change(id, &change)).await
    }

    /// Gives a check another name, in the rules and silences that name it as well.
    pub async fn rename_check(&self, id: RecordId, name: &str, now_nanos: i64) -> Result<()> {
        self.administer(|edits| {
            let mut before = None;
            let check = edits.change(id, |check: &mut Check| {
                before = Some(std::mem::replace(&mut check.task.name, name.to_owned()));
                check.task.updated_at_nanos = now_nanos;
                Ok(())
            })?;
            let (database, before) = (check.task.database, before.unwrap_or_default());
            let rules = edits.records().all::<NotificationRule>();
            let rules =
                rules.filter(|rule| rule.database == database && rule.checks.contains(&before));
            for rule in rules.map(|rule| rule.id).collect::<Vec<_>>() {
                edits.change(rule, |rule: &mut NotificationRule| {
                    let named = rule.checks.iter_mut().filter(|check| **check == before);
                    named.for_each(|check| name.clone_into(check));
                    Ok(())
                })?;
            }
            let silences = edits.records().all::<Silence>();
            let silences = silences.filter(|silence| {
                silence.database == database && silence.check.as_deref() == Some(&*before)
            });
            for silence in silences.map(|silence| silence.id).collect::<Vec<_>>() {
                edits.change(silence, |silence: &mut Silence| {
                    silence.check = Some(name.to_owned());
                    Ok(())
                })?;
            }
            Ok(())
        })
        .await
    }

    /// Takes a record away, with what belongs to it.
    pub async fn remove_record<T: Administered>(&self, id: RecordId) -> Result<()> {
        self.administer(|edits| edits.remove::<T>(id)).await
    }

    /// Notes with every rollup of one of these tables that rows of these times may go. It is to be durable
    /// before they do.
    pub async fn touch_rollups(&self, touched: &[(TableId, Range<i64>)]) -> Result<()> {
        self.administer(|edits| {
            for (table, times) in touched {
                let rollups = edits.records().all::<Rollup>();
                let rollups = rollups.filter(|rollup| rollup.source == *table);
                let rollups: Vec<_> = rollups.map(|rollup| rollup.id).collect();
                for id in rollups {
                    edits.change(id, |rollup: &mut Rollup| {
                        rollup.touch(times.clone());
                        Ok(())
                    })?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Makes this the one secret of the token of this name, which may do everything and never expires.
    pub async fn put_admin_token(
        &self,
        name: &str,
        secret: TokenDigest,
        now_nanos: i64,
    ) -> Result<Arc<Token>> {
        let rights = Rights::administrator;
        self.administer(|edits| {
            let known = edits.records().named::<Token>(0, name);
            let Some(id) = known.map(|token| token.id) else {
                return edits.create(|id| Token::new(id, name, secret, rights(), now_nanos));
            };
            edits.change(id, |token: &mut Token| {
                let before = token.clone();
                token.secrets = vec![Secret::present(secret)];
                token.rights = rights();
                (token.is_active, token.expires_at_nanos) = (true, None);
                if *token != before {
                    token.updated_at_nanos = now_nanos;
                }
                Ok(())
            })
        })
        .await
    }

    /// Makes a token with a secret of its own, which is returned beside it and kept nowhere.
    pub async fn issue_token(
        &self,
        make: impl Fn(RecordId, TokenDigest) -> Token,
    ) -> Result<(Arc<Token>, String)> {
        self.administer(|edits| {
            let shown = new_token(Some(edits.next_id()))?;
            let token = edits.create(|id| make(id, digest(&shown)))?;
            Ok((token, shown))
        })
        .await
    }

    /// Gives a token a new secret, which is returned beside it; those before it stay good until
    /// `valid_until_nanos`.
    pub async fn rotate_token(
        &self,
        id: RecordId,
        valid_until_nanos: i64,
        now_nanos: i64,
    ) -> Result<(Arc<Token>, String)> {
        let shown = new_token(Some(id))?;
        let secret = digest(&shown);
        let token = self
            .change_record(id, |token: &mut Token| {
                token.rotate(secret, valid_until_nanos, now_nanos);
                Ok(())
            })
            .await?;
        Ok((token, shown))
    }
}
