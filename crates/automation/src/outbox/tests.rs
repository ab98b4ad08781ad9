//! What is sent when, as a script of what happens and what comes of it:
//!
//! ```text
//! 10 + a m1 ok crit       at 10 s change `a` of series m1, from ok to crit
//! 10 ? a(a)               what is due: batch `a` of items `a`; `!` before it: to be noted first
//! 11 ok                   the batch that is under way arrived; `no`: it did not
//! silence 30              changes are held back until 30 s
//! restart                 the process ended: what is there is what was noted
//! ```

use super::*;

struct World {
    outbox: Outbox<()>,
    pace: Pace,
    silence: i64,
    /// What a crash leaves: changes, with the batch that was noted for them.
    noted: Vec<Item<()>>,
    last_sent: Option<i64>,
}

fn group() -> Group {
    Group {
        rule: 1,
        key: String::new(),
    }
}

fn level(name: &str) -> Level {
    Level::of_name(name).unwrap()
}

fn join(ids: &[&str]) -> String {
    ids.join("")
}

impl World {
    fn due(&mut self, now: i64) -> String {
        let (pace, silence) = (self.pace, self.silence);
        let due = self.outbox.due(
            now,
            |_| Some(pace),
            |_| (now < silence).then_some(silence),
            |_| true,
            join,
        );
        let mut said = Vec::new();
        for item in &due.dropped {
            self.noted.retain(|noted| noted.id != item.id);
            said.push(format!("-{}", item.id));
        }
        for sending in due.sendings {
            let ids: Vec<_> = sending.items.iter().map(|item| item.id.as_str()).collect();
            let mark = if sending.is_new { "!" } else { "" };
            said.push(format!("{mark}{}({})", sending.id, ids.join(",")));
            for item in &mut self.noted {
                if ids.contains(&item.id.as_str()) && sending.is_new {
                    item.batch = Some(sending.id.clone());
                }
            }
        }
        if let Some(at) = due.wake_at {
            said.push(format!("@{}", at / SECOND));
        }
        said.join(" ")
    }

    fn restart(&mut self) {
        self.outbox = Outbox::default();
        for item in self.noted.clone() {
            self.outbox.add(group(), item);
        }
        if let Some(at) = self.last_sent {
            self.outbox.told_before(group(), at);
        }
    }

    fn end(&mut self, has_arrived: bool, now: i64) -> String {
        let gone = match has_arrived {
            true => {
                self.last_sent = Some(now);
                self.outbox.delivered(&group(), now)
            }
            false => self.outbox.failed(&group(), None, self.pace, now),
        };
        let ids: Vec<_> = gone.iter().map(|item| item.id.clone()).collect();
        self.noted.retain(|noted| !ids.contains(&noted.id));
        ids.join(",")
    }
}

fn check(name: &str, every: i64, script: &str) {
    let mut world = World {
        outbox: Outbox::default(),
        pace: Pace {
            every: every * SECOND,
            give_up_after: 600 * SECOND,
        },
        silence: 0,
        noted: Vec::new(),
        last_sent: None,
    };
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["restart"] => world.restart(),
            ["silence", until] => world.silence = until.parse::<i64>().unwrap() * SECOND,
            [at, "+", id, series, from, to] => {
                let told = Told {
                    series: series.to_owned(),
                    from: level(from),
                    to: level(to),
                };
                let item = Item {
                    id: id.to_owned(),
                    batch: None,
                    at: at.parse::<i64>().unwrap() * SECOND,
                    told,
                    what: (),
                };
                world.noted.push(item.clone());
                world.outbox.add(group(), item);
            }
            [at, what, ..] => {
                let now = at.parse::<i64>().unwrap() * SECOND;
                let said = match what {
                    "?" => world.due(now),
                    "ok" => world.end(true, now),
                    "no" => world.end(false, now),
                    other => panic!("{other}"),
                };
                assert_eq!(said, words[2..].join(" "), "{name}: {line}");
            }
            _ => panic!("{line}"),
        }
    }
}

#[test]
fn every_change_is_told_in_order() {
    let script = "
        10 + a m1 ok crit
        10 ? a(a)
        10 + b m1 crit ok
        10 ?
        11 ok a
        11 ? b(b)
        12 ok b
        12 ?";
    check("in order", 0, script);
}

#[test]
fn what_fails_is_tried_again_with_pauses_and_given_up_at_last() {
    let script = "
        10 + a m1 ok crit
        10 ? a(a)
        10 no
        10 ? @11
        11 ? a(a)
        11 no
        11 + b m2 ok crit
        11 ? @13
        13 ? a(a)
        609 no
        609 ? @613
        613 ? a(a)
        613 no a
        613 ? b(b)";
    check("again", 0, script);
}

#[test]
fn what_comes_within_the_pace_is_told_together() {
    let script = "
        10 + a m1 ok crit
        10 ? a(a)
        10 ok a
        15 + b m2 ok crit
        20 + c m3 ok warn
        20 ? @70
        70 ? !bc(b,c)
        70 + d m4 ok warn
        71 ok b,c
        71 ? @131
        131 ? d(d)";
    check("together", 60, script);
}

#[test]
fn after_a_crash_the_same_batch_is_sent_again() {
    let script = "
        10 + a m1 ok crit
        10 ? a(a)
        10 ok a
        15 + b m2 ok crit
        20 + c m3 ok warn
        70 ? !bc(b,c)
        70 + d m4 ok warn
        restart
        75 ? bc(b,c)
        restart
        76 ? bc(b,c)
        76 ok b,c
        restart
        77 ? @136
        136 ? d(d)";
    check("crash", 60, script);
}

#[test]
fn what_passes_during_a_silence_is_not_told_and_what_stays_is() {
    let script = "
        silence 100
        10 + a m1 ok crit
        11 + b m2 ok warn
        12 ? @100
        20 + c m1 crit ok
        21 + d m2 warn crit
        22 ? @100
        restart
        23 ? @100
        100 ? -a -c -b d(d)
        101 ok d
        110 + e m2 crit ok
        110 ? e(e)";
    check("silence", 0, script);
}

#[test]
fn what_no_rule_is_about_any_more_is_dropped() {
    let mut outbox = Outbox::default();
    let told = Told {
        series: "m1".to_owned(),
        from: Level::Ok,
        to: Level::Crit,
    };
    let item = Item {
        id: "a".to_owned(),
        batch: None,
        at: 0,
        told,
        what: (),
    };
    outbox.add(group(), item.clone());
    outbox.add(group(), item);
    assert_eq!(outbox.len(), 1);
    let due = outbox.due(0, |_| None, |_| None, |_| true, join);
    assert_eq!(
        (due.dropped.len(), due.sendings.len(), outbox.len()),
        (1, 0, 0)
    );
}
