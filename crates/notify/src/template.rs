//! Templates of messages and bodies, in the language of Jinja: `{{ temp | round(1) }}`,
//! `{% for alert in alerts %}…{% endfor %}`. They reach nothing but the values that they are given, and end
//! after so many steps, whatever they say.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde::Serialize;

use crate::error::{Error, Result};

/// Steps of one template.
const FUEL: u64 = 100_000;

/// The longest text that comes out of a template of a message.
const MESSAGE_BYTES_MAX: usize = 4096;

/// The longest text of a mail.
const TEXT_BYTES_MAX: usize = 256 * 1024;

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|name| match name {
        "body" => AutoEscape::Json,
        _ => AutoEscape::None,
    });
    environment
}

fn wrong(what: &'static str, error: &minijinja::Error) -> Error {
    let problem = match (error.detail(), error.line()) {
        (Some(detail), Some(line)) => format!("{detail} (line {line})"),
        (Some(detail), None) => detail.to_owned(),
        (None, _) => error.kind().to_string(),
    };
    Error::Template { what, problem }
}

fn render(what: &'static str, template: &str, values: &impl Serialize) -> Result<String> {
    let environment = environment();
    let rendered = environment.render_named_str(what, template, Value::from(Serde(values)));
    rendered.map_err(|error| wrong(what, &error))
}

/// Fails unless a text is a template of a message.
pub fn check_message(template: &str) -> Result<()> {
    parse("message", template)
}

/// Fails unless a text is a template of a body.
pub(crate) fn check_body(template: &str) -> Result<()> {
    parse("body", template)
}

fn parse(what: &'static str, template: &str) -> Result<()> {
    let environment = environment();
    let parsed = environment.template_from_named_str(what, template);
    parsed.map(drop).map_err(|error| wrong(what, &error))
}

/// A message for people: values are put in as they are.
pub fn message(template: &str, values: &impl Serialize) -> Result<String> {
    let mut text = render("message", template, values)?;
    text.truncate(text.floor_char_boundary(MESSAGE_BYTES_MAX));
    Ok(text)
}

/// A text as long as a mail may be: values are put in as they are.
pub(crate) fn text(template: &str, values: &impl Serialize) -> Result<String> {
    let mut text = render("text", template, values)?;
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    Ok(text)
}

/// A body: values are put in as JSON, texts with their quotation marks.
pub(crate) fn body(template: &str, values: &impl Serialize) -> Result<String> {
    render("body", template, values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_take_values_as_they_are() {
        let values =
            json!({ "asset": "m\"1", "temp": 91.26, "level": "crit", "tags": { "line": 2 } });
        for (template, expected) in [
            ("{{ asset }} is at {{ temp | round(1) }}", "m\"1 is at 91.3"),
            ("{{ tags.line }}{{ nothing }}", "2"),
            ("{% if level == 'crit' %}!{% endif %}", "!"),
            ("no values", "no values"),
        ] {
            assert_eq!(message(template, &values).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn bodies_take_values_as_json() {
        let values = json!({ "message": "a \"b\"\n</x>", "alerts": [{ "level": "crit" }, { "level": "ok" }], "n": 1.5 });
        let template = r#"{"text": {{ message }}, "n": {{ n }}, "none": {{ nothing | default(none) }},
            "levels": [{% for alert in alerts %}{{ alert.level }}{% if not loop.last %}, {% endif %}{% endfor %}]}"#;
        let rendered = body(template, &values).unwrap();
        let parsed: serde_json::Value = serde_json::from_str(&rendered).unwrap();
        let expected =
            json!({ "text": "a \"b\"\n</x>", "n": 1.5, "none": null, "levels": ["crit", "ok"] });
        assert_eq!(parsed, expected, "{rendered}");
    }

    #[test]
    fn what_is_wrong_is_told_and_nothing_runs_for_ever() {
        for wrong in ["{{ a", "{% for %}", "{{ a | no_such_filter }}{% if %}"] {
            assert!(check_message(wrong).is_err(), "{wrong}");
        }
        let endless =
            "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}";
        assert!(message(endless, &json!({})).is_err());
        assert!(message("{% include 'x' %}", &json!({})).is_err());
    }
}
