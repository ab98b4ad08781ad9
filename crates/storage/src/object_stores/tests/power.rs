//! The local store on a simulated disk: what a put or a delete has confirmed survives a power failure
//! at any later moment, and an object is whole or not there.

use std::collections::BTreeMap;

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::SplitMix64;

use super::*;
use crate::io::simulated::{Death, DeathPlan, Fault, SimulatedDisk};

/// What may be found under a name.
type Allowed = BTreeMap<String, Vec<Option<String>>>;

/// What a program finds after it was killed may still be lost to the next power failure.
async fn check_allowed(
    seed: u64,
    store: &dyn ObjectStore,
    allowed: &mut Allowed,
    is_settled: bool,
) {
    let mut listed = names(store, None).await;
    for (name, contents) in allowed.iter_mut() {
        let found = read(store, name).await;
        assert!(
            contents.contains(&found),
            "seed {seed}: {name} is {found:?}, not one of {contents:?}"
        );
        assert_eq!(
            listed.contains(name),
            found.is_some(),
            "seed {seed}: {name}"
        );
        listed.retain(|listed| listed != name);
        if is_settled {
            *contents = vec![found];
        }
    }
    assert_eq!(listed, [""; 0], "seed {seed}: never put");
}

/// One seed: puts, creates, copies and deletes while the disk fails and the power goes.
async fn run(seed: u64) {
    let mut random = SplitMix64::seed_from_u64(seed);
    let disk = SimulatedDisk::new();
    let root = Path::new("/data/objects");
    let mut allowed = Allowed::new();
    let mut content = 0;
    let mut death = Death::Kill;
    for _ in 0..6 {
        let life = disk.mount();
        let store = match DurableLocal::open(Arc::clone(&life) as _, root) {
            Ok(store) => store,
            Err(error) => panic!("seed {seed}: {error}"),
        };
        check_allowed(seed, &store, &mut allowed, death != Death::Kill).await;
        death = match random.random_range(0..3) {
            0 => Death::Kill,
            _ => Death::PowerLoss {
                seed: random.next_u64(),
            },
        };
        disk.die_at(DeathPlan {
            operation: random.random_range(1..60),
            has_effect: random.random(),
            death,
        });
        while life.is_alive() {
            if random.random_ratio(1, 5) {
                let fault = [Fault::Error, Fault::Full, Fault::ShortWrites];
                disk.fail_after(random.random_range(1..8), fault[random.random_range(0..3)]);
            }
            content += 1;
            step(&store, &mut random, content, &mut allowed).await;
        }
    }
}

async fn step(store: &DurableLocal, random: &mut SplitMix64, content: u32, allowed: &mut Allowed) {
    let mut pick = || {
        format!(
            "{}/{}",
            random.random_range(0..3),
            random.random_range(0..3)
        )
    };
    let (name, other) = (pick(), pick());
    // More than a sector, so that it can be torn.
    let text = format!("{content} ").repeat(random.random_range(0..600));
    let before = allowed.get(&name).cloned().unwrap_or_else(|| vec![None]);
    let location = Name::from(&*name);
    let (result, wanted) = match random.random_range(0..4) {
        0 => {
            let create = PutOptions::from(PutMode::Create);
            let put = store.put_opts(&location, payload(&text), create);
            (put.await.map(drop), Some(text))
        }
        1 => {
            let put = store.put(&location, payload(&text));
            (put.await.map(drop), Some(text))
        }
        2 => (store.delete(&location).await, None),
        _ => match allowed.get(&other).map(Vec::as_slice) {
            Some([Some(source)]) if other != name => {
                let source = source.clone();
                let from = Name::from(&*other);
                (store.copy(&from, &location).await, Some(source))
            }
            _ => return,
        },
    };
    let after = match result {
        Ok(()) => vec![wanted],
        Err(StoreError::AlreadyExists { .. } | StoreError::NotFound { .. }) => return,
        // Nobody knows.
        Err(_) => [before, vec![wanted]].concat(),
    };
    allowed.insert(name, after);
}

#[test]
fn what_was_confirmed_survives_and_objects_are_whole() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    for seed in 0..300 {
        runtime.block_on(run(seed));
    }
}
