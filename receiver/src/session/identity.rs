//! The identity of a sender: one that was restarted, or has moved, gets its slot again.

use std::net::SocketAddr;

use proto::SessionId;

use super::stream::StreamConfig;

/// Where a sender sends from, and what it calls itself; empty where that is not known.
#[derive(Clone, Debug)]
pub(super) struct SenderId {
    source: SocketAddr,
    name: String,
}

/// What two of them have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// Whether they have one address and port.
    address: bool,
    /// Whether they are on one computer.
    computer: bool,
    /// Whether they have one name; `None` where one of them is not known.
    name: Option<bool>,
}

/// What speaks for it that two are the same sender; the more, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Similarity {
    /// Nothing, or their names speak against it.
    None,
    /// They have one name, or are on one computer.
    Some,
    /// They have one name and are on one computer: it was restarted.
    Restarted,
    /// They have one address and port, or one session.
    Same,
}

impl SenderId {
    /// What this one has in common with whoever sends from there, and calls itself so.
    pub(super) fn matches(&self, source: SocketAddr, name: &str) -> Match {
        Match {
            address: self.source == source,
            computer: self.source.ip() == source.ip(),
            name: is_same_name(&self.name, name),
        }
    }

    /// Takes over what is known of it by now.
    fn learn(&mut self, later: &Self) {
        self.source = later.source;
        if !later.name.is_empty() {
            self.name.clone_from(&later.name);
        }
    }
}

impl Match {
    fn similarity(self) -> Similarity {
        match (self.computer, self.name) {
            _ if self.address => Similarity::Same,
            (true, Some(true)) => Similarity::Restarted,
            (true, None) | (false, Some(true)) => Similarity::Some,
            (false, None) | (_, Some(false)) => Similarity::None,
        }
    }

    /// Whether nothing speaks against it that the one is the other in a later session.
    fn may_be_restarted(self) -> bool {
        self.computer && self.name != Some(false)
    }
}

/// Whether two names are one; `None` where one of them is not known.
pub(super) fn is_same_name(one: &str, other: &str) -> Option<bool> {
    (!one.is_empty() && !other.is_empty()).then(|| one == other)
}

/// Whether two are one address and port; by which interface does not count.
pub(super) fn is_same_address(one: SocketAddr, other: SocketAddr) -> bool {
    (one.ip(), one.port()) == (other.ip(), other.port())
}

/// A sender without a slot.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    source: SocketAddr,
    /// `None` if what it sends begins nothing.
    pub(super) session: Option<SessionId>,
    /// What it calls itself; empty where that is not known.
    name: &'a str,
}

impl<'a> Candidate<'a> {
    /// Whoever sent this datagram from there, and was called by that name if the datagram says none.
    pub(super) fn of(
        source: SocketAddr,
        datagram: &'a [u8],
        config: &StreamConfig,
        known_as: &'a str,
    ) -> Self {
        let (session, name) =
            config.begins(datagram).map_or((None, ""), |(session, name)| (Some(session), name));
        Self { source, session, name: if name.is_empty() { known_as } else { name } }
    }
}

/// The senders that had one slot, one after the other.
/// It tells whether pictures are of the same sender as those before.
#[derive(Debug, Default)]
pub(super) struct SenderHistory {
    /// The sender that has the slot, or had it last.
    whose: Option<SenderId>,
    /// Whether more is known of it since its last picture.
    is_news: bool,
    /// Whose picture came last.
    pictured: Option<SenderId>,
    /// How many senders pictures have come of.
    number: u32,
}

impl SenderHistory {
    /// A session begins, from there.
    pub(super) fn begin(&mut self, source: SocketAddr) {
        (self.whose, self.is_news) = (Some(SenderId { source, name: String::new() }), true);
    }

    /// The session goes on from there: whoever moves stays who it is.
    pub(super) fn move_to(&mut self, source: SocketAddr) {
        let pictured = self.pictured.as_mut().filter(|_| !self.is_news);
        self.whose.as_mut().into_iter().chain(pictured).for_each(|identity| identity.source = source);
    }

