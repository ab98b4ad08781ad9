//! Any bytes of a model, with the checksum that belongs to them or as they are, or any text as its JSON: the decoder does
//! not panic, what it takes can be used on any values, and survives encoding. (`-rss_limit_mb` and `-malloc_limit_mb`
//! find an allocation without bound.)

#![no_main]

use libfuzzer_sys::fuzz_target;
use models::Model;

/// Values that a row may have.
const VALUES: [f64; 5] = [0.5, f64::NAN, -1e300, f64::INFINITY, 1e-300];

fuzz_target!(|data: &[u8]| {
    let Some((&choices, bytes)) = data.split_first() else {
        return;
    };
    let model = match choices & 3 {
        0 => Model::from_bytes(bytes),
        1 => match std::str::from_utf8(bytes) {
            Ok(text) => Model::from_json(text),
            Err(_) => return,
        },
        _ => {
            let checksum = crc32c::crc32c(bytes);
            Model::from_bytes(&[bytes, &checksum.to_le_bytes()].concat())
        }
    };
    let Ok(model) = model else {
        return;
    };
    let again = Model::from_bytes(&model.to_bytes()).expect("what was encoded can be decoded");
    assert_eq!(again, model);
    let again = Model::from_json(&model.to_json()).expect("what was exported can be imported");
    assert_eq!(again, model);
    try_out(&model);
});

/// Asks for everything there is; a kind refuses what it does not have.
fn try_out(model: &Model) {
    let width = model.names().len();
    let columns: Vec<Vec<f64>> = (0..width)
        .map(|column| (0..VALUES.len()).map(|row| VALUES[(row + column) % VALUES.len()]).collect())
        .collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let (mut out, mut high) = ([0.0; VALUES.len()], [0.0; VALUES.len()]);
    let _ = model.score(&columns, &mut out);
    let _ = model.predict(&columns, &mut out);
    let _ = model.predict_interval(&columns, &mut out, &mut high);
    let _ = model.transform(&columns);
    model.explain(&vec![0.5; width]).expect("as many values as it takes");
    model.drift(&columns).expect("as many columns as it takes");
}
