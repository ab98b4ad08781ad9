//! What a start does about files that are not as they were written.

use super::*;
use crate::wal::frame::{FRAME_HEADER_SIZE, Frame, HEADER_SIZE, Salt};
use crate::wal::segments::segment_name;

/// Three synced records of ten bytes per segment, in `segments` segments.
fn written(segments: u64) -> Arc<SimulatedDirectory> {
    let disk = SimulatedDirectory::new();
    let (mut opened, _) = reopen(&disk, settings(), 0).unwrap();
    for segment in 0..segments {
        for index in 0..3 {
            let payload = format!("record {:3}", segment * 3 + index + 1);
            opened.log.commit(vec![record(payload)], true).unwrap();
        }
        if segment + 1 < segments {
            opened.log.rotate().unwrap();
        }
    }
    disk.kill();
    disk
}

const FRAME: usize = FRAME_HEADER_SIZE + 10;

fn salvage() -> Settings {
    Settings {
        recovery: Recovery::Salvage,
        ..settings()
    }
}

fn sequences(replay: &Replay) -> Vec<u64> {
    replay.keys().copied().collect()
}

#[test]
fn torn_tail_is_cut_wherever_it_was_torn() {
    let whole = written(2).content(&segment_name(2));
    let end = HEADER_SIZE + 3 * FRAME;
    for cut in end - FRAME..=end {
        for is_preallocated in [false, true] {
            let disk = written(2);
            let mut content = whole[..cut].to_vec();
            if is_preallocated {
                content.resize(whole.len(), 0);
            }
            disk.set_content(&segment_name(2), content);
            let (mut opened, replay) = reopen(&disk, settings(), 0).unwrap();
            // The last byte of the last record is not zero, so only the whole frame is valid.
            let last = if cut == end { 6 } else { 5 };
            assert_eq!(sequences(&replay), (1..=last).collect::<Vec<_>>(), "{cut}");
            let torn = opened.report().torn_bytes_dropped;
            let written = if cut == end { 0 } else { cut + FRAME - end };
            assert!(torn <= written as u64, "{cut}: {torn}");
            assert_eq!(
                opened.log.commit(vec![record("next")], true).unwrap(),
                last + 1
            );
            disk.kill();
            let (opened, replay) = reopen(&disk, settings(), 0).unwrap();
            assert_eq!(replay.len() as u64, last + 1);
            assert_eq!(opened.report().torn_bytes_dropped, 0);
        }
    }
}

#[test]
fn every_flipped_bit_before_the_last_frame_stops_a_strict_start() {
    for (name, end) in [
        (segment_name(1), HEADER_SIZE + 3 * FRAME),
        (segment_name(2), HEADER_SIZE + 2 * FRAME),
    ] {
        for bit in 0..end * 8 {
            let disk = written(2);
            let mut content = disk.content(&name);
            content[bit / 8] ^= 1 << (bit % 8);
            disk.set_content(&name, content);
            match reopen(&disk, settings(), 0).map(|(opened, _)| opened) {
                Err(Error::Corrupt { file, offset, .. }) => {
                    assert!(file.ends_with(&name));
                    assert!(offset as usize <= bit / 8 && bit / 8 < offset as usize + 64);
                }
                other => panic!("{name} bit {bit}: {other:?}"),
            }
        }
    }
}

#[test]
fn no_flipped_bit_anywhere_changes_or_invents_a_record() {
    let (_, intact) = reopen(&written(2), settings(), 0).unwrap();
    // Past the records of the last segment there is only reserved space.
    let end = HEADER_SIZE + 3 * FRAME + 16;
    for (number, settings) in [
        (1, settings()),
        (2, settings()),
        (1, salvage()),
        (2, salvage()),
    ] {
        let name = segment_name(number);
        let whole = written(2).content(&name);
        for bit in 0..end.min(whole.len()) * 8 {
            let disk = written(2);
            let mut content = whole.clone();
            content[bit / 8] ^= 1 << (bit % 8);
            disk.set_content(&name, content);
            let Ok((opened, replay)) = reopen(&disk, settings.clone(), 0) else {
                continue;
            };
            for (sequence, payload) in &replay {
                assert_eq!(intact.get(sequence), Some(payload), "{name} bit {bit}");
            }
            let report = opened.report();
            let is_told = report.torn_bytes_dropped > 0 || report.records_lost > 0;
            assert!(replay == intact || is_told, "{name} bit {bit}: {report:?}");
        }
    }
}