    /// What the sender that has the slot calls itself; empty where that is not known.
    pub(super) fn name(&self) -> &str {
        self.whose.as_ref().map_or("", |whose| &whose.name)
    }

    /// It says its name.
    pub(super) fn set_name(&mut self, name: String) {
        if let Some(whose) = self.whose.as_mut().filter(|whose| whose.name != name) {
            (whose.name, self.is_news) = (name, true);
        }
    }

    /// How similar a candidate is to the sender that has the slot, or had it last.
    pub(super) fn similarity(&self, candidate: &Candidate<'_>) -> Similarity {
        let matches = |whose: &SenderId| whose.matches(candidate.source, candidate.name).similarity();
        self.whose.as_ref().map_or(Similarity::None, matches)
    }

    /// The number of the sender whose picture came last, unless another may have sent since.
    pub(super) fn pictured_last(&self) -> Option<u32> {
        (!self.is_news).then_some(self.number)
    }

    /// A picture has come; returns its sender's number, which is another than before if the sender is. One that was
    /// restarted is the same: it has the same address, but for the port, and no other name.
    pub(super) fn pictured(&mut self) -> u32 {
        if std::mem::take(&mut self.is_news)
            && let Some(whose) = &self.whose
        {
            match &mut self.pictured {
                Some(before) if before.matches(whose.source, &whose.name).may_be_restarted() => {
                    before.learn(whose)
                }
                before => {
                    *before = Some(whose.clone());
                    self.number = self.number.wrapping_add(1);
                }
            }
        }
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// The number of the next picture after a session that began there, and said this name.
    fn next(history: &mut SenderHistory, source: &str, name: &str) -> u32 {
        history.begin(at(source));
        history.set_name(name.to_owned());
        history.pictured()
    }

    #[test]
    fn one_that_is_restarted_is_the_same_and_another_computer_or_name_is_another() {
        let mut all = SenderHistory::default();
        assert_eq!([next(&mut all, "10.0.0.1:5000", "door"), all.pictured()], [1, 1]);
        assert_eq!(next(&mut all, "10.0.0.1:6000", "door"), 1);
        assert_eq!(next(&mut all, "10.0.0.1:7000", "bench"), 2);
        assert_eq!(next(&mut all, "10.0.0.2:7000", "bench"), 3);
        // One of which no picture came does not count.
        all.begin(at("10.0.0.9:1"));
        assert_eq!(next(&mut all, "10.0.0.2:7001", "bench"), 3);
    }

    #[test]
    fn a_name_that_is_heard_late_decides_when_it_is() {
        let mut all = SenderHistory::default();
        next(&mut all, "10.0.0.1:5000", "door");
        all.begin(at("10.0.0.1:6000"));
        assert_eq!(all.pictured(), 1);
        all.set_name("bench".into());
        assert_eq!(all.pictured(), 2);
    }

    #[test]
    fn one_that_moves_stays_the_same() {
        let mut all = SenderHistory::default();
        next(&mut all, "10.0.0.1:5000", "door");
        all.move_to(at("192.168.1.7:5000"));
        assert_eq!(all.pictured(), 1);
        assert_eq!(next(&mut all, "192.168.1.7:6000", "door"), 1);
    }

    #[test]
    fn a_sender_is_known_again_by_its_address_or_else_by_its_name_and_computer() {
        let door = SenderId { source: at("10.0.0.1:5000"), name: "door".into() };
        let similarity = |source, name| door.matches(at(source), name).similarity();
        assert_eq!(similarity("10.0.0.1:5000", ""), Similarity::Same);
        assert_eq!(similarity("10.0.0.1:5001", "door"), Similarity::Restarted);
        assert_eq!(similarity("10.0.0.2:5001", "door"), Similarity::Some);
        assert_eq!(similarity("10.0.0.1:5001", ""), Similarity::Some);
        assert_eq!(similarity("10.0.0.1:5001", "bench"), Similarity::None);
        assert_eq!(similarity("10.0.0.2:5001", ""), Similarity::None);
    }
}
