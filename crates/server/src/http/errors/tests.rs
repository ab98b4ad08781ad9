//! Every failure in the words of every protocol: status, message, and what else clients read.

use axum::body::to_bytes;
use bytesize::ByteSize;
use catalog::{ColumnKind, FieldType};
use ingest::{Fault, LineError};
use serde_json::Value;

use super::*;
use crate::http::Profile;

const V2_SCHEMA_MESSAGE: &str = "failure writing points to database: partial write: field type \
     conflict: input field \"temp\" on measurement \"m\" is type string, already exists as type \
     float dropped=1";

fn syntax(line_number: usize) -> LineError {
    let (text, v2_reason) = ("No fields were provided".to_owned(), "missing fields");
    let fault = Fault::Syntax { text, v2_reason };
    LineError {
        line_number,
        line: "motor,plant=süd,line=seventeen".to_owned(),
        fault,
    }
}

fn conflict(line_number: usize) -> LineError {
    let fault = Fault::ColumnConflict {
        table: "m".to_owned(),
        column: "temp".to_owned(),
        expected: ColumnKind::Field(FieldType::Float),
        got: ColumnKind::Field(FieldType::String),
    };
    LineError {
        line_number,
        line: "m temp=\"x\"".to_owned(),
        fault,
    }
}

fn limit(line_number: usize) -> LineError {
    let fault = Fault::ColumnLimit {
        table: "m".to_owned(),
        limit: 10,
    };
    LineError {
        line_number,
        line: "m f=1".to_owned(),
        fault,
    }
}

fn refused(errors: Vec<LineError>, stored_rows: usize, all_or_nothing: bool) -> Error {
    let (refused, lines) = (errors.len(), errors.len() + stored_rows);
    let lines = RefusedLines {
        errors,
        lines,
        refused,
        stored_rows,
        all_or_nothing,
    };
    Error::LinesRefused(Box::new(lines))
}

