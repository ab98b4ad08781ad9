//! Levels that are kept for different times, over years of a clock that is set.

use crate::world::{DAY, MINUTE, SECOND, World};

const START: i64 = 1_700_000_000 / 86_400 * DAY;

/// Three minutes of readings every second, each day at noon.
async fn write_day(world: &World, day: i64) {
    let noon = START + day * DAY + DAY / 2;
    let lines: String = (0..180)
        .map(|second| {
            format!(
                "motor,asset=a v={},n={second}i {}\n",
                day + second,
                noon + second * SECOND
            )
        })
        .collect();
    world.write(&lines).await;
}

#[tokio::test]
async fn a_second_for_a_month_a_minute_for_three_and_five_minutes_for_a_year() {
    let mut world = World::open(START).await;
    write_day(&world, 0).await;
    let keep = "KEEP TABLE motor RAW FOR '30d', '1m' FOR '90d', '5m' FOR '365d'";
    world.run(keep).await;
    assert_eq!(
        world
            .run("SELECT rollup_name, source_table, every, retention FROM system.rollups")
            .await,
        ["motor_1m motor 1m 90d", "motor_5m motor_1m 5m 365d"]
    );
    for day in 0..400 {
        if day > 0 {
            write_day(&world, day).await;
        }
        world.advance(DAY / 2 + 10 * MINUTE);
        world.settle().await;
        world.advance(DAY / 2 - 10 * MINUTE);
        if day % 50 == 49 {
            world.save().await;
            world.crash().await;
        }
    }
    // Each level follows the one before by its lag: the coarsest one has the last day now.
    world.settle().await;
    // It is the midnight after day 399: what is kept are the noons of so many days.
    let count = |table: &str| format!("SELECT count(*) FROM {table}");
    assert_eq!(world.raw(&count("motor")).await, [(30 * 180).to_string()]);
    assert_eq!(world.raw(&count("motor_1m")).await, [(90 * 3).to_string()]);
    assert_eq!(world.raw(&count("motor_5m")).await, [365.to_string()]);
    // Queries go on where raw rows have gone.
    let days = "SELECT count(*), sum(n), min(v), max(v) FROM motor";
    let sum = 365 * (0..180).sum::<i64>();
    assert_eq!(
        world.run(days).await,
        [format!("{} {sum} {}.0 {}.0", 365 * 180, 35, 399 + 179)]
    );
    let minutes =
        "SELECT count(*) FROM (SELECT date_bin(INTERVAL '1 minute', time) FROM motor GROUP BY 1)";
    assert_eq!(world.run(minutes).await, [(90 * 3).to_string()]);
    let seconds = "SELECT count(*) FROM (SELECT time FROM motor GROUP BY 1)";
    assert_eq!(world.run(seconds).await, [(30 * 180).to_string()]);
    // Late rows of expired windows change nothing.
    write_day(&world, 20).await;
    world.settle().await;
    assert_eq!(world.raw(&count("motor_5m")).await, [365.to_string()]);
}

#[tokio::test]
async fn nothing_expires_before_the_next_level_has_it() {
    let mut world = World::open(START).await;
    for day in 0..10 {
        write_day(&world, day).await;
    }
    world.advance(10 * DAY);
    world
        .run("CREATE ROLLUP motor_1m ON motor EVERY '1m'")
        .await;
    world.settle().await;
    // The coarser one is made by the statement, and nobody fills it meanwhile.
    let keep = "KEEP TABLE motor RAW FOR '3d', '1m' FOR '5d'";
    world.run(keep).await;
    let count = |table: &str| format!("SELECT count(*) FROM {table}");
    assert_eq!(world.raw(&count("motor")).await, [(3 * 180).to_string()]);
    assert_eq!(world.raw(&count("motor_1m")).await, [(5 * 3).to_string()]);
    assert_eq!(
        world.run("SELECT count(*) FROM motor").await,
        [(5 * 180).to_string()]
    );
}
