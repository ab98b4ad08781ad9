//! What is noted of writes to tables that are watched.

use std::collections::HashSet;

use super::*;

fn rows(table: TableId, times: &[i64]) -> WriteBatch {
    let row = |time: &i64| ((None, *time), (Some(1.0), None));
    let rows: Vec<_> = times.iter().map(row).collect();
    batch(table, &rows)
}

fn written(through: u64, time_min: i64, time_max: i64) -> Written {
    Written {
        through,
        time_min,
        time_max,
    }
}

#[tokio::test]
async fn writes_to_watched_tables_are_noted_once() {
    let (engine, table) = Setup::new().open().await;
    engine
        .write(rows(table, &[1]), Durability::Synced)
        .await
        .unwrap();
    assert!(engine.take_written().is_empty(), "nobody watches");
    engine.watch_writes(HashSet::from([table]));
    let before = engine.last_write();
    engine
        .write(rows(table, &[50, 40]), Durability::Synced)
        .await
        .unwrap();
    engine
        .write(rows(table, &[70]), Durability::Synced)
        .await
        .unwrap();
    engine.written().await;
    let through = engine.last_write();
    assert_eq!(through, before + 2);
    let noted = engine.take_written();
    assert_eq!(noted.get(&table), Some(&written(through, 40, 70)));
    assert!(engine.take_written().is_empty());
    engine.watch_writes(HashSet::new());
    engine
        .write(rows(table, &[90]), Durability::Synced)
        .await
        .unwrap();
    assert!(engine.take_written().is_empty());
}

#[tokio::test]
async fn later_writes_are_found_after_a_crash_wherever_their_rows_are() {
    let setup = Setup::new();
    let (engine, table) = setup.open().await;
    let first = engine
        .write(rows(table, &[10]), Durability::Synced)
        .await
        .unwrap();
    engine.flush().await.unwrap();
    let second = engine
        .write(rows(table, &[20, 30]), Durability::Synced)
        .await
        .unwrap();
    let check = |engine: &Engine| {
        assert_eq!(engine.written_after(table, second), None);
        assert_eq!(
            engine.written_after(table, first),
            Some(written(second, 20, 30))
        );
        assert_eq!(
            engine.written_after(table, 0),
            Some(written(second, 10, 30))
        );
        assert_eq!(engine.last_write(), second);
    };
    check(&engine);
    drop(engine);
    let (engine, _) = setup.open().await;
    check(&engine);
    engine.flush().await.unwrap();
    check(&engine);
}
