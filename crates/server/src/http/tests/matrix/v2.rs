//! Requests to the resources of v2's API, about `plant` and about records that are there.

use catalog::{DatabaseMapping, Label, RecordId, User};

use super::*;

#[tokio::test]
async fn whether_a_bucket_exists_is_not_told_to_who_may_not_know() {
    let site = site_with_everyone().await;
    let lab = site.server.services().unwrap().catalog.state();
    let lab = lab.database("lab").unwrap().id;
    for bucket in [1 << 62 | u64::from(lab.0), 1 << 62 | 4711, 5] {
        let uri = format!("/api/v2/buckets/{}", RecordId(bucket));
        for (method, body, expected) in [
            (Method::GET, "", 404),
            (Method::PATCH, "{}", 403),
            (Method::DELETE, "", 403),
        ] {
            let ask = Ask::new(method, &uri, body.as_bytes());
            let (status, body) = site.ask(ask.with("authorization", "Bearer keeper")).await;
            assert_eq!(status, expected, "{uri}: {body}");
        }
    }
}

/// A user who owns nothing, a label and a mapping, and the ids of everything that addresses name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records {
    user: RecordId,
    label: RecordId,
    mapping: RecordId,
    token: RecordId,
    organization: RecordId,
    bucket: RecordId,
}

impl Records {
    pub(super) async fn make(site: &Site) -> Self {
        let catalog = &site.server.services().unwrap().catalog;
        let state = catalog.state();
        let organization = state.default_organization().unwrap().id;
        let plant = state.database("plant").unwrap().id;
        let user = catalog.create_record(|id| User {
            id,
            name: "ada".to_owned(),
            is_active: true,
            password: None,
            created_at_nanos: 0,
            updated_at_nanos: 0,
        });
        let user = user.await.unwrap().id;
        let label = catalog.create_record(|id| Label {
            id,
            organization,
            name: "urgent".to_owned(),
            properties: Default::default(),
        });
        let mapping = catalog.create_record(|id| DatabaseMapping {
            id,
            organization,
            target: plant,
            database: "old".to_owned(),
            retention_policy: "raw".to_owned(),
            is_default: true,
        });
        Self {
            user,
            label: label.await.unwrap().id,
            mapping: mapping.await.unwrap().id,
            token: state.token_named("expired").unwrap().id,
            organization,
            bucket: RecordId(1 << 62 | u64::from(plant.0)),
        }
    }

    /// Address and body of a request to a route of v2's resources; `None` for other routes.
    pub(super) fn request_to(&self, entry: &Entry) -> Option<(String, String)> {
        let (method, path) = (entry.method.as_str(), &*entry.path);
        let rest = path.strip_prefix("/api/v2")?;
        let resource = rest.split('/').nth(1).unwrap_or_default();
        let id = match resource {
            "users" => self.user,
            "labels" => self.label,
            "dbrps" => self.mapping,
            "authorizations" => self.token,
            "orgs" => self.organization,
            _ => self.bucket,
        };
        let uri = path
            .replace("{id}", &id.to_string())
            .replace("{label}", &self.label.to_string())
            .replace("{user}", &self.user.to_string())
            .replace("{run}", &self.label.to_string())
            .replace("{*rest}", "stacks");
        let Self {
            user,
            label,
            organization,
            bucket,
            ..
        } = self;
        let body = match (method, rest) {
            ("POST", "/write" | "/delete") => return None,
            ("POST", "/query") => r#"{"query":"buckets()"}"#.to_owned(),
            ("POST", "/buckets") => format!(r#"{{"orgID":"{organization}","name":"plant"}}"#),
            ("POST", "/orgs" | "/users") => r#"{"name":"new"}"#.to_owned(),
            ("POST", "/labels") => format!(r#"{{"orgID":"{organization}","name":"new"}}"#),
            ("POST", "/authorizations") => format!(
                r#"{{"orgID":"{organization}","permissions":[{{"action":"read","resource":{{"type":"buckets"}}}}]}}"#
            ),
            // Who may make which tasks is for their statements to say.
            ("POST", "/tasks") => {
                let script = "CREATE TASK t IN nowhere EVERY '1m' AS DELETE FROM motor WHERE true";
                format!(r#"{{"flux":"{script}"}}"#)
            }
            ("POST", "/checks") => {
                let query = r#"{"text":"SELECT host FROM motor"}"#;
                format!(r#"{{"name":"c","bucket":"nowhere","type":"deadman","query":{query}}}"#)
            }
            ("POST", "/notificationEndpoints") => {
                let url = "https://example.org/";
                format!(r#"{{"name":"e","bucket":"nowhere","type":"http","url":"{url}"}}"#)
            }
            ("POST", "/notificationRules") => {
                let rules = r#"[{"currentLevel":"CRIT"}]"#;
                format!(r#"{{"name":"r","endpointID":"{bucket}","statusRules":{rules}}}"#)
            }
            ("PUT", "/checks/{id}" | "/notificationEndpoints/{id}" | "/notificationRules/{id}") => {
                "{}".to_owned()
            }
            ("POST", "/dbrps") => format!(
                r#"{{"orgID":"{organization}","bucketID":"{bucket}","database":"d","retention_policy":"r"}}"#
            ),
            ("POST", "/buckets/{id}/labels") => format!(r#"{{"labelID":"{label}"}}"#),
            ("POST" | "PUT", "/users/{id}/password") => r#"{"password":"long enough"}"#.to_owned(),
            ("POST", _) if rest.ends_with("members") || rest.ends_with("owners") => {
                format!(r#"{{"id":"{user}"}}"#)
            }
            // No token has a password.
            (_, "/me/password") => r#"{"password":"long enough"}"#.to_owned(),
            ("PATCH", _) => r#"{"description":"new"}"#.to_owned(),
            _ => String::new(),
        };
        Some((uri, body))
    }
}
