//! Keyed streams: who has the key looks and speaks, and nobody else.
//!
//! Every datagram of a keyed stream is sealed (encrypted and authenticated) as the last thing that is done to it, and
//! opened as the first. In between, all is as without a key: what is sealed and what was opened is a datagram of
//! version 1, so that parity, retransmissions and feedback know nothing of keys.
//!
//! A [`Key`] opens senders. Of it come, for each run of a sender, a [`SenderKeys`] at its end and, at each socket of a
//! receiver, a [`ReceiverKeys`].

mod cipher;
mod code;
mod key;
mod layout;
mod peers;
mod phrase;
mod receiver;
mod refusal;
mod replay;
mod sender;
mod session;
mod signing;
mod stream;
#[cfg(test)]
mod tests;
mod turns;

pub use crate::wire::KeyId;
pub use cipher::Suite;
pub use code::CodeError;
pub use key::Key;
pub use layout::{SEALED_BYTES, is_sealed, is_subscribe, locked_by};
pub use phrase::PhraseError;
pub use receiver::ReceiverKeys;
pub use refusal::{Refusal, RefusalCounts};
pub use sender::{SenderKeys, open_reply};
pub use signing::{SignatureCheck, SignatureError, SigningKey};
pub use stream::StreamSealer;
