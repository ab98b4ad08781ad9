//! Bodies in every packing, whole and broken, within limits and beyond.

use std::io::Write as _;

use axum::http::HeaderValue;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd_of(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 3).unwrap()
}

fn small_settings() -> BodySettings {
    BodySettings {
        bytes_max: ByteSize::kib(64),
        inflated_bytes_max: ByteSize::mib(4),
        in_flight_bytes_max: ByteSize::mib(8),
        ..BodySettings::default()
    }
}

/// What becomes of a body sent in two chunks: its content, or the reason of its refusal.
async fn outcome(
    settings: &BodySettings,
    encoding: Option<&str>,
    declared: Option<usize>,
    body: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let mut headers = HeaderMap::new();
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_str(encoding).unwrap());
    }
    if let Some(declared) = declared {
        headers.insert(CONTENT_LENGTH, declared.into());
    }
    let (first, second) = body.split_at(body.len() / 2);
    let chunks =
        [first, second].map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)));
    let body = Body::from_stream(futures::stream::iter(chunks));
    let permits = settings.in_flight_bytes_max.as_u64() as usize / 1024;
    let budget = Arc::new(Semaphore::new(permits));
    let received = receive(settings, &budget, &headers, body, None).await;
    let content = received.and_then(|received| received.inflate(settings));
    let outcome = content
        .map(|content| content.bytes)
        .map_err(|error| error.reason());
    assert_eq!(
        budget.available_permits(),
        permits,
        "everything reserved is given back"
    );
    outcome
}

#[tokio::test]
async fn whole_bodies_arrive_unpacked() {
    let text = b"m v=1 1\nm v=2 2\n".as_slice();
    let two_members = [gzip(b"m v=1 1\n"), gzip(b"m v=2 2\n")].concat();
    let two_frames = [zstd_of(b"m v=1 1\n"), zstd_of(b"m v=2 2\n")].concat();
    for (encoding, body) in [
        (None, text.to_vec()),
        (Some("identity"), text.to_vec()),
        (Some("gzip"), gzip(text)),
        (Some(" GZIP"), gzip(text)),
        (Some("x-gzip"), gzip(text)),
        (Some("gzip"), two_members),
        (Some("zstd"), zstd_of(text)),
        (Some("zstd"), two_frames),
    ] {
        let outcome = outcome(&small_settings(), encoding, Some(body.len()), &body).await;
        assert_eq!(outcome.as_deref(), Ok(text), "{encoding:?}");
    }
    let empty = outcome(&small_settings(), Some("gzip"), Some(0), b"").await;
    assert_eq!(empty, Ok(Vec::new()), "nothing needs no packing");
}

#[tokio::test]
async fn bodies_that_are_broken_or_too_large_are_refused() {
    let packed = gzip(b"m v=1 1\n");
    let packed_zstd = zstd_of(b"m v=1 1\nm v=2 2\n");
    let truncated = &packed[..packed.len() - 1];
    let (mut wrong_sum, mut garbage) = (packed.clone(), packed.clone());
    *wrong_sum.get_mut(packed.len() - 5).unwrap() ^= 1;
    garbage.extend_from_slice(b"garbage");
    let large = vec![b'x'; 64 * 1024 + 1];
    // Nothing repeats here, so that size and not ratio is what is wrong with it unpacked.
    let mixed: Vec<u8> = (0..1_200_000_u32)
        .flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let roomy = BodySettings {
        bytes_max: ByteSize::mib(8),
        ..small_settings()
    };
    let crowded = BodySettings {
        bytes_max: ByteSize::mib(8),
        in_flight_bytes_max: ByteSize::mib(2),
        inflation_ratio_max: 1_000_000,
        ..small_settings()
    };
    let small = small_settings();
    for (case, settings, encoding, declared, body, expected) in [
        (
            "no gzip",
            &small,
            "gzip",
            None,
            b"m v=1 1\n".as_slice(),
            "invalid_gzip",
        ),
        ("cut off", &small, "gzip", None, truncated, "invalid_gzip"),
        ("checksum", &small, "gzip", None, &wrong_sum, "invalid_gzip"),
        (
            "bytes behind",
            &small,
            "gzip",
            None,
            &garbage,
            "invalid_gzip",
        ),
        (
            "cut off",
            &small,
            "zstd",
            None,
            &packed_zstd[..packed_zstd.len() - 2],
            "invalid_zstd",
        ),
        (
            "no zstd",
            &small,
            "zstd",
            None,
            b"m v=1 1\n",
            "invalid_zstd",
        ),
        (
            "encoding",
            &small,
            "br",
            None,
            &packed,
            "unsupported_encoding",
        ),
        (
            "twice",
            &small,
            "gzip, gzip",
            None,
            &packed,
            "unsupported_encoding",
        ),
        (
            "declared",
            &small,
            "identity",
            Some(large.len()),
            b"",
            "body_too_large",
        ),
        (
            "chunked",
            &small,
            "identity",
            None,
            &large,
            "body_too_large",
        ),
        (
            "inflated",
            &roomy,
            "gzip",
            None,
            &gzip(&mixed),
            "body_too_large",
        ),
        (
            "inflated",
            &roomy,
            "zstd",
            None,
            &zstd_of(&mixed),
            "body_too_large",
        ),
        (
            "members",
            &roomy,
            "gzip",
            None,
            &gzip(&mixed[..3 << 20]).repeat(2),
            "body_too_large",
        ),
        (
            "budget",
            &crowded,
            "gzip",
            None,
            &gzip(&vec![b'x'; 3 << 20]),
            "body_too_large",
        ),
        (
            "budget",
            &crowded,
            "identity",
            Some(3 << 20),
            b"",
            "body_too_large",
        ),
    ] {
        let outcome = outcome(settings, Some(encoding), declared, body).await;
        assert_eq!(outcome, Err(expected), "{case} {encoding}");
    }
}

