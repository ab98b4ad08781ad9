//! Guesses that failed, by address. Whoever guesses too often is told to wait; tokens and sessions that
//! are right are let in all the same, so that nobody can lock out others behind the same address.
//!
//! Each address has a bucket of `burst` guesses that fills up again by one a second. IPv6 addresses count
//! by their first 64 bits, which is what one site has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard};

const SECOND_NANOS: i64 = 1_000_000_000;
/// Addresses that are remembered; when there are more, the one with the most left is forgotten.
const ADDRESSES_MAX: usize = 10_000;

/// The address that a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Failed guesses.
#[derive(Debug)]
pub(crate) struct Failures {
    /// 0 is no limit.
    burst: u32,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// When it is full again.
    full_at_nanos: i64,
}

impl Failures {
    /// So many at once, and then one a second.
    pub(crate) fn new(burst: u32) -> Self {
        Self {
            burst,
            buckets: Mutex::default(),
        }
    }

    /// Whether an address has no guess left.
    pub(crate) fn is_over(&self, peer: Option<Peer>, now_nanos: i64) -> bool {
        let Some(key) = self.key(peer) else {
            return false;
        };
        let full_at = self.buckets().get(&key).map(|bucket| bucket.full_at_nanos);
        full_at
            .is_some_and(|full_at| full_at.saturating_sub(now_nanos) > self.span() - SECOND_NANOS)
    }

    /// Takes a guess from an address.
    pub(crate) fn note(&self, peer: Option<Peer>, now_nanos: i64) {
        let Some(key) = self.key(peer) else {
            return;
        };
        let mut buckets = self.buckets();
        if buckets.len() >= ADDRESSES_MAX && !buckets.contains_key(&key) {
            forget_some(&mut buckets, now_nanos);
        }
        let full_at_nanos = now_nanos;
        let bucket = buckets.entry(key).or_insert(Bucket { full_at_nanos });
        let from = bucket.full_at_nanos.max(now_nanos);
        let latest = now_nanos.saturating_add(self.span());
        bucket.full_at_nanos = from.saturating_add(SECOND_NANOS).min(latest);
    }

    /// How long an empty bucket takes to fill.
    fn span(&self) -> i64 {
        i64::from(self.burst) * SECOND_NANOS
    }

    fn key(&self, peer: Option<Peer>) -> Option<IpAddr> {
        let Peer(address) = peer.filter(|_| self.burst > 0)?;
        Some(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let site = u128::from(address) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(site))
            }
        })
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<IpAddr, Bucket>> {
        self.buckets
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

fn forget_some(buckets: &mut HashMap<IpAddr, Bucket>, now_nanos: i64) {
    buckets.retain(|_, bucket| bucket.full_at_nanos > now_nanos);
    if buckets.len() < ADDRESSES_MAX {
        return;
    }
    let most_left = buckets
        .iter()
        .min_by_key(|(_, bucket)| bucket.full_at_nanos);
    if let Some(address) = most_left.map(|(address, _)| *address) {
        buckets.remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Option<Peer> {
        Some(Peer(text.parse().unwrap()))
    }

    #[test]
    fn guesses_are_limited_by_address() {
        let failures = Failures::new(3);
        let (one, other) = (peer("192.0.2.1"), peer("192.0.2.2"));
        for _ in 0..3 {
            assert!(!failures.is_over(one, 0));
            failures.note(one, 0);
        }
        assert!(failures.is_over(one, 0));
        assert!(
            failures.is_over(peer("::ffff:192.0.2.1"), 0),
            "it is the same"
        );
        assert!(!failures.is_over(other, 0) && !failures.is_over(None, 0));
        assert!(!failures.is_over(one, SECOND_NANOS), "one is left again");
        for _ in 0..100 {
            failures.note(one, SECOND_NANOS);
        }
        assert!(failures.is_over(one, SECOND_NANOS));
        assert!(
            !failures.is_over(one, 2 * SECOND_NANOS),
            "more than none is not taken"
        );
    }

    #[test]
    fn one_site_has_one_bucket() {
        let failures = Failures::new(1);
        failures.note(peer("2001:db8:0:1::1"), 0);
        assert!(failures.is_over(peer("2001:db8:0:1:ffff::2"), 0));
        assert!(!failures.is_over(peer("2001:db8:0:2::1"), 0));
    }

    #[test]
    fn no_limit_is_none_and_memory_is_bounded() {
        let none = Failures::new(0);
        none.note(peer("192.0.2.1"), 0);
        assert!(!none.is_over(peer("192.0.2.1"), 0));
        let failures = Failures::new(3);
        for number in 0..2 * ADDRESSES_MAX as u32 {
            failures.note(Some(Peer(IpAddr::from(number.to_be_bytes()))), 0);
        }
        assert_eq!(failures.buckets().len(), ADDRESSES_MAX);
    }
}
