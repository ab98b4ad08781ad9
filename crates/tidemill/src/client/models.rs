//! Models, as the server keeps them.

use std::io::Read;

use serde_json::Value;

use super::{Client, ClientError, Result, expect_success};

const PATH: &str = "/api/v3/configure/model";

impl Client {
    /// A model as JSON, as it arrives.
    pub(crate) fn export_model(&self, database: &str, name: &str) -> Result<impl Read + use<>> {
        let url = self.url(PATH);
        let request = self.agent.get(&url).query("db", database);
        let request = self.authorized(request.query("model", name));
        let answer = expect_success(request.call(), &url)?;
        Ok(answer.into_body().into_reader())
    }

    /// Takes in a model that was exported, and returns the number of its version.
    pub(crate) fn import_model(
        &self,
        database: &str,
        name: &str,
        json: Vec<u8>,
        is_replace: bool,
    ) -> Result<u64> {
        let url = self.url(PATH);
        let request = self.agent.post(&url).query("db", database);
        let request = request.query("model", name);
        let request = request.query("replace", is_replace.to_string());
        let request = request.header("content-type", "application/json");
        let answer = expect_success(self.authorized(request).send(json), &url)?;
        let made: Value =
            serde_json::from_reader(answer.into_body().into_reader()).map_err(|error| {
                ClientError::Unexpected {
                    reason: error.to_string(),
                }
            })?;
        let version = made.get("version").and_then(Value::as_u64);
        version.ok_or_else(|| ClientError::Unexpected {
            reason: "it has no `version`".to_owned(),
        })
    }

    /// Takes a model away.
    pub(crate) fn drop_model(&self, database: &str, name: &str) -> Result<()> {
        let url = self.url(PATH);
        let request = self.agent.delete(&url).query("db", database);
        let request = request.query("model", name);
        expect_success(self.authorized(request).call(), &url).map(drop)
    }
}
