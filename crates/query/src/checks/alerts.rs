//! What fires now, and who has taken note of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use automation::{Alert, Level};
use catalog::{Check, Database, State, TagCondition};

use super::board::Checks;
use super::rows::{self, Lines, OF_CHECK};
use super::rules;
use crate::engine::QueryEngine;
use crate::error::Result;

/// A series of which somebody is to be told, or may be soon.
#[derive(Debug, Clone)]
pub(crate) struct AlertView {
    pub(crate) check: Arc<Check>,
    pub(crate) database: Arc<Database>,
    pub(crate) series: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) level: Level,
    /// `firing` or `pending`.
    pub(crate) state: &'static str,
    /// The level that does not count yet.
    pub(crate) pending_level: Option<Level>,
    pub(crate) since: i64,
    pub(crate) message: String,
    /// JSON.
    pub(crate) values: String,
    pub(crate) acknowledged: Option<(String, i64, String)>,
    pub(crate) silenced_until: Option<i64>,
}

/// Who takes note.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    pub(crate) by: String,
    pub(crate) at: i64,
    pub(crate) comment: String,
}

impl Checks {
    /// What fires now, or may soon.
    pub(crate) fn alerts(&self, state: &State, now: i64) -> Vec<AlertView> {
        let mut alerts = Vec::new();
        for (id, kept) in self.all_kept() {
            let Some(check) = state.check(id) else {
                continue;
            };
            let Some(database) = state.database_of(check.task.database) else {
                continue;
            };
            let itself = kept.failing.iter().map(|known| (OF_CHECK, known));
            let series = kept
                .series
                .iter()
                .map(|(series, known)| (series.as_str(), known));
            for (series, known) in itself.chain(series) {
                let (alert, since) = match known.series.alert() {
                    Alert::None => continue,
                    Alert::Pending => ("pending", known.series.pending.map(|it| it.since)),
                    Alert::Firing => ("firing", known.firing_since),
                };
                let name = &check.task.name;
                let silence = rules::silenced(state, &database.name, name, &known.tags, now);
                alerts.push(AlertView {
                    check: Arc::clone(check),
                    database: Arc::clone(database),
                    series: series.to_owned(),
                    tags: known.tags.clone(),
                    level: known.series.level,
                    state: alert,
                    pending_level: known.series.pending.map(|pending| pending.level),
                    since: since.unwrap_or(known.series.since),
                    message: known.message.clone(),
                    values: serde_json::Value::Object(known.values.clone()).to_string(),
                    acknowledged: known.acknowledged.clone(),
                    silenced_until: silence.map(|silence| silence.until_nanos),
                });
            }
        }
        alerts.sort_by(|a, b| (&a.check.task.name, &a.tags).cmp(&(&b.check.task.name, &b.tags)));
        alerts
    }

    /// Somebody takes note of what fires. Returns of how many series.
    pub(crate) async fn acknowledge(
        &self,
        engine: &QueryEngine,
        check: &Check,
        conditions: &[TagCondition],
        by: &Acknowledged,
    ) -> Result<usize> {
        let conditions = rules::matches(conditions)?;
        let id = check.task.id;
        let kept = self.kept(id);
        let _turn = kept.turn.lock().await;
        let mut state = (**kept.state.lock()).clone();
        let mut lines = Lines::default();
        let mut count = 0;
        let itself = state.failing.iter_mut().map(|known| (OF_CHECK, known));
        let series = state
            .series
            .iter_mut()
            .map(|(series, known)| (series.as_str(), known));
        for (series, known) in itself.chain(series) {
            if known.firing_since.is_some() && conditions.hold(&known.tags) {
                known.acknowledged = Some((by.by.clone(), by.at, by.comment.clone()));
                lines.state(id, series, &known.to_text());
                count += 1;
            }
        }
        rows::write(engine, lines).await?;
        *kept.state.lock() = Arc::new(state);
        Ok(count)
    }
}
