//! Recordings, snapshots and instant replay.

mod backlog;
mod file_writer;
mod matroska;
mod names;
mod notice;
mod recorder;
mod recording;
mod replay;
mod split;
#[cfg(test)]
mod testing;
mod thread;

pub(crate) use backlog::Backlog;
pub(crate) use notice::Notice;
pub(crate) use recorder::KeepStatus;
pub use recorder::{KeepOptions, Recorder};
pub(crate) use recording::Recording;
pub(crate) use split::Split;
#[cfg(test)]
pub(crate) use testing::TempFolder;
