//! What mails look like, and which are refused.

use super::super::{Kind, example};
use super::*;
use crate::Alert;

fn options(given: &[(&str, &str)]) -> Options {
    let ends = [
        ("from", "Tidemill <mill@plant.example>"),
        ("to", "ops@plant.example"),
    ];
    let all = ends.iter().chain(given);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

const URL: (&str, &str) = ("url", "smtps://mail.example");

fn alert(asset: &str, message: &str) -> Alert {
    let mut alert = example().alerts.remove(0);
    alert.key = format!("key-{asset}");
    alert.message = message.to_owned();
    alert.time_nanos = 1_500_000_000_000_000_000;
    alert.tags = [("asset".to_owned(), asset.to_owned())].into();
    alert.status = "firing".to_owned();
    alert
}

fn notification(alerts: Vec<Alert>) -> Notification {
    Notification::new("id-7".to_owned(), "page", "mail", "plant", alerts)
}

fn written(given: &[(&str, &str)], it: &Notification) -> String {
    let mail = mail(&options(given), it).unwrap();
    mail.text
}

fn head(text: &str) -> String {
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ")
}

fn header(text: &str, name: &str) -> String {
    let head = head(text);
    let found = head.lines().find_map(|line| line.strip_prefix(name));
    found
        .unwrap_or_default()
        .trim_start_matches(": ")
        .to_owned()
}

fn body(text: &str) -> String {
    use base64::Engine as _;
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let body = base64::prelude::BASE64_STANDARD.decode(body.replace("\r\n", ""));
    String::from_utf8(body.unwrap()).unwrap()
}

#[test]
fn a_mail_says_what_is_so_and_is_the_same_each_time() {
    let it = notification(vec![alert("m1", "m1 is at 95")]);
    let text = written(&[URL], &it);
    assert_eq!(text, written(&[URL], &it));
    for (name, expected) in [
        ("From", "\"Tidemill\" <mill@plant.example>"),
        ("To", "ops@plant.example"),
        ("Subject", "[crit] plant: m1 is at 95"),
        ("Message-ID", "<id7.tidemill@plant.example>"),
        ("References", "<keym1.tidemill@plant.example>"),
        ("Date", "Fri, 14 Jul 2017 02:40:00 +0000"),
        ("Auto-Submitted", "auto-generated"),
    ] {
        assert_eq!(header(&text, name), expected, "{text}");
    }
    for line in [
        "m1 is at 95",
        "example: ok -> crit",
        "asset = m1",
        "rule page of plant",
    ] {
        assert!(body(&text).contains(line), "{line}: {}", body(&text));
    }
    let two = notification(vec![alert("m1", "one"), alert("m2", "other")]);
    let text = written(&[URL, ("to", "a@x.example, Bé <b@x.example>")], &two);
    assert_eq!(header(&text, "Subject"), "[crit] plant: 2 alerts");
    assert_eq!(header(&text, "References"), "");
    assert_eq!(
        header(&text, "To"),
        "a@x.example, =?utf-8?B?QsOp?= <b@x.example>"
    );
}

#[test]
fn templates_make_subject_and_text() {
    let it = notification(vec![alert("m1", "m1 is at 95")]);
    let given = [
        URL,
        ("subject", "{{ alerts[0].tags.asset }}!"),
        ("body", "{{ message }}."),
    ];
    let text = written(&given, &it);
    assert_eq!(header(&text, "Subject"), "m1!");
    assert_eq!(body(&text), "m1 is at 95.\r\n");
}

#[test]
fn nothing_that_is_said_begins_a_header_or_ends_the_mail() {
    for said in [
        "hot\r\nBcc: eve@evil.example",
        "hot\nBcc: eve@evil.example\n\nbody",
        "hot\r\n.\r\nMAIL FROM:<eve@evil.example>",
        "\u{2028}Bcc: eve@evil.example",
        "=?utf-8?q?hot=0D=0ABcc:_eve?=",
        "é".repeat(300).as_str(),
    ] {
        let mut one = alert("m1\r\nBcc: eve@evil.example", said);
        one.key = "k\r\nBcc: eve".to_owned();
        let text = written(&[URL], &notification(vec![one]));
        let names: Vec<_> = head(&text)
            .lines()
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect();
        let expected = "From To Subject Date Message-ID References Auto-Submitted MIME-Version Content-Type \
                        Content-Transfer-Encoding";
        assert_eq!(names.join(" "), expected, "{said:?}: {text}");
        assert!(text.is_ascii() && text.ends_with("\r\n"), "{text}");
        for line in text.split("\r\n") {
            assert!(
                !line.contains(['\n', '\r']) && !line.starts_with('.'),
                "{text}"
            );
            assert!(line.len() <= 120, "{line}");
        }
    }
}

#[test]
fn texts_of_any_script_are_read_as_they_were_said() {
    let it = notification(vec![alert(
        "m1",
        "Wälzlager 轴承 überhitzt bei 95 °C, und zwar seit mehr als fünf Minuten",
    )]);
    let text = written(&[URL], &it);
    use base64::Engine as _;
    let subject = header(&text, "Subject");
    let words = subject.split(' ').map(|word| {
        assert!(word.len() <= 75, "{word}");
        let word = word
            .strip_prefix("=?utf-8?B?")
            .unwrap()
            .strip_suffix("?=")
            .unwrap();
        String::from_utf8(base64::prelude::BASE64_STANDARD.decode(word).unwrap()).unwrap()
    });
    let subject: String = words.collect();
    assert_eq!(subject, format!("[crit] plant: {}", it.message));
    assert!(body(&text).starts_with(&it.message));
}

fn server_of(given: &[(&str, &str)]) -> String {
    server(&options(given)).unwrap().to_string()
}

#[test]
fn where_the_server_is_can_be_said_in_several_ways() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[URL], "smtps://mail.example:465"),
        (&[("url", "smtp://mail.example")], "smtp://mail.example:587"),
        (
            &[("url", "smtp://u%40x:p@mail.example:25/")],
            "smtp://mail.example:25",
        ),
        (&[("host", "mail.example")], "smtp://mail.example:587"),
        (
            &[("host", "mail.example"), ("port", "465")],
            "smtps://mail.example:465",
        ),
        (
            &[("host", "mail.example"), ("tls", "implicit")],
            "smtps://mail.example:465",
        ),
        (
            &[("url", "smtp://mail.example"), ("tls", "none")],
            "smtp-plain://mail.example:587",
        ),
        // However an address is written, it is one.
        (&[("url", "smtp://2130706433:25")], "smtp://127.0.0.1:25"),
        (
            &[("host", "[::ffff:127.0.0.1]")],
            "smtp://[::ffff:7f00:1]:587",
        ),
    ];
    for (given, expected) in cases {
        assert_eq!(server_of(given), *expected, "{given:?}");
    }
    let given = options(&[("url", "smtp://u%40x:p%3Aq@mail.example")]);
    let mail = mail(&given, &example()).unwrap();
    assert_eq!(mail.credentials, Some(("u@x".to_owned(), "p:q".to_owned())));
    assert!(
        mail.secrets.contains(&"AHVAeABwOnE=".to_owned()),
        "{:?}",
        mail.secrets
    );
}

