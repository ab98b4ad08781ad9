//! Finding the record that a secret belongs to. How secrets look is for the catalog to say.

use std::sync::Arc;

use catalog::{Secret, State, Token, TokenDigest, id_of_token};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::digest;

/// The token that is known by this secret. Whether it still lets its holder in is for the caller to ask.
pub(super) fn find<'a>(state: &'a State, shown: &str, now_nanos: i64) -> Option<&'a Arc<Token>> {
    let wanted = digest(shown);
    let of_id = id_of_token(shown).and_then(|id| state.token(id));
    let of_id = of_id.filter(|token| is_known_by(token, &wanted, now_nanos));
    // Of a token that is not found this way every one is looked at, so that the time taken says nothing.
    of_id.or_else(|| find_among_all(state, &wanted, now_nanos))
}

fn find_among_all<'a>(
    state: &'a State,
    wanted: &TokenDigest,
    now_nanos: i64,
) -> Option<&'a Arc<Token>> {
    let none = (Choice::from(0), 0);
    let look = |(found, place), (at, token): (u64, &Arc<Token>)| {
        let is_it = Choice::from(u8::from(is_known_by(token, wanted, now_nanos)));
        (found | is_it, u64::conditional_select(&place, &at, is_it))
    };
    let (found, place) = (0u64..).zip(state.tokens()).fold(none, look);
    let token = state.tokens().nth(usize::try_from(place).ok()?)?;
    bool::from(found).then_some(token)
}

/// Compares with every secret, whatever the outcome.
pub(super) fn is_known_by(token: &Token, wanted: &TokenDigest, now_nanos: i64) -> bool {
    let is_it = |secret: &Secret| {
        let is_good = Choice::from(u8::from(secret.is_good(now_nanos)));
        secret.sha256.as_slice().ct_eq(wanted) & is_good
    };
    let none = Choice::from(0);
    token
        .secrets
        .iter()
        .fold(none, |found, secret| found | is_it(secret))
        .into()
}

#[cfg(test)]
mod tests {
    use catalog::{Catalog, Limits, RecordId, Rights, new_token};

    use super::*;

    /// Tokens: `a` with its id, `b` as somebody chose it, `c` that expires at 100, `d` that is off.
    async fn state(of_id: &str) -> Arc<State> {
        let store = Arc::new(object_store::memory::InMemory::new());
        let catalog = Catalog::open(store, Limits::default()).await.unwrap();
        let make = |name: &'static str, secret: TokenDigest| {
            let rights = Rights::administrator();
            catalog.create_record(move |id| Token::new(id, name, secret, rights.clone(), 0))
        };
        make("a", digest(of_id)).await.unwrap();
        make("b", digest("chosen")).await.unwrap();
        let c = make("c", digest("brief")).await.unwrap().id;
        let end = |token: &mut Token| {
            token.expires_at_nanos = Some(100);
            Ok(())
        };
        catalog.change_record(c, end).await.unwrap();
        let d = make("d", digest("off")).await.unwrap().id;
        let stop = |token: &mut Token| {
            token.is_active = false;
            Ok(())
        };
        catalog.change_record(d, stop).await.unwrap();
        let b = catalog.state().token_named("b").unwrap().id;
        let turn = |token: &mut Token| {
            token.rotate(digest("next"), 50, 10);
            Ok(())
        };
        catalog.change_record(b, turn).await.unwrap();
        catalog.state()
    }

    #[tokio::test]
    async fn only_a_live_token_lets_in() {
        let of_id = new_token(Some(RecordId(1))).unwrap();
        let stray = new_token(Some(RecordId(1))).unwrap();
        let state = state(&of_id).await;
        assert_eq!(state.token_named("a").unwrap().id, RecordId(1));
        for (shown, now, expected) in [
            (of_id.as_str(), 0, Some("a")),
            (stray.as_str(), 0, None),
            ("chosen", 49, Some("b")),
            ("chosen", 50, None),
            ("next", 49, Some("b")),
            ("next", 5_000, Some("b")),
            ("brief", 99, Some("c")),
            ("brief", 100, None),
            ("off", 0, None),
            ("Chosen", 0, None),
            ("", 0, None),
        ] {
            let found = find(&state, shown, now).filter(|token| token.is_live(now));
            let found = found.map(|token| token.name.as_str());
            assert_eq!(found, expected, "{shown} at {now}");
        }
    }
}
