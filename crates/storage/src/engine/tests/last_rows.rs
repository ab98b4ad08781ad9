//! The last row of every series against a naive model, whatever happens to the rows in between.

use catalog::Retention;
use proptest::collection::vec;

use super::*;
use crate::testing::TagPredicate;

const HOUR: i64 = 3_600_000_000_000;

/// Enough rows for a file to get a part with its last rows.
const MANY: i64 = 500;

#[derive(Debug, Clone)]
enum Act {
    Write(Vec<(Key, Fields)>),
    /// Many rows of each series, one nanosecond after the other.
    WriteMany(i64),
    Flush,
    Spill,
    Delete(Predicate2),
    /// Rows whose `b` is greater.
    DeleteGreater(i64),
    /// Rows are kept from this time on, or for ever.
    Keep(Option<i64>),
    Compact,
    Crash,
    Restart,
    Read,
}

/// Rows with this tag, at all times or in a range.
type Predicate2 = (Option<String>, Option<std::ops::RangeInclusive<i64>>);

/// Midnight before yesterday's. Rows are whole hours later, give or take some nanoseconds; what is too
/// old is decided in the middle of an hour, so that it does not matter how long a test takes.
fn origin() -> i64 {
    SystemClock.now_nanos().div_euclid(DAY) * DAY - 2 * DAY
}

fn act() -> impl Strategy<Value = Act> {
    let time = || prop::sample::select(vec![0, HOUR, 7 * HOUR, DAY, DAY + HOUR]);
    let key = (prop::option::of("[xyz]"), time());
    let fields = (
        prop::option::of((0i64..9).prop_map(|v| v as f64)),
        prop::option::of(0i64..9),
    );
    let range = (time(), 0..2 * DAY).prop_map(|(from, length)| from..=from + length);
    prop_oneof![
        6 => vec((key, fields), 1..8).prop_map(Act::Write),
        2 => time().prop_map(Act::WriteMany),
        4 => Just(Act::Flush),
        1 => Just(Act::Spill),
        2 => (prop::option::of("[xyz]"), prop::option::of(range)).prop_map(Act::Delete),
        1 => (0i64..9).prop_map(Act::DeleteGreater),
        1 => prop::option::of(prop::sample::select(vec![0, HOUR, 7 * HOUR, DAY]))
            .prop_map(|hour| Act::Keep(hour.map(|hour| hour + HOUR / 2))),
        3 => Just(Act::Compact),
        1 => Just(Act::Crash),
        1 => Just(Act::Restart),
        6 => Just(Act::Read),
    ]
}

fn many(from: i64) -> Vec<(Key, Fields)> {
    let tags = [None, Some("x"), Some("y")];
    let rows = tags.iter().flat_map(|tag| {
        let key = move |at| (tag.map(str::to_owned), from + at);
        (0..MANY).map(move |at| (key(at), (Some(at as f64), (at % 7 == 0).then_some(at % 9))))
    });
    rows.collect()
}

fn condition((tag, range): &Predicate2) -> Predicate {
    match (range, keys_in(tag.as_deref(), &(0..=0))) {
        (Some(range), _) => keys_in(tag.as_deref(), range),
        (None, Predicate::And(mut both)) => both.swap_remove(0),
        (None, other) => panic!("{other:?}"),
    }
}

/// An engine, and what must be in it.
struct World {
    setup: Setup,
    engine: Engine,
    table: TableId,
    origin: i64,
    model: BTreeMap<Key, Fields>,
    earliest: i64,
}

impl World {
    async fn new() -> Self {
        let setup = Setup::new();
        let (engine, table) = setup.open().await;
        Self {
            setup,
            engine,
            table,
            origin: origin(),
            model: BTreeMap::new(),
            earliest: i64::MIN,
        }
    }

    async fn act(&mut self, act: Act) {
        let shifted = |range: std::ops::RangeInclusive<i64>| {
            self.origin + range.start()..=self.origin + range.end()
        };
        match act {
            Act::Write(rows) => self.write(rows).await,
            Act::WriteMany(from) => self.write(many(from)).await,
            Act::Flush => self.engine.flush().await.unwrap(),
            Act::Spill => {
                let core = &self.engine.core;
                let _no_flush = core.flushing.lock().await;
                flush::spill_rows(core).await.unwrap();
            }
            Act::Delete((tag, range)) => {
                let which = (tag, range.map(shifted));
                let predicate = condition(&which);
                self.engine
                    .delete_rows(vec![(self.table, predicate)])
                    .await
                    .unwrap();
                let (tag, range) = which;
                let is_in = |time| range.as_ref().is_none_or(|range| range.contains(&time));
                self.model.retain(|key, _| key.0 != tag || !is_in(key.1));
            }
            Act::DeleteGreater(limit) => {
                let predicate = Predicate::Compare {
                    column: ColumnRef::Column(ColumnId(2)),
                    comparison: Comparison::Greater,
                    value: Value::Integer(limit),
                };
                self.engine
                    .delete_rows(vec![(self.table, predicate)])
                    .await
                    .unwrap();
                // Whether it takes rows that are too old is nobody's business.
                self.model.retain(|_, (_, b)| b.is_none_or(|b| b <= limit));
            }
            Act::Keep(from) => self.keep(from.map(|from| self.origin + from)).await,
            Act::Compact => maintenance::tend(&self.engine.core).await.unwrap(),
            Act::Crash => self.reopen(false).await,
            Act::Restart => self.reopen(true).await,
            Act::Read => {}
        }
    }

