//! Tokens, as the server administers them.

use std::io::Read;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, ClientError, Result, expect_success};

const PATH: &str = "/api/v3/configure/token";

impl Client {
    /// Makes a token with these rights and returns what it is made of.
    pub(crate) fn create_token(
        &self,
        name: &str,
        description: &str,
        rights: &[Value],
        lifetime: Option<Duration>,
    ) -> Result<String> {
        let mut body = json!({ "token_name": name, "description": description, "rights": rights });
        if let Some(lifetime) = lifetime {
            body["expiry_secs"] = lifetime.as_secs().into();
        }
        self.made(PATH, &body)
    }

    /// Gives a token a new secret and returns it.
    pub(crate) fn rotate_token(&self, name: &str, grace: Duration) -> Result<String> {
        let body = json!({ "token_name": name, "grace_secs": grace.as_secs() });
        self.made(&format!("{PATH}/rotate"), &body)
    }

    /// Takes a token away.
    pub(crate) fn revoke_token(&self, name: &str) -> Result<()> {
        let url = self.url(PATH);
        let request = self.agent.delete(&url).query("token_name", name);
        expect_success(self.authorized(request).call(), &url).map(drop)
    }

    /// All tokens, in this format.
    pub(crate) fn tokens(&self, format: &str) -> Result<impl Read + use<>> {
        let url = self.url(PATH);
        let request = self.agent.get(&url).query("format", format);
        let answer = expect_success(self.authorized(request).call(), &url)?;
        Ok(answer.into_body().into_reader())
    }

    fn made(&self, path: &str, body: &Value) -> Result<String> {
        let url = self.url(path);
        let answer = self.authorized(self.agent.post(&url)).send_json(body);
        let answer = expect_success(answer, &url)?;
        let made: Value =
            serde_json::from_reader(answer.into_body().into_reader()).map_err(|error| {
                ClientError::Unexpected {
                    reason: error.to_string(),
                }
            })?;
        let token = made.get("token").and_then(Value::as_str);
        token
            .map(str::to_owned)
            .ok_or_else(|| ClientError::Unexpected {
                reason: "it has no `token`".to_owned(),
            })
    }
}
