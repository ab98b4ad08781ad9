//! Which server, and with which token.
//!
//! | token, first that is there            | because                                             |
//! |---------------------------------------|-----------------------------------------------------|
//! | `--token`, `--token-file`             | said for this call                                  |
//! | `TIDEMILL_TOKEN`                      | said for this shell                                 |
//! | `TIDEMILL_TOKEN_FILE`                 | the same, for container secrets                     |
//! | `<data-dir>/admin-token`              | only for a host on this machine: whoever can read   |
//! |                                       | that file may do anything to the server anyway      |
//! | none                                  | the server may run without authentication           |
//!
//! Empty variables count as unset, because compose files pass on what is not set as empty text.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use ureq::http::Uri;

use super::{ClientError, Result};
use crate::cli::client::{ConnectionArgs, DEFAULT_HOST};

/// The file below a data directory that the server writes its first token to.
const ADMIN_TOKEN_FILE: &str = "admin-token";

/// A server's address and the token to show it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Scheme, host, port and any path prefix, without a slash at the end.
    pub(crate) base_url: String,
    /// The token, if there is one.
    pub(crate) token: Option<Token>,
    /// What the user should know about how the token was found.
    pub(crate) notice: Option<String>,
    /// Where the roots are that its certificate must be of, if not of those that browsers trust.
    pub(crate) tls_ca: Option<PathBuf>,
    is_loopback: bool,
}

impl Connection {
    /// Puts flags, variables and the admin token's file together.
    pub(crate) fn resolve(
        args: &ConnectionArgs,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let host = if args.host.trim().is_empty() {
            DEFAULT_HOST
        } else {
            &args.host
        };
        let (base_url, is_loopback) = parse_host(host)?;
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let mut notice = None;
        let token = if let Some(token) = &args.token {
            Some(Token::new(token)?)
        } else if let Some(path) = &args.token_file {
            Some(read_token(path)?)
        } else if let Some(token) = variable("TIDEMILL_TOKEN") {
            Some(Token::new(&token)?)
        } else if let Some(path) = variable("TIDEMILL_TOKEN_FILE") {
            Some(read_token(&PathBuf::from(path))?)
        } else if is_loopback {
            let (token, said) = local_admin_token(&args.data_dir.join(ADMIN_TOKEN_FILE));
            notice = said;
            token
        } else {
            None
        };
        Ok(Self {
            base_url,
            token,
            notice,
            tls_ca: args.tls_ca.clone(),
            is_loopback,
        })
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.is_loopback
    }
}

/// The local server's admin token if it can be had, and what to say about it.
///
/// That it cannot be read is no error: the server may not ask for a token, and if it does, it says so.
fn local_admin_token(path: &Path) -> (Option<Token>, Option<String>) {
    match read_token(path) {
        Ok(token) => (
            Some(token),
            Some(format!("using the admin token of {}", path.display())),
        ),
        Err(ClientError::TokenFile { source, .. })
            if matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            (None, None)
        }
        Err(ClientError::TokenFile { source, .. }) => (
            None,
            Some(format!(
                "not using the admin token of {}: {source}",
                path.display()
            )),
        ),
        Err(error) => (None, Some(format!("not using an admin token: {error}"))),
    }
}

fn read_token(path: &Path) -> Result<Token> {
    let text = fs::read_to_string(path).map_err(|source| ClientError::TokenFile {
        path: path.to_owned(),
        source,
    })?;
    if text.trim().is_empty() {
        return Err(ClientError::TokenEmpty {
            path: path.to_owned(),
        });
    }
    Token::new(&text)
}

/// A token; never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// Takes a token as written, white space around it aside.
    pub(crate) fn new(text: &str) -> Result<Self> {
        let token = text.trim();
        // Anything else would break the header apart or be refused with words that do not help.
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ClientError::TokenInvalid);
        }
        Ok(Self(token.to_owned()))
    }

    /// The value of the `Authorization` header.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The base URL that `host` means, and whether it is this machine. The scheme may be left out.
