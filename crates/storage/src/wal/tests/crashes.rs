//! Nothing that was acknowledged is lost and nothing is invented, whatever fails and whenever the
//! program or the power goes.

use proptest::prelude::*;

use super::*;
use crate::io::simulated::{Death, DeathPlan};
use crate::wal::simulated::{Fault, Operation};

#[derive(Debug, Clone)]
enum Step {
    Commit {
        sizes: Vec<usize>,
        sync: bool,
    },
    Sync,
    Rotate,
    /// Everything up to this share of the log is persisted elsewhere; segments go.
    Persist {
        percent: u64,
    },
    Fail {
        after: u64,
        fault: Fault,
    },
    Fill(bool),
    Kill,
    LosePower {
        seed: u64,
    },
    /// The program is killed, its next start fails at some point, and then the power.
    FailStart {
        after: u64,
        fault: Fault,
        seed: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let sizes = prop::collection::vec(0..900usize, 1..5);
    let fault = || {
        prop_oneof![
            Just(Fault::Error),
            Just(Fault::ShortWrites),
            Just(Fault::Full)
        ]
    };
    prop_oneof![
        12 => (sizes, any::<bool>()).prop_map(|(sizes, sync)| Step::Commit { sizes, sync }),
        1 => Just(Step::Sync),
        1 => Just(Step::Rotate),
        1 => (0..=100u64).prop_map(|percent| Step::Persist { percent }),
        4 => (0..12u64, fault()).prop_map(|(after, fault)| Step::Fail { after, fault }),
        1 => any::<bool>().prop_map(Step::Fill),
        1 => Just(Step::Kill),
        2 => any::<u64>().prop_map(|seed| Step::LosePower { seed }),
        1 => (1..8u64, fault(), any::<u64>())
            .prop_map(|(after, fault, seed)| Step::FailStart { after, fault, seed }),
    ]
}

/// What the log promised, kept beside it.
struct Model {
    disk: Arc<SimulatedDirectory>,
    opened: Opened,
    /// Acknowledged records.
    acknowledged: Replay,
    /// The ones up to here are to survive a power failure too.
    synced_through: u64,
    /// Refused records by the number they would have had. They may turn up.
    refused: BTreeMap<u64, Vec<Vec<u8>>>,
    applied_through: u64,
    payloads: u32,
}

impl Model {
    fn new() -> Self {
        let disk = SimulatedDirectory::new();
        let (opened, _) = reopen(&disk, settings(), 0).unwrap();
        Self {
            disk,
            opened,
            acknowledged: Replay::new(),
            synced_through: 0,
            refused: BTreeMap::new(),
            applied_through: 0,
            payloads: 0,
        }
    }

    fn last_sequence(&self) -> u64 {
        let last = self.acknowledged.last_key_value();
        last.map_or(0, |(sequence, _)| *sequence)
            .max(self.applied_through)
    }

    fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Commit { sizes, sync } => self.commit(&sizes, sync)?,
            Step::Sync => {
                if self.opened.log.sync().is_ok() {
                    self.synced_through = self.last_sequence();
                }
            }
            Step::Rotate => {
                if self.opened.log.rotate().is_ok() {
                    self.synced_through = self.last_sequence();
                }
            }
            Step::Persist { percent } => {
                self.applied_through = self
                    .applied_through
                    .max(self.last_sequence() * percent / 100);
                let directory = self.disk.mount();
                // Whether the disk lets the segments go is not part of the promise.
                let _ =
                    (self.opened.shared).delete_through(directory.as_ref(), self.applied_through);
            }
            Step::Fail { after, fault } => self.disk.fail_after(after, fault),
            Step::Fill(is_full) => self.disk.set_full(is_full),
            Step::Kill => {
                self.disk.kill();
                self.restart(self.last_sequence())?;
            }
            Step::FailStart { after, fault, seed } => {
                self.disk.kill();
                self.disk.fail_after(after, fault);
                if let Err(error) = reopen(&self.disk, settings(), self.applied_through) {
                    prop_assert_eq!(error.kind(), ErrorKind::Io, "{}", error);
                }
                self.run(Step::LosePower { seed })?;
            }
            Step::LosePower { seed } => {
                let mut state = seed | 1;
                self.disk.lose_power(|| xorshift(&mut state) & 1 == 1);
                self.restart(self.synced_through)?;
            }
        }
        Ok(())
    }

    fn commit(&mut self, sizes: &[usize], sync: bool) -> Result<(), TestCaseError> {
        let payloads: Vec<Vec<u8>> = sizes.iter().map(|size| self.payload(*size)).collect();
        let records = payloads.iter().map(|payload| record(payload.clone()));
        let first = self.last_sequence() + 1;
        match self.opened.log.commit(records.collect(), sync) {
            Ok(sequence) => {
                prop_assert_eq!(sequence, first);
                self.acknowledged.extend((first..).zip(payloads));
                if sync {
                    self.synced_through = self.last_sequence();
                }
            }
            Err(error) => {
                prop_assert!(
                    matches!(error, Error::StorageFull { .. } | Error::ReadOnly { .. }),
                    "{}",
                    error
                );
                for (sequence, payload) in (first..).zip(payloads) {
                    self.refused.entry(sequence).or_default().push(payload);
                }
            }
        }
        Ok(())
    }

    /// Payloads are never alike, so that a record in the wrong place is seen.
    fn payload(&mut self, size: usize) -> Vec<u8> {
        self.payloads += 1;
        let mut payload = self.payloads.to_le_bytes().to_vec();
        payload.resize(size + 4, self.payloads as u8);
        payload
    }

    /// Opens the log again, and holds what is there against what was promised.
    fn restart(&mut self, promised_through: u64) -> Result<(), TestCaseError> {
        let (opened, replay) = reopen(&self.disk, settings(), self.applied_through)
            .map_err(|error| TestCaseError::fail(format!("cannot start: {error}")))?;
        prop_assert_eq!(opened.report().records, replay.len() as u64);
        prop_assert_eq!(opened.report().records_lost, 0);
        let last = opened.report().last_sequence;
        prop_assert!(
            last >= promised_through.max(self.applied_through),
            "promised {}, found {}",
            promised_through,
            last
        );
        let expected: Vec<u64> = (self.applied_through + 1..=last).collect();
        let found: Vec<u64> = replay.keys().copied().collect();
        prop_assert_eq!(found, expected);
        for (sequence, payload) in &replay {
            let is_acknowledged = self.acknowledged.get(sequence) == Some(payload);
            // Past what was promised, a record that was refused may be there instead.
            let refused = self.refused.get(sequence);
            let is_refused = refused.is_some_and(|refused| refused.contains(payload));
            prop_assert!(
                is_acknowledged || (*sequence > promised_through && is_refused),
                "record {} has the wrong content or was never sent",
                sequence
            );
        }
        self.acknowledged = replay;
        self.synced_through = last;
        self.opened = opened;
        Ok(())
    }
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 32
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn replay_returns_what_was_promised(
        steps in prop::collection::vec(step(), 1..60),
        seed: u64,
    ) {
        let mut model = Model::new();
        for step in steps {
            model.run(step)?;
        }
        model.run(Step::LosePower { seed })?;
        model.disk.set_full(false);
        model.run(Step::Commit { sizes: vec![10], sync: true })?;
        model.run(Step::Kill)?;
    }
}

/// Commits two groups, the second while `operation` fails, and returns its result.
fn commit_while_failing(
    disk: &Arc<SimulatedDirectory>,
    operation: Operation,
    times: u64,
    fault: Fault,
) -> (Opened, Result<u64>) {
    let (mut opened, _) = reopen(disk, settings(), 0).unwrap();
    opened.log.commit(vec![record("first")], true).unwrap();
    disk.fail(operation, times, fault);
    let result = opened.log.commit(vec![record("second")], true);
    (opened, result)
}