#[test]
fn message_names_file_place_loss_and_remedy() {
    let disk = written(2);
    let mut content = disk.content(&segment_name(1));
    content[HEADER_SIZE + FRAME + 30] ^= 1;
    disk.set_content(&segment_name(1), content);
    let error = reopen(&disk, settings(), 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(
        error.to_string(),
        "write-ahead log segment /simulated/00000000000000000001.wal is damaged at byte 95: a frame \
         does not match its checksum or its place, record 2 cannot be read; restore the file from a \
         copy, or accept the loss by starting once with `--wal-recovery=salvage`"
    );
}

#[test]
fn salvage_keeps_everything_but_the_damaged_records() {
    // Segment, offset of the damaged byte, records that are left.
    let cases: [(u64, usize, &[u64]); 5] = [
        (1, 10, &[1, 2, 3, 4, 5, 6]),
        (1, HEADER_SIZE + 20, &[2, 3, 4, 5, 6]),
        (1, HEADER_SIZE + FRAME, &[1, 3, 4, 5, 6]),
        (1, HEADER_SIZE + 3 * FRAME - 1, &[1, 2, 4, 5, 6]),
        (2, HEADER_SIZE + FRAME + 5, &[1, 2, 3, 4, 6]),
    ];
    for (segment, offset, left) in cases {
        let disk = written(2);
        let name = segment_name(segment);
        let mut content = disk.content(&name);
        content[offset] ^= 0x55;
        disk.set_content(&name, content);
        let (mut opened, replay) = reopen(&disk, salvage(), 0).unwrap();
        assert_eq!(sequences(&replay), left, "{segment} {offset}");
        assert_eq!(opened.report().damages_salvaged, 1);
        assert_eq!(opened.report().records_lost, 6 - left.len() as u64);
        assert_eq!(opened.log.commit(vec![record("next")], true).unwrap(), 7);
    }
}

#[test]
fn missing_segment_is_damage_unless_it_was_persisted() {
    let disk = written(3);
    disk.mount().remove(&segment_name(2)).unwrap();
    let error = reopen(&disk, settings(), 0).unwrap_err();
    let Error::Corrupt {
        first_lost,
        last_lost,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((first_lost, last_lost), (4, 6));
    assert!(reopen(&disk, settings(), 5).is_err());
    let (opened, replay) = reopen(&disk, settings(), 6).unwrap();
    assert_eq!(sequences(&replay), [7, 8, 9]);
    assert_eq!(opened.report().damages_without_loss, 1);
    let (opened, replay) = reopen(&disk, salvage(), 0).unwrap();
    assert_eq!(sequences(&replay), [1, 2, 3, 7, 8, 9]);
    assert_eq!(opened.report().records_lost, 3);
}

#[test]
fn missing_first_segment_is_damage_unless_it_was_persisted() {
    let disk = written(2);
    disk.mount().remove(&segment_name(1)).unwrap();
    assert_eq!(
        reopen(&disk, settings(), 2).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    let (_, replay) = reopen(&disk, settings(), 3).unwrap();
    assert_eq!(sequences(&replay), [4, 5, 6]);
}

#[test]
fn damage_to_persisted_records_is_passed_over() {
    // A segment of which nothing is needed is not searched without its header.
    for (offset, damages) in [
        (10, 0),
        (HEADER_SIZE + 5, 1),
        (HEADER_SIZE + 2 * FRAME + 5, 1),
    ] {
        let disk = written(2);
        let mut content = disk.content(&segment_name(1));
        content[offset] ^= 1;
        disk.set_content(&segment_name(1), content);
        let (opened, replay) = reopen(&disk, settings(), 3).unwrap();
        assert_eq!(sequences(&replay), [4, 5, 6], "{offset}");
        assert_eq!(opened.report().damages_without_loss, damages);
    }
}

#[test]
fn segment_that_was_never_completely_created_is_removed() {
    let third = segment_name(3);
    for content in [Vec::new(), vec![0; 4096], b"TIDEWAL\n\x01".to_vec()] {
        let disk = written(2);
        disk.set_content(&third, content);
        let (mut opened, replay) = reopen(&disk, settings(), 0).unwrap();
        assert_eq!(replay.len(), 6);
        assert!(!disk.names().contains(&third));
        assert_eq!(opened.log.commit(vec![record("next")], true).unwrap(), 7);
    }
}

#[test]
fn segments_of_others_are_refused() {
    let disk = written(1);
    let stranger = open_to_look(
        disk.mount(),
        Uuid::from_u128(1),
        salvage(),
        0,
        |_| -> Result<(), Refusal> { panic!("a foreign record was replayed") },
    );
    assert!(matches!(stranger, Err(Error::Foreign { .. })));

    disk.set_content(&segment_name(5), disk.content(&segment_name(1)));
    assert_eq!(
        reopen(&disk, salvage(), 0).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
}

#[test]
fn frame_inside_a_payload_is_never_taken_for_a_record() {
    let disk = SimulatedDirectory::new();
    let (mut opened, _) = reopen(&disk, settings(), 0).unwrap();
    opened.log.commit(vec![record("first")], true).unwrap();
    // Frames of another cluster, with numbers that would prove damage and cost a search.
    let mut hostile = Vec::new();
    let salt = Salt::new(Uuid::from_u128(1), 1);
    for sequence in 2..40 {
        let frame = Frame {
            sequence,
            unsynced: 0,
            kind: 1,
            payload: b"",
        };
        frame.encode(salt, &mut hostile);
    }
    opened.log.commit(vec![record(hostile)], true).unwrap();
    disk.kill();
    let mut content = disk.content(&segment_name(1));
    content[HEADER_SIZE + FRAME_HEADER_SIZE + 5] ^= 1;
    disk.set_content(&segment_name(1), content);
    let (_, replay) = reopen(&disk, settings(), 0).unwrap();
    assert_eq!(sequences(&replay), [1]);
}

#[test]
fn volume_without_writes_is_still_read() {
    let disk = written(2);
    let end = HEADER_SIZE + 3 * FRAME;
    let torn = disk.content(&segment_name(2))[..end - 1].to_vec();
    disk.set_content(&segment_name(2), torn);
    disk.set_read_only(true);
    let (mut opened, replay) = reopen(&disk, settings(), 0).unwrap();
    assert_eq!(sequences(&replay), [1, 2, 3, 4, 5]);
    assert!(opened.report().is_read_only);
    let error = opened.log.commit(vec![record("next")], true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    disk.set_read_only(false);
    assert_eq!(opened.log.commit(vec![record("next")], true).unwrap(), 6);
    disk.kill();
    let (_, replay) = reopen(&disk, settings(), 0).unwrap();
    assert_eq!(replay[&6], b"next");
}

#[test]
fn refused_replay_names_the_record() {
    let disk = written(1);
    let result = open_to_look(
        disk.mount(),
        CLUSTER,
        settings(),
        0,
        |record| match record.sequence {
            2 => Err("unknown kind"),
            _ => Ok(()),
        },
    );
    let error = result.unwrap_err();
    assert!(
        matches!(error, Error::Replay { sequence: 2, .. }),
        "{error}"
    );
}

#[test]
fn torn_first_write_of_a_segment_after_a_gap_that_is_persisted_is_no_damage() {
    // Record 4 was persisted, and lost here before it was synced.
    let disk = written(1);
    let (mut opened, _) = reopen(&disk, settings(), 4).unwrap();
    let records = vec![record([5; 600]), record("sixth")];
    assert_eq!(opened.log.commit(records, false).unwrap(), 5);
    disk.kill();
    let mut content = disk.content(&segment_name(2));
    content[..512].fill(0);
    disk.set_content(&segment_name(2), content);
    let (opened, replay) = reopen(&disk, settings(), 4).unwrap();
    assert_eq!(sequences(&replay), [0; 0]);
    assert_eq!(opened.report().last_sequence, 4);
}
