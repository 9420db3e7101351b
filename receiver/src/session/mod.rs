//! Receiving: a thread for each socket, and in it a slot for each sender: its stream, and what is known of it.

mod demux;
mod endpoint;
mod frame_interval;
mod host;
mod identity;
mod keys;
mod membership;
mod opener;
mod shared;
mod signers;
mod slot;
mod standing;
mod stream;
mod subscription;
mod target;
mod threads;
mod timeouts;
mod unassigned;

pub(crate) use host::Host;
pub use keys::Keyring;
pub(crate) use shared::{FrameLimit, ReceiveContext};
pub(crate) use signers::Signers;
pub(crate) use stream::StreamConfig;
pub(crate) use subscription::full;
pub(crate) use target::{AddressConflict, Target};
pub(crate) use threads::{Opened, ReceiveThreads};
pub(crate) use timeouts::{LOOK_UP_EVERY, LOST};
