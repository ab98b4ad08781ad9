//! What the first start makes: the admin token, and what the environment asks for: an organization, a user
//! who owns it, a bucket.
//!
//! | given                                   | admin token                                      |
//! |-----------------------------------------|--------------------------------------------------|
//! | `--admin-token-file FILE`               | what the file holds, also on later starts        |
//! | `TIDEMILL_INIT_ADMIN_TOKEN`             | its value, at the first start only               |
//! | neither                                 | a random one, written to `<data-dir>/admin-token`|
//!
//! The catalog keeps only a digest.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use catalog::{Catalog, Clock, Retention};
use server::Onboarding;

use super::ServeError;

/// Where a person finds the admin token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AdminToken {
    /// In this file.
    File(PathBuf),
    /// Where the person who started the server has it from.
    Given,
}

/// Makes sure that the catalog has an admin token.
pub(super) async fn admin_token(
    catalog: &Catalog,
    clock: &dyn Clock,
    data_dir: &Path,
    given: Option<&Path>,
) -> Result<AdminToken, ServeError> {
    let own_file = data_dir.join("admin-token");
    if let Some(file) = given {
        keep(catalog, clock, &read_token(file)?).await?;
        return Ok(AdminToken::File(file.to_owned()));
    }
    let is_first_start = catalog.state().tokens().next().is_none();
    if is_first_start && let Some(token) = init_variable("TIDEMILL_INIT_ADMIN_TOKEN") {
        let path = || PathBuf::from("TIDEMILL_INIT_ADMIN_TOKEN");
        keep(
            catalog,
            clock,
            check(&token).ok_or_else(|| ServeError::BadToken { path: path() })?,
        )
        .await?;
        return Ok(AdminToken::Given);
    }
    if is_first_start {
        // A start that was cut short may have left the file without the catalog knowing of it.
        let token = match own_file.exists() {
            true => read_token(&own_file)?,
            false => write_new_token(&own_file)?,
        };
        keep(catalog, clock, &token).await?;
    }
    Ok(if own_file.exists() {
        AdminToken::File(own_file)
    } else {
        AdminToken::Given
    })
}

/// Makes what container set-ups ask for in the environment: the organization, user and bucket of the
/// first start, and the bucket again where it is gone.
pub(super) async fn first_records(catalog: &Catalog, clock: &dyn Clock) -> Result<(), ServeError> {
    let retention = match init_variable("TIDEMILL_INIT_RETENTION") {
        Some(text) => text.parse()?,
        None => Retention::Forever,
    };
    let bucket = Onboarding {
        bucket: init_variable("TIDEMILL_INIT_BUCKET"),
        retention,
        ..Onboarding::default()
    };
    let onboarding = match server::is_due(&catalog.state()) {
        true => Onboarding {
            username: init_variable("TIDEMILL_INIT_USERNAME"),
            password: init_variable("TIDEMILL_INIT_PASSWORD"),
            organization: init_variable("TIDEMILL_INIT_ORG"),
            ..bucket
        },
        false => bucket,
    };
    if onboarding != Onboarding::default() {
        server::onboard(catalog, clock.now_nanos(), &onboarding).await?;
    }
    Ok(())
}

async fn keep(catalog: &Catalog, clock: &dyn Clock, token: &str) -> Result<(), ServeError> {
    let (digest, now) = (catalog::digest(token), clock.now_nanos());
    catalog
        .put_admin_token(server::ADMIN_TOKEN, digest, now)
        .await?;
    Ok(())
}

fn read_token(file: &Path) -> Result<String, ServeError> {
    let text = std::fs::read_to_string(file).map_err(|source| ServeError::Read {
        path: file.to_owned(),
        source,
    })?;
    let token = check(text.trim()).ok_or_else(|| ServeError::BadToken {
        path: file.to_owned(),
    })?;
    Ok(token.to_owned())
}

fn check(token: &str) -> Option<&str> {
    (!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())).then_some(token)
}

/// The file is there before the catalog has a record of the token.
fn write_new_token(path: &Path) -> Result<String, ServeError> {
    let token = catalog::new_token(None)?;
    // Whole or not at all: a half-written token would lock everyone out.
    let staged = path.with_extension("new");
    let write = || {
        match std::fs::remove_file(&staged) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&staged)?;
        file.write_all(token.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&staged, path)?;
        let directory = path.parent().unwrap_or(Path::new("."));
        std::fs::File::open(directory)?.sync_all()
    };
    write().map_err(|source| ServeError::Write {
        path: path.to_owned(),
        source,
    })?;
    Ok(token)
}

fn init_variable(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
}
