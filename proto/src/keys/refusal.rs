//! Why a datagram is not taken in by who has a key, and how often.

use serde::Serialize;
use thiserror::Error;

use crate::wire::KeyId;

/// Why a datagram is refused. Nothing of it was believed, and nothing has changed by it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not sealed, or no datagram at all.
    #[error("not sealed")]
    Unkeyed,
    /// It is too short, or of a kind that the other end does not say.
    #[error("not as a sealed datagram is")]
    Malformed,
    /// It is sealed with another key.
    #[error("sealed with another key, {0}")]
    WrongKey(KeyId),
    /// Its session has not been introduced by a hello yet.
    #[error("of a session that was not introduced")]
    Early,
    /// Its tag is wrong.
    #[error("not genuine")]
    Forged,
    /// It came before, or is too old to tell, or is of another stream.
    #[error("a replay")]
    Replayed,
    /// It has yet to be shown that its session is alive, and no recording of one.
    #[error("of a session that is not proven to be alive")]
    Unproven,
}

/// How many datagrams were refused, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RefusalCounts {
    /// Not sealed.
    pub unkeyed: u64,
    /// Not as a sealed datagram is.
    pub malformed: u64,
    /// Sealed with another key.
    pub wrong_key: u64,
    /// Of a session that was not introduced.
    pub early: u64,
    /// Not genuine.
    pub forged: u64,
    /// A replay.
    pub replayed: u64,
    /// Of a session that is not proven to be alive.
    pub unproven: u64,
}

impl RefusalCounts {
    /// Counts one.
    pub fn add(&mut self, refusal: Refusal) {
        *match refusal {
            Refusal::Unkeyed => &mut self.unkeyed,
            Refusal::Malformed => &mut self.malformed,
            Refusal::WrongKey(_) => &mut self.wrong_key,
            Refusal::Early => &mut self.early,
            Refusal::Forged => &mut self.forged,
            Refusal::Replayed => &mut self.replayed,
            Refusal::Unproven => &mut self.unproven,
        } += 1;
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.unkeyed += other.unkeyed;
        self.malformed += other.malformed;
        self.wrong_key += other.wrong_key;
        self.early += other.early;
        self.forged += other.forged;
        self.replayed += other.replayed;
        self.unproven += other.unproven;
    }
}
