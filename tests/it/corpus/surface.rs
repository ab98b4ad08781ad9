//! The ways in over HTTP: each API on each of the two addresses.

use super::case::{Case, Class, Manner, Who};
use crate::client::{Client, Reply};

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Surface {
    V1,
    V1AtV3,
    V2,
    V2AtV3,
    V3,
    V3AtV3,
    /// v3 at its own address, all lines or none.
    V3Whole,
}

impl Surface {
    pub(super) const ALL: [Self; 7] = [
        Self::V1,
        Self::V1AtV3,
        Self::V2,
        Self::V2AtV3,
        Self::V3,
        Self::V3AtV3,
        Self::V3Whole,
    ];

    /// As records call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1AtV3 => "v1 at the v3 address",
            Self::V2 => "v2",
            Self::V2AtV3 => "v2 at the v3 address",
            Self::V3 => "v3",
            Self::V3AtV3 => "v3 at its address",
            Self::V3Whole => "v3, all or nothing",
        }
    }

    /// As names of databases have it.
    pub(super) fn label(self) -> &'static str {
        ["v1", "v1b", "v2", "v2b", "v3", "v3b", "v3c"][self as usize]
    }

    pub(super) fn is_v1(self) -> bool {
        matches!(self, Self::V1 | Self::V1AtV3)
    }

    pub(super) fn is_v2(self) -> bool {
        matches!(self, Self::V2 | Self::V2AtV3)
    }

    /// Whether a write to a database that is not there makes it.
    pub(super) fn creates(self) -> bool {
        !matches!(self, Self::V1 | Self::V2)
    }

    fn is_at_v3(self) -> bool {
        matches!(
            self,
            Self::V1AtV3 | Self::V2AtV3 | Self::V3AtV3 | Self::V3Whole
        )
    }

    /// The same server at the address of this way in.
    pub(super) fn client(self, client: &Client) -> Client {
        match self.is_at_v3() {
            true => client.on_v3(),
            false => client.clone(),
        }
    }

    pub(super) fn status(self, class: Class) -> u16 {
        match class {
            Class::Syntax | Class::Request => 400,
            Class::Schema if self == Self::V2 => 422,
            Class::Schema => 400,
            Class::Limit => 422,
            Class::Encoding => 415,
            Class::TooLarge => 413,
            Class::HeaderTooLarge => 431,
            Class::Method => 405,
            Class::NoDatabase if self.is_v2() => 404,
            Class::NoDatabase => 400,
            Class::UnknownDatabase => 404,
            Class::Unauthenticated => 401,
            Class::Malformed if self.is_v1() || self.is_v2() => 401,
            Class::Malformed => 400,
            Class::Denied => 403,
            // Writers of v1 throw away what a 4xx refuses.
            Class::Busy if self.is_v1() => 503,
            Class::Busy => 429,
            Class::Unavailable => 503,
        }
    }

    fn path(self, case: &Case, database: Option<&str>, token: &str) -> String {
        let (path, name) = match self {
            Self::V1 | Self::V1AtV3 => ("/write", "db"),
            Self::V2 | Self::V2AtV3 => ("/api/v2/write", "bucket"),
            Self::V3 | Self::V3AtV3 | Self::V3Whole => ("/api/v3/write_lp", "db"),
        };
        let mut path = format!("{path}?precision={}", case.precision);
        if let Some(database) = database {
            path += &format!("&{name}={database}");
        }
        if self == Self::V3Whole {
            path += "&accept_partial=false";
        }
        if case.who == Who::InAddress {
            path += &format!("&u=anyone&p={token}");
        }
        path
    }

    /// Sends a case.
    pub(super) fn send(
        self,
        client: &Client,
        case: &Case,
        database: Option<&str>,
        tokens: &Tokens,
    ) -> Answered {
        let client = self.client(client).with_token(None);
        let path = self.path(case, database, tokens.of(Who::Admin));
        let shown = tokens.shown(case.who);
        let mut headers = case.headers.clone();
        headers.extend(shown.iter().map(|value| ("authorization", value.as_str())));
        match case.manner {
            Manner::Whole => Answered::of(client.send(case.method, &path, &headers, &case.body)),
            manner => send_raw(&client, manner, &path, &headers, &case.body),
        }
    }
}

/// The secrets that cases show.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) admin: String,
    pub(super) reader: String,
    pub(super) expired: String,
}

impl Tokens {
    fn of(&self, who: Who) -> &str {
        match who {
            Who::Reader => &self.reader,
            Who::Expired => &self.expired,
            Who::Stranger => "nobody-knows-me",
            _ => &self.admin,
        }
    }

    /// What `Authorization` headers say.
    fn shown(&self, who: Who) -> Vec<String> {
        let bearer = || format!("Bearer {}", self.of(who));
        match who {
            Who::Nobody | Who::InAddress => Vec::new(),
            Who::Two => vec![bearer(), bearer()],
            Who::Huge => vec![format!("Bearer {}", "x".repeat(20_000))],
            Who::Admin | Who::Stranger | Who::Reader | Who::Expired => vec![bearer()],
        }
    }
}

/// What came back, if anything did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    /// 0 when nothing came.
    pub(super) status: u16,
    pub(super) retry_after: String,
    pub(super) allow: String,
    pub(super) body: String,
}

impl Answered {
    fn of(reply: Reply) -> Self {
        Self {
            status: reply.status,
            retry_after: reply.header("retry-after").to_owned(),
            allow: reply.header("allow").to_owned(),
            body: reply.text(),
        }
    }

    fn of_bytes(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head
            .split(' ')
            .nth(1)
            .map_or(0, |code| code.parse().unwrap());
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map_or_else(String::new, |(_, value)| value.to_owned())
        };
        Self {
            status,
            retry_after: header("retry-after"),
            allow: header("allow"),
            body: body.to_owned(),
        }
    }

    /// The stable word for what went wrong, empty where there is none.
    pub(super) fn reason(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["reason"].as_str().unwrap_or_default().to_owned()
    }
}

fn send_raw(
    client: &Client,
    manner: Manner,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answered {
    let mut request =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    let length = match manner {
        Manner::TooShort | Manner::Stalled => Some(body.len() + 1000),
        Manner::TooLong => Some(8),
        Manner::Chunked | Manner::CutOff => None,
        Manner::Whole => Some(body.len()),
    };
    match length {
        Some(length) => {
            request.extend_from_slice(format!("content-length: {length}\r\n\r\n").as_bytes());
            request.extend_from_slice(body);
        }
        None => {
            request.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
            for piece in body.chunks(8000) {
                request.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                request.extend_from_slice(piece);
                request.extend_from_slice(b"\r\n");
            }
        }
    }
    if manner == Manner::Chunked {
        request.extend_from_slice(b"0\r\n\r\n");
    }
    let answer = match manner {
        Manner::TooShort | Manner::CutOff => client.raw_and_hang_up(&request),
        _ => client.raw(&request),
    };
    Answered::of_bytes(&answer)
}
