//! `tidemill token`: create, list, rotate, revoke.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::{CommandError, Result, connect};
use crate::cli::client::Format;
use crate::cli::token::{Lifetime, Target, TokenArgs, TokenCommand};
use crate::output::{Output, print_lines};

/// How long a token lasts that says nothing else and does not administer the server.
const LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// Runs the command.
pub(crate) fn run(args: &TokenArgs) -> Result<ExitCode> {
    let client = connect(&args.connection)?;
    match &args.command {
        TokenCommand::Create {
            name,
            read,
            write,
            admin,
            expires,
            description,
        } => {
            let rights = rights(read, write, admin);
            if rights.is_empty() {
                return Err(CommandError::NoRights);
            }
            let lifetime = lifetime(*expires, admin);
            let token = client.create_token(name, description, &rights, lifetime)?;
            made(name, token)?;
        }
        TokenCommand::List { format } => {
            let output = Output::open(None, *format == Format::Parquet)?;
            output.write_from(client.tokens(format.name())?)?;
        }
        TokenCommand::Rotate { name, grace } => made(name, client.rotate_token(name, *grace)?)?,
        TokenCommand::Revoke { name } => {
            client.revoke_token(name)?;
            eprintln!("token {name:?} revoked");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The token alone goes to standard output, so that it can be put into a file or a variable.
fn made(name: &str, token: String) -> Result<()> {
    eprintln!("token {name:?}; it is not shown again:");
    print_lines(&[token])?;
    Ok(())
}

fn rights(read: &[Target], write: &[Target], admin: &[Target]) -> Vec<Value> {
    let of = |action: &'static str, targets: &[Target]| -> Vec<Value> {
        let right = |target: &Target| {
            let tables: Vec<_> = target.table.iter().collect();
            json!({ "action": action, "database": target.database, "tables": tables })
        };
        targets.iter().map(right).collect()
    };
    let all = [of("read", read), of("write", write), of("admin", admin)];
    all.concat()
}

fn lifetime(asked: Option<Lifetime>, admin: &[Target]) -> Option<Duration> {
    match asked {
        Some(Lifetime::For(length)) => Some(length),
        Some(Lifetime::Never) => None,
        None if admin.iter().any(Target::is_everything) => None,
        None => Some(LIFETIME),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(texts: &[&str]) -> Vec<Target> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn flags_become_rights() {
        let found = rights(&targets(&["plant", "lab:motor"]), &[], &targets(&["*"]));
        let expected = [
            json!({ "action": "read", "database": "plant", "tables": [] }),
            json!({ "action": "read", "database": "lab", "tables": ["motor"] }),
            json!({ "action": "admin", "database": "*", "tables": [] }),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_administers_everything_lasts_for_ever_unasked() {
        let day = Duration::from_secs(86_400);
        for (asked, admin, expected) in [
            (None, &[][..], Some(LIFETIME)),
            (None, &["plant"], Some(LIFETIME)),
            (None, &["*"], None),
            (Some(Lifetime::For(day)), &["*"], Some(day)),
            (Some(Lifetime::Never), &["plant"], None),
        ] {
            assert_eq!(
                lifetime(asked, &targets(admin)),
                expected,
                "{asked:?} {admin:?}"
            );
        }
    }
}