#[tokio::test]
async fn bodies_wait_for_no_memory() {
    let settings = small_settings();
    let budget = Arc::new(Semaphore::new(8 * 1024));
    let send = |body: Vec<u8>| {
        let (settings, budget) = (settings.clone(), Arc::clone(&budget));
        async move {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(CONTENT_LENGTH, body.len().into());
            let received = receive(&settings, &budget, &headers, Body::from(body), None).await;
            received.and_then(|received| received.inflate(&settings))
        }
    };
    let packed = gzip(&vec![b'x'; 1 << 20]);
    let others = Arc::clone(&budget)
        .try_acquire_many_owned(8 * 1024 - 512)
        .unwrap();
    let refused = send(packed.clone()).await.unwrap_err();
    assert_eq!(refused.reason(), "overloaded");
    assert!(refused.retry_after(0).is_some());
    drop(others);
    let content = send(packed).await.unwrap();
    assert_eq!(content.bytes.len(), 1 << 20);
    assert!(budget.available_permits() <= 7 * 1024, "it keeps its place");
    drop(content);
    assert_eq!(budget.available_permits(), 8 * 1024);
}

#[tokio::test]
async fn who_declares_much_and_sends_little_takes_little() {
    let settings = BodySettings {
        bytes_max: ByteSize::mib(4),
        ..small_settings()
    };
    let budget = Arc::new(Semaphore::new(8 * 1024));
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, (settings.bytes_max.as_u64()).into());
    let one = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b'#'; 100 << 10]))]);
    let body = Body::from_stream(one.chain(futures::stream::pending()));
    let mut receiving = Box::pin(receive(&settings, &budget, &headers, body, None));
    assert!(futures::poll!(&mut receiving).is_pending());
    assert_eq!(budget.available_permits(), 8 * 1024 - 100);
    drop(receiving);
    assert_eq!(budget.available_permits(), 8 * 1024);
}

#[test]
fn a_bomb_is_stopped_where_its_ratio_shows() {
    // 1 GiB of zeros in about 1 MB of gzip, made of equal members as gzip allows.
    let bomb = gzip(&vec![0; 16 << 20]).repeat(64);
    let limits = inflate::Limits {
        bytes_max: u64::MAX,
        ratio_max: 200,
    };
    let mut largest = 0;
    let reserve = |size| {
        largest = size;
        Ok(())
    };
    let error = inflate::gzip(&bomb, limits, reserve).unwrap_err();
    assert_eq!(error.reason(), "body_too_large");
    assert!(
        largest < 16 << 20,
        "{largest} bytes were unpacked before it was noticed"
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_truncated() {
    let settings = small_settings();
    let broken = [
        Ok(Bytes::from_static(b"m v=1 1\n")),
        Err(std::io::Error::new(
            std::io::ErrorKind::UnexpectedEof,
            "connection closed",
        )),
    ];
    let body = Body::from_stream(futures::stream::iter(broken));
    let budget = Arc::new(Semaphore::new(1024));
    let error = receive(&settings, &budget, &HeaderMap::new(), body, None)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "truncated_body");
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let settings = BodySettings {
        rate_grace: Duration::from_millis(20),
        ..small_settings()
    };
    let body = Body::from_stream(futures::stream::pending::<std::io::Result<Bytes>>());
    let budget = Arc::new(Semaphore::new(1024));
    let error = receive(&settings, &budget, &HeaderMap::new(), body, None)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "slow_body");
}