fn parse_host(host: &str) -> Result<(String, bool)> {
    let wrong = |reason: &str| ClientError::Host {
        host: host.to_owned(),
        reason: reason.to_owned(),
    };
    let text = host.trim().trim_end_matches('/');
    let text = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let uri: Uri = text.parse().map_err(|error| wrong(&format!("{error}")))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong("only http and https are spoken"));
    }
    if uri.query().is_some() {
        return Err(wrong("it has a query"));
    }
    let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong(
            "it has a user in it; a token is given with --token-file",
        ));
    }
    let name = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let is_loopback = name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    Ok((text, is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_become_base_urls() {
        let check = |host: &str, url: &str, is_loopback: bool| {
            assert_eq!(
                parse_host(host).expect(host),
                (url.to_owned(), is_loopback),
                "{host}"
            );
        };
        check("http://127.0.0.1:8086", "http://127.0.0.1:8086", true);
        check("127.0.0.1:8086", "http://127.0.0.1:8086", true);
        check("localhost:1/", "http://localhost:1", true);
        check("http://[::1]:8086", "http://[::1]:8086", true);
        check("127.8.8.8", "http://127.8.8.8", true);
        check(
            "https://db.plant.example/tidemill/",
            "https://db.plant.example/tidemill",
            false,
        );
        check("10.0.0.1:8086", "http://10.0.0.1:8086", false);
        check(
            "localhost.example:8086",
            "http://localhost.example:8086",
            false,
        );
    }

    #[test]
    fn unusable_hosts_are_refused() {
        let check = |host: &str, wanted: &str| {
            let error = parse_host(host).expect_err(host).to_string();
            assert!(error.contains(wanted), "{host}: {error}");
        };
        check("", "not usable");
        check("ftp://127.0.0.1", "only http and https");
        check("http://user:pass@127.0.0.1", "has a user");
        check("http://127.0.0.1?db=x", "has a query");
        check("http://a b", "not usable");
    }

    /// A data directory with an admin token, and a token file.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("admin-token"), "admin\n").unwrap();
        fs::write(folder.path().join("file"), " filed \n").unwrap();
        fs::write(folder.path().join("empty"), "\n").unwrap();
        folder
    }

    fn resolve(
        host: &str,
        flags: [Option<&str>; 2],
        variables: &[(&str, &str)],
    ) -> Result<Connection> {
        let folder = folder();
        let path = |name: &str| folder.path().join(name);
        let args = ConnectionArgs {
            host: host.to_owned(),
            token: flags[0].map(str::to_owned),
            tls_ca: None,
            token_file: flags[1].map(path),
            data_dir: folder.path().to_owned(),
        };
        Connection::resolve(&args, |name| {
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            // The variable that names a file means one of the folder's.
            let is_path = name.ends_with("_FILE") && !value.is_empty();
            Some(if is_path {
                path(value).display().to_string()
            } else {
                (*value).to_owned()
            })
        })
    }

    #[test]
    fn nearest_token_wins() {
        let check = |host, flags, variables: &[(&str, &str)], wanted: Option<&str>| {
            let token = resolve(host, flags, variables).unwrap().token;
            let wanted = wanted.map(|token| Token::new(token).unwrap());
            assert_eq!(token, wanted, "{host} {flags:?} {variables:?}");
        };
        let (here, there) = ("http://localhost:1", "http://db.example");
        let both = &[("TIDEMILL_TOKEN", "shell"), ("TIDEMILL_TOKEN_FILE", "file")][..];
        let empty = &[("TIDEMILL_TOKEN", ""), ("TIDEMILL_TOKEN_FILE", "")][..];
        check(here, [Some("flag"), None], both, Some("flag"));
        check(here, [None, Some("file")], both, Some("filed"));
        check(here, [None, None], both, Some("shell"));
        check(here, [None, None], &both[1..], Some("filed"));
        check(here, [None, None], empty, Some("admin"));
        check(here, [None, None], &[], Some("admin"));
        check(there, [None, None], &[], None);
        check(there, [None, None], both, Some("shell"));
    }

    #[test]
    fn use_of_the_admin_token_is_announced() {
        let found = resolve("", [None, None], &[]).unwrap();
        assert_eq!(found.base_url, DEFAULT_HOST);
        assert!(found.notice.unwrap().contains("using the admin token of"));
        assert!(
            resolve("localhost", [Some("t"), None], &[])
                .unwrap()
                .notice
                .is_none()
        );
    }

    #[test]
    fn bad_tokens_are_refused_and_never_shown() {
        let check = |flags, wanted: &str| {
            let error = resolve("localhost", flags, &[])
                .expect_err(wanted)
                .to_string();
            assert!(error.contains(wanted), "{error}");
            assert!(!error.contains("secret"), "{error}");
        };
        check([Some("two secrets"), None], "printable ASCII");
        check([Some("secret\r\nX: y"), None], "printable ASCII");
        check([None, Some("empty")], "is empty");
        check([None, Some("missing")], "cannot read the token");
        assert_eq!(format!("{:?}", Token::new("secret").unwrap()), "Token(…)");
    }
}
