//! Which sender is at an address that several announce: one that was killed is announced for minutes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use proto::discovery::Mark;

use super::browser::FoundSender;

/// Since when each sender is said to be at each of its addresses. What is said is only a hint: whoever wants can say
/// it.
#[derive(Default)]
pub(super) struct Claims(BTreeMap<(String, SocketAddr), Vec<AddressClaim>>);

struct AddressClaim {
    name: String,
    mark: Mark,
    since: Instant,
}

/// Who says that he is at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Successor {
    /// The name that nobody else has.
    pub(super) instance: String,
    /// What he calls himself.
    pub(super) name: String,
}

impl Claims {
    /// Takes in who is there now. A sender that was restarted claims anew.
    pub(super) fn update(&mut self, found: &[FoundSender], now: Instant) {
        let before = std::mem::take(&mut self.0);
        for FoundSender { instance, name, mark, addresses, .. } in found {
            for &address in addresses {
                let key = (instance.clone(), address);
                let known =
                    before.get(&key).and_then(|claims| claims.iter().find(|claim| claim.mark == *mark));
                let since = known.map_or(now, |claim| claim.since);
                self.0.entry(key).or_default().push(AddressClaim { name: name.clone(), mark: *mark, since });
            }
        }
    }

    /// The sender that is at all the addresses of this one, if another is.
    pub(super) fn successor(&self, instance: &str, addresses: &[SocketAddr]) -> Option<Successor> {
        let mut successors = addresses.iter().map(|&address| self.successor_at(instance, address));
        let first = successors.next()??;
        successors.all(|successor| successor.is_some()).then_some(first)
    }

    fn successor_at(&self, instance: &str, address: SocketAddr) -> Option<Successor> {
        let all = self.0.iter().filter(|((_, at), _)| *at == address);
        let all = all.flat_map(|((who, _), claims)| claims.iter().map(move |claim| (who, claim)));
        let (own, others): (Vec<_>, Vec<_>) = all.partition(|(who, _)| *who == instance);
        let own = own.iter().map(|(_, claim)| claim.since).max();
        // Its own name with a number behind it is no other's.
        let others = others.iter().filter(|(_, claim)| claim.name != instance && Some(claim.since) > own);
        others
            .max_by_key(|(_, claim)| claim.since)
            .map(|(who, claim)| Successor { instance: (*who).clone(), name: claim.name.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proto::SessionId;

    use super::*;

    #[test]
    fn at_an_address_is_who_was_last_to_say_so() {
        let at = |port| SocketAddr::from(([10, 77, 0, 1], port));
        let found = |instance: &str, session, port| FoundSender {
            instance: instance.into(),
            name: instance.into(),
            size: None,
            fps: None,
            mark: Mark::of(SessionId::new(session)),
            addresses: vec![at(port)],
            group: None,
            key: None,
        };
        let successor = |claims: &Claims, who: &str, addresses: &[SocketAddr]| {
            claims.successor(who, addresses).map(|successor| successor.instance)
        };
        let t0 = Instant::now();
        let mut claims = Claims::default();
        let mut seconds = 0;
        let mut update = |claims: &mut Claims, found: &[FoundSender]| {
            seconds += 1;
            claims.update(found, t0 + Duration::from_secs(seconds));
        };
        update(&mut claims, &[found("a", 1, 9001), found("b", 2, 9002)]);
        assert_eq!(successor(&claims, "a", &[at(9001)]), None);
        // Both were killed; only one is started again, and has the other's port now.
        update(&mut claims, &[found("a", 1, 9001), found("b", 3, 9001)]);
        assert_eq!(successor(&claims, "a", &[at(9001)]), Some("b".into()));
        assert_eq!(successor(&claims, "b", &[at(9001)]), None);
        assert_eq!(successor(&claims, "a", &[at(9001), at(9007)]), None, "it may be at the other one");
        // What is said again changes nothing, and what is forgotten neither.
        update(&mut claims, &[found("a", 1, 9001), found("b", 3, 9001)]);
        assert_eq!(successor(&claims, "a", &[at(9001)]), Some("b".into()));
        update(&mut claims, &[found("b", 3, 9001)]);
        assert_eq!(successor(&claims, "a", &[at(9001)]), Some("b".into()));
        update(&mut claims, &[found("a", 4, 9001), found("b", 3, 9001)]);
        assert_eq!(successor(&claims, "a", &[at(9001)]), None, "it is back");
        update(&mut claims, &[]);
        assert_eq!(successor(&claims, "a", &[at(9001)]), None, "nobody else is there");
    }
}
