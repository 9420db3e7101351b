//! How senders are found: what they announce, and the multicast DNS that carries it.

mod announcement;
pub mod mdns;

pub use announcement::{Announcement, AnnouncementError, MAX_LABEL_BYTES, Mark, SERVICE};
