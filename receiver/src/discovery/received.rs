//! Senders that were found and are received, or could not be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::browser::FoundSender;
use crate::session::Target;

/// A sender that is received.
pub(super) struct ReceivedSender {
    pub(super) instance: String,
    /// Who was wanted: it may have turned out to be the one with a number behind that name.
    wanted: String,
    /// What it calls itself.
    name: String,
    /// Where the receiver subscribes, if it does.
    pub(super) target: Option<Arc<Target>>,
    /// The group that was joined for it, if one was.
    pub(super) group: Option<Arc<Target>>,
    /// Whether anybody else would do as well, until somebody is heard.
    pub(super) is_any: bool,
    /// Whether it was ever heard.
    was_heard: bool,
}

/// A sender that could not be received, such as before the network was up.
pub(super) struct Failed {
    /// What it said of itself then.
    pub(super) found: FoundSender,
    pub(super) why: String,
    /// When it is tried again, if nothing changes before.
    pub(super) again: Instant,
}

impl ReceivedSender {
    /// One that is received nowhere yet.
    pub(super) fn nowhere(found: &FoundSender) -> Self {
        Self {
            instance: found.instance.clone(),
            wanted: found.instance.clone(),
            name: found.name.clone(),
            target: None,
            group: None,
            is_any: false,
            was_heard: false,
        }
    }

    /// Whether it is the one of this name, or is received instead of it.
    pub(super) fn is(&self, instance: &str) -> bool {
        self.instance == instance || self.wanted == instance
    }

    /// Whether a person may mean it by this name.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.is(name) || self.name == name
    }

    /// Whether what this sender says of itself leads to where it is received.
    pub(super) fn is_received(&self, found: &FoundSender) -> bool {
        match found.group {
            Some(group) => self.group.as_ref().is_some_and(|target| target.group() == Some(group)),
            None => self.target.is_some(),
        }
    }

    /// When it was last heard, wherever.
    pub(super) fn heard(&self) -> Option<Instant> {
        let targets = self.target.iter().chain(&self.group);
        targets.filter_map(|target| target.heard()).map(|(_, when)| when).max()
    }

    /// Notes who it is, once it is heard: until then it may be any of several.
    pub(super) fn learn(&mut self, found: &[FoundSender]) {
        let Some((at, _)) =
            self.target.as_ref().and_then(|target| target.heard()).filter(|_| !self.was_heard)
        else {
            return;
        };
        self.was_heard = true;
        let is_it = |found: &&FoundSender| found.addresses.contains(&at);
        let own = found.iter().filter(is_it).find(|found| found.instance == self.instance);
        if let Some(found) = own.or_else(|| found.iter().find(is_it)) {
            (self.instance, self.name) = (found.instance.clone(), found.name.clone());
        }
        self.is_any = false;
    }

    /// Where it may be: its own addresses, and until it is heard also those of who is called so or would do as well,
    /// but for these `others`.
    pub(super) fn addresses(&self, found: &[FoundSender], others: &[String]) -> Vec<SocketAddr> {
        let mut own: Vec<SocketAddr> =
            merged(found.iter().filter(|found| found.instance == self.instance && found.group.is_none()));
        if !self.was_heard {
            let like = |found: &&FoundSender| {
                let is_like = self.is_any || found.name == self.name;
                is_like && found.group.is_none() && !others.contains(&found.instance)
            };
            let like = merged(found.iter().filter(like));
            let new: Vec<SocketAddr> = like.into_iter().filter(|address| !own.contains(address)).collect();
            own.extend(new);
        }
        own.truncate(MOST_ADDRESSES);
        own
    }
}

impl Failed {
    /// Whether there is hope again.
    pub(super) fn is_due(&self, found: &FoundSender, now: Instant) -> bool {
        let has_changed = (&found.addresses, found.group) != (&self.found.addresses, self.found.group);
        has_changed || self.again <= now
    }
}

/// The addresses of all of these, of each the best first: one that has many is not tried at all of them before others
/// are.
pub(super) fn merged<'a>(all: impl Iterator<Item = &'a FoundSender>) -> Vec<SocketAddr> {
    let all: Vec<&FoundSender> = all.collect();
    let most = all.iter().map(|found| found.addresses.len()).max().unwrap_or(0);
    let mut merged: Vec<SocketAddr> = Vec::new();
    for nth in 0..most {
        for address in all.iter().filter_map(|found| found.addresses.get(nth)) {
            if merged.len() < MOST_ADDRESSES && !merged.contains(address) {
                merged.push(*address);
            }
        }
    }
    merged
}

/// Where one sender is sought; each has the time of three subscribes.
const MOST_ADDRESSES: usize = 64;

#[cfg(test)]
mod tests {
    use proto::SessionId;
    use proto::discovery::Mark;
    use proto::sys::Event;

    use super::*;

    fn found(instance: &str, name: &str, addresses: &[&str]) -> FoundSender {
        FoundSender {
            instance: instance.into(),
            name: name.into(),
            size: None,
            fps: None,
            mark: Mark::of(SessionId::new(1)),
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            group: None,
            key: None,
        }
    }

    #[test]
    fn until_one_is_heard_all_that_are_called_so_are_asked_and_then_only_that_one() {
        let all = [
            found("door", "door", &["10.0.0.66:1", "10.0.0.66:2"]),
            found("door (2)", "door", &["10.0.0.1:9001"]),
            found("gate", "gate", &["10.0.0.2:9001"]),
        ];
        let target = Target::of_found(&all[0].addresses, Event::new().unwrap());
        let mut door = ReceivedSender { target: Some(target), ..ReceivedSender::nowhere(&all[0]) };
        let addresses = |taken: &ReceivedSender| -> Vec<String> {
            taken.addresses(&all, &[]).iter().map(ToString::to_string).collect()
        };
        door.learn(&all);
        assert_eq!(addresses(&door), ["10.0.0.66:1", "10.0.0.66:2", "10.0.0.1:9001"]);
        door.is_any = true;
        assert_eq!(addresses(&door).len(), 4);
        door.target.as_ref().unwrap().note_heard(all[1].addresses[0], Instant::now());
        door.learn(&all);
        assert_eq!((&*door.instance, addresses(&door)), ("door (2)", vec!["10.0.0.1:9001".to_owned()]));
    }

    #[test]
    fn whoever_has_many_addresses_does_not_keep_others_waiting() {
        let all =
            [found("a", "a", &["10.0.0.1:1", "10.0.0.1:2"]), found("b", "b", &["10.0.0.2:1", "10.0.0.1:1"])];
        let texts: Vec<String> = merged(all.iter()).iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.1:2"]);
    }

    #[test]
    fn one_is_sought_at_so_many_addresses_however_many_say_that_they_are_it() {
        let all: Vec<_> = (0..100)
            .map(|n| {
                found(&format!("door ({n})"), "door", &[&format!("10.0.0.{n}:1"), &format!("10.0.0.{n}:2")])
            })
            .collect();
        assert_eq!(merged(all.iter()).len(), MOST_ADDRESSES);
        assert_eq!(ReceivedSender::nowhere(&all[7]).addresses(&all, &[]).len(), MOST_ADDRESSES);
    }
}