    async fn write(&mut self, mut rows: Vec<(Key, Fields)>) {
        rows.iter_mut().for_each(|row| row.0.1 += self.origin);
        let batch = batch(self.table, &rows);
        self.engine.write(batch, Durability::Synced).await.unwrap();
        for (key, (a, b)) in rows {
            let fields = self.model.entry(key).or_default();
            *fields = (a.or(fields.0), b.or(fields.1));
        }
    }

    async fn keep(&mut self, from: Option<i64>) {
        let retention = from.map(|from| (SystemClock.now_nanos() - from).cast_unsigned());
        let retention = Retention::from_nanos(retention);
        // A rewrite that has begun takes rows out by what held when it began: none may be under way
        // while it is looked what is left.
        let _no_rewrite = self.engine.core.rewriting.lock().await;
        let catalog = &self.engine.core.catalog;
        catalog
            .set_database_retention("db", retention)
            .await
            .unwrap();
        let before = self.earliest;
        self.earliest = from.unwrap_or(i64::MIN);
        if self.earliest < before {
            // What was too old may be there still, or gone for good. The naive reader knows of no
            // spilled files.
            self.engine.flush().await.unwrap();
            let rows = self.all_rows().await.into_iter();
            self.model = rows.collect();
        }
    }

    async fn all_rows(&self) -> Vec<(Key, Fields)> {
        read(&self.setup, &self.engine, self.table, i64::MIN..=i64::MAX).await
    }

    async fn reopen(&mut self, in_order: bool) {
        if in_order {
            self.engine.shutdown().await.unwrap();
        }
        // The lock is free once the engine is gone.
        let spare = Setup::new();
        let (engine, _) = spare.open().await;
        drop(std::mem::replace(&mut self.engine, engine));
        self.engine = reopened(&self.setup).await;
    }

    async fn last_rows(&self) -> Vec<(Key, Fields)> {
        let snapshot = self.engine.snapshot(self.table).unwrap();
        let read = self.engine.last_rows(&snapshot, snapshot.schema(), None);
        let rows: Vec<_> = read.await.unwrap().iter().flat_map(rows_of).collect();
        for tag in ["x", "nobody"] {
            let is_tag = Predicate::Compare {
                column: ColumnRef::Column(snapshot.table().column("tag").unwrap().id),
                comparison: Comparison::Equal,
                value: Value::Text(tag.to_owned()),
            };
            let of_tag = TagPredicate::new(is_tag, snapshot.table());
            let read = (self.engine).last_rows(&snapshot, snapshot.schema(), Some(of_tag));
            let mut expected = rows.clone();
            expected.retain(|((own, _), _)| own.as_deref() == Some(tag));
            let mut found: Vec<_> = read.await.unwrap().iter().flat_map(rows_of).collect();
            // Others may be there where there are many rows.
            found.retain(|((own, _), _)| own.as_deref() == Some(tag));
            assert_eq!(found, expected, "of {tag}");
        }
        rows
    }

    fn expected(&self) -> Vec<(Key, Fields)> {
        let seen = self.model.iter().filter(|(key, _)| key.1 >= self.earliest);
        let last: BTreeMap<_, _> = seen
            .map(|((tag, time), fields)| (tag.clone(), (*time, *fields)))
            .collect();
        let row = |(tag, (time, fields))| ((tag, time), fields);
        last.into_iter().map(row).collect()
    }

