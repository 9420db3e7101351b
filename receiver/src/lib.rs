//! Chunkcast's receiver: reassembles frames, and shows the newest.
//!
//! Modules import only those that stand below them in ARCHITECTURE.md; what the program, its tests and the fuzzer use
//! of them is here.

#![cfg_attr(
    not(feature = "window"),
    allow(dead_code, unused_imports, unreachable_pub, reason = "only the window uses it")
)]

mod app;
mod args;
mod codec;
mod decode;
mod discovery;
mod feed;
mod frame;
#[cfg(feature = "window")]
mod measure;
#[cfg(not(feature = "window"))]
#[path = "no_measure.rs"]
mod measure;
mod net;
mod output;
mod record;
mod session;
mod sync;
#[cfg(feature = "window")]
mod window;
#[cfg(not(feature = "window"))]
#[path = "no_window.rs"]
mod window;

pub use app::{doctor, measure, run};
pub use args::{Args, Command, MeasureArgs, ReceiveArgs};
pub use codec::{DecodeError, DecodeTarget, Decoded, Decoder, EarlyPicture, PixelFormat};
pub use discovery::{Browser, BrowserChange, FoundSender, list};
pub use feed::{Delays, Feed, Feeds, Live, Origin, Picture, Status, StreamState, Waker};
pub use frame::Received;
pub use net::ReceiveSocket;
pub use record::{KeepOptions, Recorder};
pub use session::Keyring;
#[cfg(debug_assertions)]
pub use sync::count::locks_taken;
pub use window::{Detail, Options, Window};
