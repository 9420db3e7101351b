//! The wire format: datagrams, parsed and checked, and written.

mod checksum;
mod datagram;
mod error;
mod feedback;
mod header;
mod hello;
mod hex;
mod key_id;
mod signer;
mod subscribe;

#[cfg(feature = "keys")]
pub(crate) use datagram::renew_checksum;
pub use datagram::{Body, Datagram, emit, emit_control};
pub(crate) use datagram::{PARITY_CHECKSUM_BYTES, emit_with, mark_again};
pub use error::WireError;
pub use feedback::{MAX_RANGES, MAX_TRAINS, Pong, Report, ReportCounts, Resend, Token, TrainEntry};
pub(crate) use feedback::{SENDS_NO_REQUESTS, TAKES_PARTS, emit_ping, lost_its_end, lost_much};
#[cfg(feature = "keys")]
pub(crate) use header::kind_and_signed;
pub use header::{HEADER_BYTES, Header, Kind};
pub use hello::{Hello, Invitation, MAX_NAME_BYTES, SourceState};
#[cfg(feature = "app")]
pub(crate) use hex::{parse_hex, write_hex};
#[cfg(feature = "keys")]
pub(crate) use key_id::KEY_ID_BYTES;
pub use key_id::KeyId;
pub use signer::Signer;
pub use subscribe::{Subscribe, SubscribeReply, SubscribeStatus};
