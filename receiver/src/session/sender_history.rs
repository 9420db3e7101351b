//! The senders that had one place, one after the other.

use std::net::SocketAddr;

use super::identity::{Candidate, Identity, Match};

/// Tells whether pictures are of the same sender as those before.
#[derive(Debug, Default)]
pub(super) struct SenderHistory {
    /// Who has the place, or had it last.
    whose: Option<Identity>,
    /// Whether more is known of it since its last picture.
    is_news: bool,
    /// Whose picture came last.
    pictured: Option<Identity>,
    /// How many senders pictures have come of.
    number: u32,
}

impl SenderHistory {
    /// A session begins, from there.
    pub(super) fn begin(&mut self, source: SocketAddr) {
        (self.whose, self.is_news) = (Some(Identity { source, name: String::new() }), true);
    }

    /// The session goes on from there: whoever moves stays who it is.
    pub(super) fn move_to(&mut self, source: SocketAddr) {
        let pictured = self.pictured.as_mut().filter(|_| !self.is_news);
        self.whose.as_mut().into_iter().chain(pictured).for_each(|identity| identity.source = source);
    }

    /// It says its name.
    pub(super) fn set_name(&mut self, name: String) {
        if let Some(whose) = self.whose.as_mut().filter(|whose| whose.name != name) {
            (whose.name, self.is_news) = (name, true);
        }
    }

    /// How like a newcomer is to whoever has the place, or had it last.
    pub(super) fn matched(&self, candidate: &Candidate<'_>) -> Match {
        self.whose.as_ref().map_or(Match::None, |whose| whose.matched(candidate))
    }

    /// A picture has come; returns its sender's number, which is another than before if the sender is. One that was
    /// restarted is the same: it has the same address, but for the port, and no other name.
    pub(super) fn pictured(&mut self) -> u32 {
        if std::mem::take(&mut self.is_news)
            && let Some(whose) = &self.whose
        {
            match &mut self.pictured {
                Some(before) if before.may_be(whose) => before.learn(whose),
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
}
