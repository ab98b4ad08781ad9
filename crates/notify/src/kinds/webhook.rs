//! HTTP of one's own shape.

use serde_json::json;

use super::{Options, url_or};
use crate::error::{Error, Result};
use crate::notification::Notification;
use crate::sender::Outgoing;
use crate::template;

pub(super) const OPTIONS: &[(&str, bool)] = &[
    ("url", true),
    // `POST` or `PUT`.
    ("method", false),
    // A template; without one the whole notification as JSON.
    ("body", false),
    ("content_type", false),
    // `Authorization: Bearer …`.
    ("token", false),
    // `Authorization: Basic …`.
    ("username", false),
    ("password", false),
    ("header.", false),
];

pub(super) fn request(options: &Options, it: &Notification) -> Result<Outgoing> {
    let body = match options.get("body") {
        Some(template) => {
            template::check_body(template)?;
            template::body(template, it)?.into_bytes()
        }
        None => super::json(&json!(it)),
    };
    let mut request = Outgoing::post(url_or(options, "")?, body);
    request.method = match options.get("method").map(|it| it.to_uppercase()).as_deref() {
        None | Some("POST") => reqwest::Method::POST,
        Some("PUT") => reqwest::Method::PUT,
        Some(_) => {
            return Err(Error::InvalidOption {
                option: "method".to_owned(),
                problem: "it is POST or PUT".to_owned(),
            });
        }
    };
    if let Some(content_type) = options.get("content_type") {
        request.header("Content-Type", content_type)?;
    }
    if let Some(token) = options.get("token") {
        request.header("Authorization", &format!("Bearer {token}"))?;
    }
    if let Some(username) = options.get("username") {
        let password = options.get("password").map_or("", String::as_str);
        request.header("Authorization", &super::influxdb::basic(username, password))?;
    }
    for (option, value) in options {
        if let Some(name) = option.strip_prefix("header.") {
            request.header(name, value)?;
        }
    }
    Ok(request)
}