#[test]
fn group_moves_to_a_new_segment_when_the_disk_fails_once() {
    for operation in [Operation::Write, Operation::Sync] {
        let disk = SimulatedDirectory::new();
        let (mut opened, result) = commit_while_failing(&disk, operation, 1, Fault::Error);
        assert_eq!(result.unwrap(), 2, "{operation:?}");
        assert_eq!(opened.shared.stats().segments_poisoned_total, 1);
        assert_eq!(opened.shared.stats().segments, 2);
        opened.log.commit(vec![record("third")], true).unwrap();

        disk.lose_power(|| true);
        let (opened, replay) = reopen(&disk, settings(), 0).unwrap();
        let payloads: Vec<_> = replay.into_values().collect();
        assert_eq!(
            payloads,
            [b"first".to_vec(), b"second".into(), b"third".into()]
        );
        assert_eq!(opened.report().records, 3);
    }
}

#[test]
fn writers_are_refused_while_the_disk_fails_and_served_again_afterwards() {
    let cases = [
        (Operation::Write, Fault::Error, ErrorKind::ReadOnly),
        (Operation::Sync, Fault::Error, ErrorKind::ReadOnly),
        (Operation::Write, Fault::Full, ErrorKind::StorageFull),
        (Operation::Sync, Fault::Full, ErrorKind::StorageFull),
    ];
    for (operation, fault, kind) in cases {
        let disk = SimulatedDirectory::new();
        let (mut opened, result) = commit_while_failing(&disk, operation, 3, fault);
        assert_eq!(result.unwrap_err().kind(), kind, "{operation:?}");
        assert_ne!(opened.shared.stats().health, Health::Writable);
        let refused = opened.log.commit(vec![record("third")], true);
        assert_eq!(refused.unwrap_err().kind(), kind);

        let sequence = opened.log.commit(vec![record("fourth")], true).unwrap();
        assert_eq!(sequence, 2, "refused records leave no gap");
        assert_eq!(opened.shared.stats().health, Health::Writable);
        disk.kill();
        let (_, replay) = reopen(&disk, settings(), 0).unwrap();
        let payloads: Vec<_> = replay.into_values().collect();
        assert_eq!(payloads, [b"first".to_vec(), b"fourth".into()]);
    }
}

