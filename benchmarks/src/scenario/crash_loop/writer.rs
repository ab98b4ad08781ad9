//! A writer that goes on until its server is gone.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::ledger::{State, lines};
use crate::client::Post;
use crate::error::{Error, Result};
use crate::target::{DATABASE, Target};

/// What a writer does until the kill.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) writer: usize,
    pub(super) seed: u64,
    /// Number of its first new batch.
    pub(super) first_batch: u64,
    /// Batches that it may send again.
    pub(super) batches: BTreeMap<u64, State>,
}

/// What it did: the batches of the plan and the new ones.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) writer: usize,
    pub(super) batches: BTreeMap<u64, State>,
}

/// Where lines go, one protocol after the other.
const PATHS: [&str; 3] = ["/write", "/api/v2/write", "/api/v3/write_lp"];

/// Writes one batch after the other until a request fails for lack of a server. An answer that a
/// healthy server does not give is an error.
pub(super) fn write_until_killed(target: &Target, mut plan: Plan) -> Result<Outcome> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(plan.seed);
    let mut next_batch = plan.first_batch;
    for turn in 0_usize.. {
        let is_bad = random.random_bool(0.05);
        let is_again = !is_bad && !plan.batches.is_empty() && random.random_bool(0.25);
        let (batch, mut state) = if is_again {
            let position = random.random_range(0..plan.batches.len());
            let (&batch, &state) = plan
                .batches
                .iter()
                .nth(position)
                .expect("within the length");
            (batch, state)
        } else {
            next_batch += 1;
            (next_batch - 1, State::default())
        };
        if state.is_refused {
            continue;
        }
        state.sent += 1;
        state.is_refused = is_bad;
        let mut body = lines(plan.writer, batch, state.sent);
        if is_bad {
            body.push_str("crash,writer= value=\n");
        }
        // In the books before it is sent: from now on it may be there.
        plan.batches.insert(batch, state);
        let protocol = if is_bad { 2 } else { turn % PATHS.len() };
        match send(target, protocol, &body)? {
            Sent::Stored if !is_bad => state.acked = state.sent,
            Sent::Refused if is_bad => {}
            Sent::Later => {}
            Sent::Gone => break,
            answer => {
                return Err(Error::WrongAnswer {
                    query: format!("POST {}", PATHS[protocol]),
                    detail: format!("{answer:?} for batch {batch} ({state:?})"),
                });
            }
        }
        plan.batches.insert(batch, state);
    }
    Ok(Outcome {
        writer: plan.writer,
        batches: plan.batches,
    })
}

#[derive(Debug)]
enum Sent {
    Stored,
    Refused,
    /// The server asks to come again; whether it stored anything is open.
    Later,
    /// No answer: it may or may not have been stored.
    Gone,
}

fn send(target: &Target, protocol: usize, body: &str) -> Result<Sent> {
    let path = match protocol {
        0 => format!("{}?db={DATABASE}&precision=ns", PATHS[0]),
        1 => format!("{}?org=default&bucket={DATABASE}&precision=ns", PATHS[1]),
        _ => format!(
            "{}?db={DATABASE}&precision=nanosecond&accept_partial=false",
            PATHS[2]
        ),
    };
    let post = Post {
        path: &path,
        content_type: "text/plain; charset=utf-8",
        is_gzip: false,
        body: body.as_bytes(),
    };
    match target.client().post(&post) {
        Ok(answer) if answer.is_success() => Ok(Sent::Stored),
        Ok(answer) if answer.status == 400 => Ok(Sent::Refused),
        Ok(answer) if matches!(answer.status, 429 | 503) => Ok(Sent::Later),
        Ok(answer) => answer.success().map(|_| Sent::Gone),
        Err(Error::Http { .. }) => Ok(Sent::Gone),
        Err(error) => Err(error),
    }
}
