//! Who sent datagrams that no stream took.

use std::fmt;
use std::net::SocketAddr;

use proto::Fate;

/// Datagrams by where they came from and what they were; only of the first few that sent any.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    all: Vec<Stranger>,
}

/// Somebody who sent something that is no use.
#[derive(Debug)]
pub(super) struct Stranger {
    from: SocketAddr,
    fate: Fate,
    datagrams: u64,
}

impl Strangers {
    /// Notes a datagram that ended so.
    pub(super) fn note(&mut self, from: SocketAddr, fate: Fate) {
        if !matches!(fate, Fate::Foreign | Fate::Malformed | Fate::BadChecksum | Fate::Unknown) {
            return;
        }
        let known = self.all.iter_mut().find(|known| known.from == from && known.fate == fate);
        if let Some(known) = known {
            known.datagrams += 1;
        } else if self.all.len() < MOST {
            self.all.push(Stranger { from, fate, datagrams: 1 });
        }
    }

    /// Those noted.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Stranger> {
        self.all.iter()
    }
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fate {
            Fate::Foreign => "of another sender",
            Fate::BadChecksum => "damaged on their way",
            Fate::Unknown => "of another version of Chunkcast, or no sender's",
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
        let mut strangers = Strangers::default();
        for port in [5, 5, 6] {
            strangers.note(SocketAddr::from(([10, 0, 0, 3], port)), Fate::Malformed);
        }
        strangers.note(SocketAddr::from(([10, 0, 0, 3], 5)), Fate::Accepted);
        let said: Vec<String> = strangers.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            ["2 datagrams from 10.0.0.3:5: not Chunkcast's", "1 datagrams from 10.0.0.3:6: not Chunkcast's"]
        );
        for port in 0..1000 {
            strangers.note(SocketAddr::from(([10, 0, 0, 4], port)), Fate::Foreign);
        }
        assert_eq!(strangers.iter().count(), MOST);
    }
}
