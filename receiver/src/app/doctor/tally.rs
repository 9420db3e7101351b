//! Sources of datagrams that no stream took.

use std::fmt;
use std::net::SocketAddr;

use proto::Outcome;

/// Datagrams by where they came from and what they were; only of the first few that sent any.
#[derive(Debug, Default)]
pub(super) struct UselessDatagrams {
    all: Vec<UselessSource>,
}

/// Somebody who sent something that is no use.
#[derive(Debug)]
pub(super) struct UselessSource {
    from: SocketAddr,
    outcome: Outcome,
    datagrams: u64,
}

impl UselessDatagrams {
    /// Notes a datagram that ended so.
    pub(super) fn note(&mut self, from: SocketAddr, outcome: Outcome) {
        if !matches!(outcome, Outcome::Foreign | Outcome::Malformed | Outcome::BadChecksum | Outcome::Unknown)
        {
            return;
        }
        let known = self.all.iter_mut().find(|known| known.from == from && known.outcome == outcome);
        if let Some(known) = known {
            known.datagrams += 1;
        } else if self.all.len() < MOST {
            self.all.push(UselessSource { from, outcome, datagrams: 1 });
        }
    }

    /// Those noted.
    pub(super) fn iter(&self) -> impl Iterator<Item = &UselessSource> {
        self.all.iter()
    }
}

impl fmt::Display for UselessSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.outcome {
            Outcome::Foreign => "of another sender",
            Outcome::BadChecksum => "damaged on their way",
            Outcome::Unknown => "of another version of Chunkcast, or no sender's",
            _ => "not Chunkcast's",
        };
        write!(f, "{} datagrams from {}: {what}", self.datagrams, self.from)
    }
}

/// Lines that a person reads.
const MOST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_counted_by_kind_and_never_too_many() {
        let mut useless = UselessDatagrams::default();
        for port in [5, 5, 6] {
            useless.note(SocketAddr::from(([10, 0, 0, 3], port)), Outcome::Malformed);
        }
        useless.note(SocketAddr::from(([10, 0, 0, 3], 5)), Outcome::Accepted);
        let said: Vec<String> = useless.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            ["2 datagrams from 10.0.0.3:5: not Chunkcast's", "1 datagrams from 10.0.0.3:6: not Chunkcast's"]
        );
        for port in 0..1000 {
            useless.note(SocketAddr::from(([10, 0, 0, 4], port)), Outcome::Foreign);
        }
        assert_eq!(useless.iter().count(), MOST);
    }
}
