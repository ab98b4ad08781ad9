//! Any body: the scanner finds what the reference parser finds, and neither of them panics.
//!
//! The first byte chooses limits, precision and what happens to good lines beside bad ones; the
//! rest is the body, which comes once and then twice over, so that every line also meets the
//! columns and series that it left behind.

#![no_main]

use std::sync::{Arc, LazyLock};

use catalog::{Catalog, DatabaseName, Limits, Retention, State};
use ingest::{OnError, Precision, Request, Settings, differential};
use libfuzzer_sys::fuzz_target;
use object_store::memory::InMemory;

const NOW: i64 = 1_700_000_000_000_000_000;

/// Has tables with columns of all types, one of them with names that take an escape.
const SEEN: &str = "m,a=x,b=x f=1,i=1i,u=1u,s=\"\",t=t\n\
                    old f\\ g=1,h\\=i=1,j\\,k=1,l\\\\m=1\n";

static STATE: LazyLock<Arc<State>> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without threads");
    runtime.block_on(async {
        let catalog = Catalog::open(Arc::new(InMemory::new()), Limits::default())
            .await
            .expect("an empty store");
        let database = DatabaseName::new("db").expect("a good name");
        catalog
            .create_database(&database, Retention::Forever)
            .await
            .expect("a new name");
        ingest::ingest(
            &catalog,
            &Settings::default(),
            "db",
            request(SEEN.as_bytes(), 0),
        )
        .await
        .expect("a good body");
        catalog.state()
    })
});

fuzz_target!(|data: &[u8]| {
    let Some((&choices, body)) = data.split_first() else {
        return;
    };
    check(choices, body);
    check(choices, &body.repeat(2));
});

fn check(choices: u8, body: &[u8]) {
    let (limits, settings) = if choices & 8 == 0 {
        (Limits::default(), Settings::default())
    } else {
        narrow()
    };
    let request = request(body, choices);
    let scanned = ingest::parse(&STATE, &limits, &settings, "db", &request);
    let expected = differential::parse_by_reference(&STATE, &limits, &settings, "db", &request);
    match (scanned, expected) {
        (Ok(scanned), Ok(expected)) => assert_eq!(scanned, expected),
        (Err(scanned), Err(expected)) => assert_eq!(scanned.to_string(), expected.to_string()),
        (scanned, expected) => panic!("scanned {scanned:?}, expected {expected:?}"),
    }
}

fn request(body: &[u8], choices: u8) -> Request<'_> {
    Request {
        body,
        precision: match choices & 3 {
            0 => Precision::Nanosecond,
            1 => Precision::Second,
            2 => Precision::Hour,
            _ => Precision::Auto,
        },
        now_nanos: NOW,
        on_error: match choices & 4 {
            0 => OnError::KeepValid,
            _ => OnError::RejectAll,
        },
    }
}

/// Limits that short bodies reach.
fn narrow() -> (Limits, Settings) {
    let limits = Limits {
        tables: 4,
        columns_per_table: 8,
        ..Limits::default()
    };
    let settings = Settings {
        line_bytes_max: "60 B".parse().expect("a size"),
        string_bytes_max: "6 B".parse().expect("a size"),
        series_key_bytes_max: "20 B".parse().expect("a size"),
        line_errors_max: 3,
        cells_max: 40,
        future_max: Some(std::time::Duration::from_secs(3600)),
    };
    (limits, settings)
}