#[test]
fn options_that_are_of_no_use_are_refused() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[], "needs the option 'url'"),
        (&[("url", "https://hush/")], "smtps:// or smtp://"),
        (&[("url", "smtp://x/hush")], "nothing follows"),
        (
            &[("url", "smtp://x"), ("host", "hush")],
            "host and port already",
        ),
        (
            &[("url", "smtp://hush:hush@x"), ("username", "hush")],
            "already",
        ),
        (&[("url", "smtp://x"), ("password", "hush")], "username"),
        (&[("url", "smtp://x"), ("username", "hush")], "password"),
        (&[("host", "x"), ("port", "0")], "1 to 65535"),
        (&[("host", "hush hush")], "'host'"),
        (
            &[("url", "smtps://x"), ("tls", "none")],
            "encrypted from the beginning",
        ),
        (
            &[("host", "x"), ("tls", "hush")],
            "implicit, starttls or none",
        ),
        (&[URL, ("to", "hush")], "'to'"),
        (&[URL, ("to", "a@x.example\r\nBcc: hush@x.example")], "'to'"),
        (&[URL, ("to", "hüsh@x.example")], "ASCII"),
        (
            &[URL, ("to", "a@x.example> RCPT TO:<hush@x.example")],
            "'to'",
        ),
        (&[URL, ("to", "a@x.example,")], "'to'"),
        (
            &[URL, ("from", "a@x.example, hush@x.example")],
            "one address",
        ),
        (&[URL, ("subject", "{{ hush")], "template"),
        (&[URL, ("body", "{{ hush")], "template"),
        (&[URL, ("token", "hush")], "no option 'token'"),
    ];
    for (given, expected) in cases {
        let problem = Kind::Smtp.check(&options(given)).unwrap_err().to_string();
        assert!(problem.contains(expected), "{given:?}: {problem}");
        assert!(!problem.contains("hush"), "{problem}");
    }
}
