//! What the command line accepts, and what it makes of it.

use clap::{CommandFactory, Parser};

use super::client::{DatabaseCommand, Format, LoadCommand, Precision, TableCommand, TypedField};
use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

fn command(line: &str) -> Command {
    parse(line)
        .unwrap_or_else(|error| panic!("{line}: {error}"))
        .command
}

#[test]
fn definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_subcommand_explains_itself_with_examples() {
    fn check(command: &clap::Command, path: &str) {
        assert!(command.get_about().is_some(), "{path} has no description");
        for argument in command.get_arguments() {
            let name = argument.get_id();
            assert!(argument.get_help().is_some(), "{path}: {name} has no help");
        }
        for sub in command.get_subcommands() {
            check(sub, &format!("{path} {}", sub.get_name()));
        }
    }
    let program = Cli::command();
    check(&program, "tidemill");
    for command in program.get_subcommands() {
        let name = command.get_name();
        let long = command.get_long_about().unwrap_or_default().to_string();
        assert!(long.lines().count() > 1, "{name} is not explained: {long}");
        let help = command.clone().render_long_help().to_string();
        assert!(
            help.contains(&format!("\n  tidemill {name}")),
            "{name} has no example"
        );
    }
}

/// The examples in the help texts are commands that parse.
#[test]
fn examples_are_valid() {
    fn examples(command: &clap::Command, found: &mut Vec<String>) {
        let help = command
            .get_after_long_help()
            .unwrap_or_default()
            .to_string();
        let help = help.replace("\\\n", " ");
        for line in help.lines().filter(|line| line.starts_with("  ")) {
            let line = line.split("  #").next().unwrap_or_default();
            let line = line.split(" > ").next().unwrap_or_default();
            let start = line.find("tidemill ").map(|start| line[start..].to_owned());
            found.extend(start);
        }
        command
            .get_subcommands()
            .for_each(|sub| examples(sub, found));
    }
    let mut found = Vec::new();
    examples(&Cli::command(), &mut found);
    assert!(found.len() > 20, "{found:?}");
    for line in found {
        // Quoted SQL is one word; what it is does not matter here.
        let quoted = |mark: char| {
            let parts = line.split(mark).enumerate();
            parts
                .map(|(i, part)| if i % 2 == 1 { "SQL" } else { part })
                .collect::<String>()
        };
        let words = if line.contains('"') {
            quoted('"')
        } else {
            quoted('\'')
        };
        match parse(&words) {
            Err(error) if error.kind() != clap::error::ErrorKind::DisplayHelp => {
                panic!("{line}: {error}")
            }
            _ => {}
        }
    }
}

#[test]
fn lines_are_refused() {
    let check = |line: &str, wanted: &str| {
        let error = parse(line).expect_err(line).to_string();
        assert!(error.contains(wanted), "{line}: {error}");
    };
    check("tidemill", "Usage");
    check("tidemill serve --http-bind here", "invalid socket address");
    check("tidemill serve --v3-bind off", "ADDRESS:PORT or `none`");
    check("tidemill serve --set wal", "SECTION.KEY=VALUE");
    check("tidemill serve --wal-recovery maybe", "strict, salvage");
    check("tidemill demo --motors 0", "0");
    check("tidemill demo --days -1", "unexpected argument");
    check("tidemill demo --days=-1", "above zero");
    check("tidemill demo --days inf", "above zero");
    check("tidemill write --precision hour", "possible values");
    check("tidemill query --file a.sql SELECT", "cannot be used with");
    check(
        "tidemill query --token a --token-file b SELECT",
        "cannot be used with",
    );
    check("tidemill load cmapss dir --step fast", "--step");
    check("tidemill load cmapss dir --start yesterday", "--start");
    check("tidemill database", "Usage");
    check("tidemill backup", "--to <PLACE>");
    check("tidemill backup --to gs://b", "s3://BUCKET/PREFIX");
    check("tidemill backup list", "--in <PLACE>");
    check("tidemill backup --to a list --in b", "cannot be used with");
    check("tidemill backup prune --in a --keep 0", "--keep");
    check("tidemill restore --from a", "--to-data-dir <DIR>");
    check("tidemill verify --parallel 0", "--parallel");
}

