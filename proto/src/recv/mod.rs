//! The receiving end of a stream: datagrams in, frames and feedback out.

mod admission;
mod announced;
mod clock;
mod config;
mod nack;
mod output;
mod pending;
mod proof;
mod reassemble;
mod report;
mod source_lock;
mod stream;

pub(crate) use admission::{Admits, Contested};
pub use clock::{ClockFilter, ClockReading, Exchange};
pub use config::RecvConfig;
pub use output::{Contest, RecvEvent, RecvOutput};
pub(crate) use pending::PendingSession;
pub(crate) use reassemble::PAUSE;
pub use reassemble::{Delivery, Loss, MAX_BYTES_IN_FLIGHT, MAX_FRAMES_IN_FLIGHT, PartDelivery, RepairedBy};
pub(crate) use source_lock::SourceLock;
pub use source_lock::{QUIET, SILENCE};
pub use stream::RecvStream;