#[test]
fn full_volume_at_any_step_of_a_rotation_is_reported_and_survived() {
    for operation in [
        Operation::Create,
        Operation::Allocate,
        Operation::Write,
        Operation::SyncDirectory,
    ] {
        let disk = SimulatedDirectory::new();
        let (mut opened, _) = reopen(&disk, settings(), 0).unwrap();
        opened.log.commit(vec![record("first")], true).unwrap();
        opened.log.rotate().unwrap();
        disk.fail(operation, 2, Fault::Full);
        let error = opened.log.commit(vec![record("second")], true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{operation:?}");
        assert_eq!(opened.log.commit(vec![record("third")], true).unwrap(), 2);
        assert_eq!(disk.names().len(), 2, "nothing is left behind");
        assert_eq!(opened.shared.stats().segments, 2);
    }
}

#[test]
fn outage_is_not_retried_before_its_time() {
    let disk = SimulatedDirectory::new();
    let patient = Settings {
        retry_interval: Duration::from_secs(3600),
        ..settings()
    };
    let (mut opened, _) = reopen(&disk, patient, 0).unwrap();
    disk.set_full(true);
    assert!(opened.log.commit(vec![record("first")], true).is_err());
    disk.set_full(false);
    let error = opened.log.commit(vec![record("second")], true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    opened.log.close().unwrap();
}

#[test]
fn unsynced_records_survive_a_failed_sync_and_then_a_power_failure() {
    let disk = SimulatedDirectory::new();
    let (mut opened, _) = reopen(&disk, settings(), 0).unwrap();
    opened.log.commit(vec![record("first")], false).unwrap();
    opened.log.commit(vec![record("second")], false).unwrap();
    assert_eq!(opened.shared.stats().synced_sequence, 0);
    disk.fail(Operation::Sync, 1, Fault::Error);
    opened.log.commit(vec![record("third")], true).unwrap();
    assert_eq!(opened.shared.stats().synced_sequence, 3);
    disk.lose_power(|| false);
    let (_, replay) = reopen(&disk, settings(), 0).unwrap();
    let payloads: Vec<_> = replay.into_values().collect();
    assert_eq!(
        payloads,
        [b"first".to_vec(), b"second".into(), b"third".into()]
    );
}

#[test]
fn unsynced_records_survive_a_kill_while_they_move_to_a_new_segment() {
    for operation in 2..10 {
        for has_effect in [false, true] {
            let disk = SimulatedDirectory::new();
            let (mut opened, _) = reopen(&disk, settings(), 0).unwrap();
            opened.log.commit(vec![record("first")], false).unwrap();
            disk.fail(Operation::Write, 1, Fault::Error);
            disk.die_at(DeathPlan {
                operation,
                has_effect,
                death: Death::Kill,
            });
            let second = opened.log.commit(vec![record("second")], true);
            disk.kill();
            let (_, replay) = reopen(&disk, settings(), 0).unwrap();
            assert_eq!(replay[&1], b"first", "killed at operation {operation}");
            assert!(second.is_err() || replay[&2] == b"second");
        }
    }
}

#[test]
fn unsynced_bytes_are_bounded() {
    let disk = SimulatedDirectory::new();
    let (mut opened, _) = reopen(&disk, settings(), 0).unwrap();
    for _ in 0..100 {
        opened.log.commit(vec![record([7; 500])], false).unwrap();
        let stats = opened.shared.stats();
        assert!(stats.last_sequence - stats.synced_sequence <= 4);
    }
}

#[test]
fn records_read_back_after_a_failed_sync_survive_a_later_power_failure() {
    let disk = SimulatedDirectory::new();
    let (mut opened, _) = reopen(&disk, settings(), 0).unwrap();
    opened.log.commit(vec![record("first")], false).unwrap();
    disk.fail(Operation::Sync, 2, Fault::Error);
    opened.log.sync().unwrap_err();
    disk.kill();
    // The cache shows the record as written although the disk never got it.
    assert_eq!(reopen(&disk, settings(), 0).unwrap().1.len(), 1);
    disk.lose_power(|| false);
    assert_eq!(reopen(&disk, settings(), 0).unwrap().1.len(), 1);
}

#[test]
fn poisoned_segment_stays_while_acknowledged_records_are_nowhere_else() {
    let disk = SimulatedDirectory::new();
    let (mut opened, _) = reopen(&disk, settings(), 0).unwrap();
    opened.log.commit(vec![record("first")], false).unwrap();
    disk.fail(Operation::Sync, 2, Fault::Error);
    opened.log.sync().unwrap_err();
    let deleted = opened.shared.delete_through(disk.mount().as_ref(), 0);
    assert_eq!(deleted.unwrap(), 0);
    disk.kill();
    assert_eq!(reopen(&disk, settings(), 0).unwrap().1.len(), 1);
}

#[test]
fn record_that_a_start_did_not_find_stays_away() {
    let disk = SimulatedDirectory::new();
    let (mut opened, _) = reopen(&disk, settings(), 0).unwrap();
    opened.log.commit(vec![record("first")], true).unwrap();
    disk.fail(Operation::Sync, 1, Fault::Error);
    opened.log.commit(vec![record("second")], true).unwrap();
    disk.kill();
    // The record is complete in the poisoned segment; the copy that counts is damaged.
    let second = segments::segment_name(2);
    let mut content = disk.content(&second);
    content[frame::HEADER_SIZE + 4] ^= 1;
    disk.set_content(&second, content);
    for _ in 0..3 {
        let (_, replay) = reopen(&disk, settings(), 0).unwrap();
        assert_eq!(replay.into_keys().collect::<Vec<_>>(), [1]);
        disk.kill();
    }
}