async fn parts(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let content_type = response.headers()[CONTENT_TYPE].to_str().unwrap();
    assert!(
        content_type.starts_with("application/json"),
        "{content_type}"
    );
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn each_protocol_has_its_words_for_a_failure() {
    let unknown = || Error::DatabaseNotFound {
        name: "x".to_owned(),
    };
    let precision = || Error::InvalidPrecision {
        message: "bad".to_owned(),
    };
    let internal = || Error::Internal {
        problem: "/var/lib/secret is broken".to_owned(),
    };
    let hidden = "internal error: see the server's log for the request id";
    let full = || Error::WritesBusy {
        limit: ByteSize::mib(1),
    };
    let too_large = || Error::BodyTooLarge { limit: 10 };
    let busy = "the bodies of requests take all the memory they may, 1.0 MiB; try again";
    let encoding = || Error::UnsupportedEncoding {
        encoding: "br".to_owned(),
    };
    let encoding_text = "content encoding 'br' is not supported: use gzip, zstd or identity";
    let malformed = Error::AuthorizationMalformed.to_string();
    let malformed = malformed.as_str();
    for (error, v1, v2, v3, reason) in [
        (
            unknown(),
            (404, "database not found: \"x\""),
            (404, "not found", "bucket \"x\" not found"),
            (404, "database not found: x"),
            "database_not_found",
        ),
        (
            Error::TokenUnknown,
            (401, "authorization failed"),
            (401, "unauthorized", "unauthorized access"),
            (401, "the request was not authenticated"),
            "unauthorized",
        ),
        (
            Error::TokenMissing,
            (401, "unable to parse authentication credentials"),
            (401, "unauthorized", "unauthorized access"),
            (401, "the request was not authenticated"),
            "unauthorized",
        ),
        (
            Error::AuthorizationMalformed,
            (401, "unable to parse authentication credentials"),
            (401, "unauthorized", "unauthorized access"),
            (400, malformed),
            "malformed_authorization",
        ),
        (
            too_large(),
            (413, "Request Entity Too Large"),
            (413, "request too large", "request too large"),
            (413, "max request size (10 bytes) exceeded"),
            "body_too_large",
        ),
        (
            precision(),
            (400, "bad"),
            (400, "invalid", "bad"),
            (400, "bad"),
            "invalid_precision",
        ),
        (
            full(),
            (503, busy),
            (429, "too many requests", busy),
            (429, busy),
            "overloaded",
        ),
        (
            encoding(),
            (415, encoding_text),
            (415, "invalid", encoding_text),
            (415, encoding_text),
            "unsupported_encoding",
        ),
        (
            internal(),
            (500, hidden),
            (500, "internal error", hidden),
            (500, hidden),
            "internal_error",
        ),
    ] {
        let (status, body) = parts(v1::render(&error, "id")).await;
        assert_eq!((status, body["error"].as_str().unwrap()), v1);
        assert_eq!(
            (&body["reason"], &body["request_id"]),
            (&reason.into(), &"id".into())
        );
        let (status, body) = parts(v2::render(&error, "id", Profile::V1V2)).await;
        let (code, message) = (
            body["code"].as_str().unwrap(),
            body["message"].as_str().unwrap(),
        );
        assert_eq!((status, code, message), v2);
        assert_eq!(
            (&body["reason"], &body["request_id"]),
            (&reason.into(), &"id".into())
        );
        let (status, body) = parts(v3::render(&error, "id")).await;
        assert_eq!((status, body["error"].as_str().unwrap()), v3);
        assert_eq!(
            (&body["reason"], &body["request_id"]),
            (&reason.into(), &"id".into())
        );
    }
}

#[tokio::test]
async fn refused_lines_read_as_in_v1() {
    let unable = "unable to parse 'motor,plant=süd,line=seventeen': missing fields";
    let type_conflict = "field type conflict: input field \"temp\" on measurement \"m\" is type \
                         string, already exists as type float";
    for (error, expected) in [
        (refused(vec![syntax(1)], 0, false), (400, unable.to_owned())),
        (
            refused(vec![syntax(1), syntax(2)], 0, false),
            (400, format!("{unable}\n{unable}")),
        ),
        (
            refused(vec![syntax(2)], 5, false),
            (400, format!("partial write: {unable} dropped=0")),
        ),
        (
            refused(vec![conflict(2)], 5, false),
            (400, format!("partial write: {type_conflict} dropped=1")),
        ),
        (
            refused(vec![conflict(2), conflict(3)], 0, false),
            (400, format!("partial write: {type_conflict} dropped=2")),
        ),
        (
            refused(vec![conflict(1), syntax(2)], 1, false),
            (
                400,
                format!("partial write: {unable}\n{type_conflict} dropped=1"),
            ),
        ),
        (
            refused(vec![syntax(1), limit(2)], 1, false),
            (
                422,
                "partial write: table 'm' would have more than 10 columns dropped=2".to_owned(),
            ),
        ),
        (
            Error::LinesRefused(Box::new(RefusedLines {
                errors: vec![],
                lines: 5,
                refused: 2,
                stored_rows: 3,
                all_or_nothing: false,
            })),
            (
                400,
                "partial write: 2 lines were refused dropped=2".to_owned(),
            ),
        ),
    ] {
        let (status, body) = parts(v1::render(&error, "id")).await;
        assert_eq!(
            (status, body["error"].as_str().unwrap().to_owned()),
            expected
        );
    }
}

#[tokio::test]
async fn refused_lines_read_as_in_v2_on_each_profile() {
    let unable = "unable to parse 'motor,plant=süd,line=seventeen': missing fields";
    let both = "unable to parse 'motor,plant=süd,line=seventeen': missing fields\n\
                field type conflict: input field \"temp\" on measurement \"m\" is type string, already \
                exists as type float";
    let buffer_error = "write buffer error: line protocol parse failed: No fields were provided";
    let iox_conflict = "write buffer error: line protocol parse failed: invalid column type for \
                        column 'temp', expected iox::column_type::field::float, got \
                        iox::column_type::field::string";
    let (plain, as_v3) = (Profile::V1V2, Profile::V3);
    for (profile, error, expected) in [
        (
            plain,
            refused(vec![syntax(1)], 3, false),
            (400, "invalid", unable),
        ),
        (
            plain,
            refused(vec![conflict(1)], 3, false),
            (422, "unprocessable entity", V2_SCHEMA_MESSAGE),
        ),
        (
            plain,
            refused(vec![conflict(1), syntax(2)], 3, false),
            (400, "invalid", both),
        ),
        (
            as_v3,
            refused(vec![syntax(1)], 3, false),
            (400, "invalid", buffer_error),
        ),
        (
            as_v3,
            refused(vec![conflict(1)], 3, false),
            (400, "invalid", iox_conflict),
        ),
    ] {
        let response = v2::render(&error, "id", profile);
        let code = response.headers()["x-platform-error-code"]
            .to_str()
            .unwrap()
            .to_owned();
        let (status, body) = parts(response).await;
        assert_eq!(
            (status, code.as_str(), body["message"].as_str().unwrap()),
            expected
        );
        assert_eq!(body["code"], expected.1);
    }
}

#[tokio::test]
async fn refused_lines_are_listed_in_v3() {
    let listed = |line_number: usize| {
        serde_json::json!({
            "original_line": "motor,plant=süd,line", // twenty characters, not bytes
            "line_number": line_number,
            "error_message": "No fields were provided",
        })
    };
    let (status, body) = parts(v3::render(
        &refused(vec![syntax(3), syntax(7)], 1, false),
        "i",
    ))
    .await;
    assert_eq!(status, 400);
    assert_eq!(body["error"], "partial write of line protocol occurred");
    assert_eq!(body["data"], Value::Array(vec![listed(3), listed(7)]));
    assert_eq!(body["reason"], "invalid_line_protocol");

    let (status, body) = parts(v3::render(&refused(vec![syntax(3)], 0, true), "i")).await;
    assert_eq!((status, &body["data"]), (400, &listed(3)));
    assert_eq!(body["error"], "line protocol parsing error");

    let (status, body) = parts(v3::render(
        &refused(vec![syntax(1), limit(2)], 1, false),
        "i",
    ))
    .await;
    assert_eq!((status, &body["reason"]), (422, &"column_limit".into()));

    let many = (1..=500).map(syntax).collect();
    let (_, body) = parts(v3::render(&refused(many, 1, false), "i")).await;
    assert_eq!(body["data"].as_array().unwrap().len(), 100);
}
