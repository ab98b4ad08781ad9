//! What notifications look like to each kind.

use serde_json::{Value, json};

use super::*;
use crate::Alert;

fn alert(level: &str, status: &str, asset: &str) -> Alert {
    Alert {
        id: format!("id-{asset}"),
        check: "hot".to_owned(),
        key: format!("key-{asset}"),
        level: level.to_owned(),
        previous_level: "ok".to_owned(),
        status: status.to_owned(),
        message: format!("{asset} is at 91 °C, \"<hot>\""),
        time_nanos: 1_500_000_000_000_000_000,
        time: Alert::time_text(1_500_000_000_000_000_000),
        since: Alert::time_text(1_499_999_990_000_000_000),
        tags: [("asset".to_owned(), asset.to_owned())].into(),
        values: [("temp".to_owned(), json!(91.0))].into_iter().collect(),
    }
}

fn two() -> Notification {
    let alerts = vec![
        alert("crit", "firing", "m 1"),
        alert("ok", "resolved", "m2"),
    ];
    Notification::new("id".to_owned(), "page", "pager", "plant", alerts)
}

fn options(options: &[(&str, &str)]) -> Options {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    options.iter().map(owned).collect()
}

fn requests(kind: Kind, given: &[(&str, &str)]) -> Vec<Outgoing> {
    let given = options(given);
    kind.check(&given).unwrap();
    kind.requests(&given, &two()).unwrap()
}

fn only(kind: Kind, given: &[(&str, &str)]) -> (Outgoing, Value) {
    let mut requests = requests(kind, given);
    assert_eq!(requests.len(), 1);
    let request = requests.remove(0);
    let body = serde_json::from_slice(&request.body).unwrap();
    (request, body)
}

fn header(request: &Outgoing, name: &str) -> String {
    request.headers[name].to_str().unwrap().to_owned()
}

const URL_GIVEN: (&str, &str) = ("url", "https://example.org/hook");

#[test]
fn a_webhook_says_everything_or_what_its_template_says() {
    let (request, body) = only(Kind::Webhook, &[URL_GIVEN]);
    assert_eq!(request.url.as_str(), "https://example.org/hook");
    assert_eq!(header(&request, "Idempotency-Key"), "id");
    assert_eq!(body["id"], "id");
    assert_eq!(body["status"], "firing");
    assert_eq!(body["level"], "crit");
    assert_eq!(body["alerts"][0]["tags"]["asset"], "m 1");
    assert_eq!(body["alerts"][1]["status"], "resolved");
    let template = r#"{"text": {{ message }}, "first": {{ alerts[0].values.temp }}}"#;
    let (request, body) = only(
        Kind::Webhook,
        &[
            URL_GIVEN,
            ("body", template),
            ("method", "put"),
            ("username", "ada"),
            ("password", "hush"),
            ("header.X-Plant", "1"),
        ],
    );
    assert_eq!(request.method, "PUT");
    assert_eq!(header(&request, "Authorization"), "Basic YWRhOmh1c2g=");
    assert_eq!(header(&request, "X-Plant"), "1");
    assert_eq!(body["first"], 91.0);
    let said = body["text"].as_str().unwrap();
    assert_eq!(said.lines().count(), 2, "{said}");
}

/// Templates of bodies, as the guide has them.
const LIST: &str =
    r#"{"text": {{ message }}, "assets": {{ alerts | map(attribute="tags.asset") | list }} }"#;
const LOOP: &str = r#"[{% for a in alerts %}{"asset": {{ a.tags.asset }}, "level": {{ a.level }}}{% if not loop.last %}, {% endif %}{% endfor %}]"#;

#[test]
fn templates_of_the_guide_are_json_for_any_number_of_alerts() {
    let guide = include_str!("../../../../docs/guide/notifications.md");
    let body_of = |template: &str, assets: &[&str]| -> Value {
        assert!(guide.contains(template), "{template}");
        let given = options(&[URL_GIVEN, ("body", template)]);
        Kind::Webhook.check(&given).unwrap();
        let alerts = assets.iter().map(|asset| alert("crit", "firing", asset));
        let alerts = alerts.collect();
        let told = Notification::new("id".to_owned(), "page", "pager", "plant", alerts);
        let requests = Kind::Webhook.requests(&given, &told).unwrap();
        serde_json::from_slice(&requests[0].body).unwrap()
    };
    for assets in [&["m 1"][..], &["m 1", "\"m2\""]] {
        assert_eq!(body_of(LIST, assets)["assets"], json!(assets));
        let looped = body_of(LOOP, assets);
        let looped = looped.as_array().unwrap().iter();
        let found: Vec<&Value> = looped.map(|alert| &alert["asset"]).collect();
        assert_eq!(json!(found), json!(assets));
    }
}