#[test]
fn given_flags_become_settings_and_only_those() {
    let check = |line: &str, wanted: &[(&str, toml::Value)]| {
        let Command::Serve(args) = command(line) else {
            panic!("{line}: not serve")
        };
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(path, value)| ((*path).to_owned(), value.clone()))
            .collect();
        assert_eq!(args.overrides(), wanted, "{line}");
    };
    let text = |text: &str| toml::Value::String(text.to_owned());
    check("tidemill serve", &[]);
    check(
        "tidemill serve --without-auth",
        &[("listen.without_auth", true.into())],
    );
    check(
        "tidemill serve --allow-setup",
        &[("server.auth.allow_setup", true.into())],
    );
    check(
        "tidemill serve --v3-bind none",
        &[("listen.v3_bind", text("none"))],
    );
    check(
        "tidemill serve --set wal.recovery=strict --wal-recovery salvage --http-bind [::1]:0",
        &[
            ("listen.http_bind", text("[::1]:0")),
            ("wal.recovery", text("salvage")),
            ("wal.recovery", text("strict")),
        ],
    );
    check("tidemill serve --set a.b=c=d", &[("a.b", text("c=d"))]);
    check(
        "tidemill serve --object-store s3",
        &[("object_store.kind", text("s3"))],
    );
}

#[test]
fn connection_flags_may_stand_before_or_after_an_inner_subcommand() {
    for line in [
        "tidemill database --host h list",
        "tidemill database list --host h",
    ] {
        let Command::Database(args) = command(line) else {
            panic!("{line}")
        };
        assert_eq!(args.connection.host, "h", "{line}");
        assert!(matches!(args.command, DatabaseCommand::List), "{line}");
    }
    let Command::Load(args) =
        command("tidemill load cmapss dir --sets FD001,FD003 -d plant --step 1h")
    else {
        panic!("not load");
    };
    let LoadCommand::Cmapss(cmapss) = args.command else {
        panic!("not cmapss")
    };
    assert_eq!(args.database.database.as_deref(), Some("plant"));
    assert_eq!(cmapss.sets, ["FD001", "FD003"]);
    assert_eq!(cmapss.step.as_secs(), 3600);
    let Command::Load(args) = command("tidemill load motors -d plant --motors 3 --days 0.5") else {
        panic!("not load");
    };
    let LoadCommand::Motors(motors) = args.command else {
        panic!("not motors")
    };
    assert_eq!((motors.motors, motors.days), (Some(3), 0.5));
}

#[test]
fn tables_are_made_of_tags_and_typed_fields() {
    let line = "tidemill table create pump -d plant --tags id,line --fields flow:float64,a:b:bool";
    let Command::Table(args) = command(line) else {
        panic!("not table")
    };
    let TableCommand::Create { name, tags, fields } = args.command else {
        panic!("not create")
    };
    assert_eq!(
        (name.as_str(), &tags[..]),
        ("pump", &["id", "line"].map(str::to_owned)[..])
    );
    let fields: Vec<_> = fields
        .iter()
        .map(|f| (f.name.as_str(), f.kind.as_str()))
        .collect();
    assert_eq!(fields, [("flow", "float64"), ("a:b", "bool")]);
    for wrong in ["flow", "flow:real", ":bool", "flow:"] {
        assert!(wrong.parse::<TypedField>().is_err(), "{wrong}");
    }
}

#[test]
fn words_for_the_wire_are_those_of_the_v3_api() {
    let precision = |name: &str| {
        let Command::Write(args) = command(&format!("tidemill write --precision {name} -")) else {
            panic!("not write")
        };
        args.precision
    };
    for (given, wanted) in [
        ("auto", Precision::Auto),
        ("ns", Precision::Nanosecond),
        ("n", Precision::Nanosecond),
        ("u", Precision::Microsecond),
        ("millisecond", Precision::Millisecond),
        ("s", Precision::Second),
    ] {
        assert_eq!(precision(given), wanted, "{given}");
    }
    assert_eq!(Precision::Second.name(), "second");
    assert_eq!(Format::Table.name(), "pretty");
}
