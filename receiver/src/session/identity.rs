//! Who a sender is, as far as that shows: one that was restarted, or has moved, is to find its place again.

use std::net::SocketAddr;

use proto::SessionId;

use super::stream::StreamConfig;

/// Who has a place, or had it last.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) source: SocketAddr,
    /// What it calls itself; empty where that is not known.
    pub(super) name: String,
}

/// Who sends, and has no place.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    source: SocketAddr,
    /// `None` if what it sends begins nothing.
    pub(super) session: Option<SessionId>,
    /// What it calls itself; empty where that is not known.
    name: &'a str,
}

/// What speaks for it that two are the same sender; the more, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    /// Nothing, or their names speak against it.
    None,
    /// They have one name, or are on one computer.
    Some,
    /// They have one name and are on one computer: it was restarted.
    Restarted,
    /// They have one address and port, or one session.
    Same,
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

impl Identity {
    pub(super) fn matched(&self, candidate: &Candidate<'_>) -> Match {
        let are_on_one_computer = self.source.ip() == candidate.source.ip();
        let are_named = !self.name.is_empty() && !candidate.name.is_empty();
        if self.source == candidate.source {
            return Match::Same;
        }
        match (are_on_one_computer, are_named && self.name == candidate.name) {
            (true, true) => Match::Restarted,
            (false, true) => Match::Some,
            (true, false) if !are_named => Match::Some,
            (_, false) => Match::None,
        }
    }

    /// Whether nothing speaks against it that this is the same sender in a later session.
    pub(super) fn may_be(&self, later: &Self) -> bool {
        let is_known = !self.name.is_empty() && !later.name.is_empty();
        self.source.ip() == later.source.ip() && !(is_known && self.name != later.name)
    }

    /// Takes over what is known of it by now.
    pub(super) fn learn(&mut self, later: &Self) {
        self.source = later.source;
        if !later.name.is_empty() {
            self.name.clone_from(&later.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_known_again_by_its_address_or_else_by_its_name_and_computer() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let door = Identity { source: at("10.0.0.1:5000"), name: "door".into() };
        let matched = |source, name| door.matched(&Candidate { source: at(source), session: None, name });
        assert_eq!(matched("10.0.0.1:5000", ""), Match::Same);
        assert_eq!(matched("10.0.0.1:5001", "door"), Match::Restarted);
        assert_eq!(matched("10.0.0.2:5001", "door"), Match::Some);
        assert_eq!(matched("10.0.0.1:5001", ""), Match::Some);
        assert_eq!(matched("10.0.0.1:5001", "bench"), Match::None);
        assert_eq!(matched("10.0.0.2:5001", ""), Match::None);
    }
}