#[test]
fn chats_get_messages() {
    let (_, body) = only(Kind::Slack, &[URL_GIVEN, ("channel", "#plant")]);
    assert_eq!(body["text"], "2 alerts of plant");
    assert_eq!(body["channel"], "#plant");
    assert_eq!(body["attachments"][0]["color"], "danger");
    assert_eq!(
        body["attachments"][0]["text"],
        "m 1 is at 91 °C, \"&lt;hot&gt;\""
    );
    let (_, body) = only(Kind::Teams, &[URL_GIVEN]);
    let card = &body["attachments"][0]["content"];
    assert_eq!(card["body"][0]["color"], "Attention");
    assert_eq!(card["body"][1]["facts"][0]["value"], "m 1");
}

#[test]
fn pagers_get_alerts_that_they_can_put_together() {
    let requests = requests(Kind::PagerDuty, &[("routing_key", "hush")]);
    let bodies: Vec<Value> = requests
        .iter()
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(requests[0].url.host_str(), Some("events.pagerduty.com"));
    assert_eq!(bodies[0]["event_action"], "trigger");
    assert_eq!(bodies[0]["dedup_key"], "key-m 1");
    assert_eq!(bodies[0]["payload"]["severity"], "critical");
    assert_eq!(bodies[1]["event_action"], "resolve");
    let (request, body) = only(Kind::Alertmanager, &[("url", "https://a.example/")]);
    assert_eq!(request.url.path(), "/api/v2/alerts");
    assert_eq!(body[0]["labels"]["alertname"], "hot");
    assert_eq!(body[0]["startsAt"], "2017-07-14T02:39:50Z");
    assert_eq!(body[0].get("endsAt"), None);
    assert_eq!(body[1]["endsAt"], "2017-07-14T02:40:00Z");
}

#[test]
fn another_server_gets_lines() {
    let given = [URL_GIVEN, ("bucket", "central"), ("token", "hush")];
    let requests = requests(Kind::InfluxDb, &given);
    let url = requests[0].url.as_str();
    assert_eq!(
        url,
        "https://example.org/hook/api/v2/write?org=default&bucket=central&precision=ns"
    );
    assert_eq!(header(&requests[0], "Authorization"), "Token hush");
    let lines = std::str::from_utf8(&requests[0].body).unwrap();
    assert_eq!(
        lines.lines().next().unwrap(),
        "alerts,check=hot,database=plant,asset=m\\ 1 id=\"id-m 1\",level=\"crit\",previous_level=\"ok\",\
         status=\"firing\",message=\"m 1 is at 91 °C, \\\"<hot>\\\"\" 1500000000000000000"
    );
}

#[test]
fn options_that_are_of_no_use_are_refused() {
    let check = |kind: Kind, given: &[(&str, &str)], expected: &str| {
        let problem = kind.check(&options(given)).unwrap_err().to_string();
        assert!(problem.contains(expected), "{given:?}: {problem}");
        assert!(!problem.contains("hush"), "{problem}");
    };
    check(Kind::Webhook, &[], "needs the option 'url'");
    check(Kind::Webhook, &[("url", "ftp://x/")], "https://");
    check(Kind::Webhook, &[("url", "hush")], "no URL");
    check(
        Kind::Webhook,
        &[("url", "https://a:hush@x/")],
        "options of their own",
    );
    check(
        Kind::Webhook,
        &[URL_GIVEN, ("tokn", "hush")],
        "no option 'tokn'",
    );
    check(
        Kind::Webhook,
        &[URL_GIVEN, ("header.", "hush")],
        "no option",
    );
    check(
        Kind::Webhook,
        &[URL_GIVEN, ("header.a b", "hush")],
        "no name",
    );
    check(
        Kind::Webhook,
        &[URL_GIVEN, ("token", "hush\n")],
        "no header can carry",
    );
    check(
        Kind::Webhook,
        &[URL_GIVEN, ("method", "GET")],
        "POST or PUT",
    );
    check(
        Kind::Webhook,
        &[URL_GIVEN, ("body", "{{ hush")],
        "template of the body",
    );
    check(Kind::PagerDuty, &[], "routing_key");
    check(Kind::InfluxDb, &[URL_GIVEN], "bucket");
    let unknown = Kind::of_name("pigeon").unwrap_err().to_string();
    assert!(unknown.contains("webhook"), "{unknown}");
    assert_eq!(Kind::of_name("Slack").unwrap(), Kind::Slack);
    let url = "https://hooks.example:8443/secret/path?key=hush"
        .parse()
        .unwrap();
    assert_eq!(shown_target(&url), "https://hooks.example:8443");
}
