//! How fast to send: what each path carries, and whose path decides.

mod dispersion;
mod estimator;
mod follow;
mod frame_train;
mod load;
mod policer;
mod probe;
mod sprint;
mod stretch;
mod train;
mod trial;

pub(crate) use dispersion::CEILING;
pub(crate) use estimator::PathRate;
pub use follow::{Follow, FollowError};
pub(crate) use follow::{Health, PaceControl};
pub(crate) use frame_train::FrameTrains;
pub(crate) use sprint::SPRINT_BYTES;
pub(crate) use train::Train;