    fn cost(&self) -> LastRowsCost {
        let snapshot = self.engine.snapshot(self.table).unwrap();
        self.engine.last_rows_cost(&snapshot)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn last_rows_are_those_of_the_model_whatever_happens(
        acts in vec(act(), 1..32),
        reads_always: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for act in acts {
                // What is kept in memory is seldom up to date when it is seldom asked for.
                let is_read = reads_always || matches!(act, Act::Read);
                world.act(act).await;
                if is_read {
                    assert_eq!(world.last_rows().await, world.expected());
                    assert_eq!(world.last_rows().await, world.expected(), "from memory");
                }
            }
            assert_eq!(world.last_rows().await, world.expected());
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_came_since_is_read() {
    let mut world = World::new().await;
    let files_to_read = |world: &World| world.cost().files;
    for day in 0..2 {
        world.act(Act::WriteMany(day * DAY)).await;
        world.act(Act::WriteMany(day * DAY + HOUR)).await;
        world.engine.flush().await.unwrap();
    }
    assert_eq!(files_to_read(&world), 2);
    let table = world.engine.snapshot(world.table).unwrap();
    let size: u64 = table
        .table()
        .files()
        .iter()
        .map(|file| file.size_bytes)
        .sum();
    assert!(world.cost().bytes < size / 2, "{:?}", world.cost());
    assert_eq!(world.last_rows().await, world.expected());
    assert_eq!(files_to_read(&world), 0);

    world.act(Act::WriteMany(DAY + 2 * HOUR)).await;
    assert_eq!(files_to_read(&world), 0, "rows in memory");
    world.engine.flush().await.unwrap();
    assert_eq!(files_to_read(&world), 1);
    assert_eq!(world.last_rows().await, world.expected());

    world.act(Act::Compact).await;
    let compacted = world.engine.snapshot(world.table).unwrap();
    assert_ne!(compacted.table().files(), table.table().files());
    assert_eq!(files_to_read(&world), 0, "compaction changes no last row");
    assert_eq!(world.last_rows().await, world.expected());

    let tag = Some("x".to_owned());
    world.act(Act::Delete((tag.clone(), Some(0..=HOUR)))).await;
    assert_eq!(files_to_read(&world), 0, "what is deleted is no last row");
    world.act(Act::Delete((tag, Some(0..=2 * DAY)))).await;
    assert!(files_to_read(&world) > 0, "a last row is deleted");
    assert_eq!(world.last_rows().await, world.expected());
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_those_that_were_asked_for() {
    let mut world = World::new().await;
    world.act(Act::WriteMany(0)).await;
    world.act(Act::Flush).await;
    world.act(Act::WriteMany(HOUR)).await;
    let snapshot = world.engine.snapshot(world.table).unwrap();
    let check = async |columns: &[usize]| {
        let schema = Arc::new(snapshot.schema().project(columns).unwrap());
        let rows = world
            .engine
            .last_rows(&snapshot, &schema, None)
            .await
            .unwrap();
        let all = world
            .engine
            .last_rows(&snapshot, snapshot.schema(), None)
            .await
            .unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0], all[0].project(columns).unwrap());
        assert_eq!(rows[0].num_rows(), 3);
    };
    check(&[3, 0]).await;
    check(&[2]).await;
    check(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_snapshot_has_the_last_rows_of_its_time() {
    let mut world = World::new().await;
    world.act(Act::WriteMany(0)).await;
    world.act(Act::Flush).await;
    let older = world.engine.snapshot(world.table).unwrap();
    let expected = world.expected();
    world.act(Act::Delete((None, Some(0..=DAY)))).await;
    // What a rewrite makes of the file would have to be read.
    let _no_rewrite = Arc::clone(&world.engine.core.rewriting).lock_owned().await;
    assert_eq!(world.last_rows().await, world.expected());
    let of_older = async || {
        let rows = world
            .engine
            .last_rows(&older, older.schema(), None)
            .await
            .unwrap();
        rows.iter().flat_map(rows_of).collect::<Vec<_>>()
    };
    assert_eq!(of_older().await, expected);
    assert_eq!(world.cost().files, 0, "the newer rows are still kept");
    assert_eq!(world.last_rows().await, world.expected());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_known_from_a_file_that_was_merged_with_an_unknown_one_can_be_deleted() {
    let mut world = World::new().await;
    let row = |b| vec![((None, DAY), (None, b))];
    world.act(Act::Write(row(None))).await;
    world.act(Act::Flush).await;
    assert_eq!(world.last_rows().await, world.expected());
    world.act(Act::Write(row(Some(6)))).await;
    world.act(Act::Flush).await;
    world.act(Act::Compact).await;
    let snapshot = world.engine.snapshot(world.table).unwrap();
    assert_eq!(snapshot.table().files().len(), 1, "merged");
    world.act(Act::DeleteGreater(0)).await;
    assert_eq!(world.last_rows().await, []);
}

#[tokio::test]
async fn rows_in_memory_are_counted_by_their_series() {
    let mut world = World::new().await;
    for hour in 0..3 {
        world.act(Act::WriteMany(hour * HOUR)).await;
    }
    let series = world.last_rows().await.len() as u64;
    assert!(series > 0);
    assert_eq!(world.cost().series_max, series);
}
