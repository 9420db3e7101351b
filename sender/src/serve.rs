//! How receivers find and reach the sender: the port at which they ask, what is announced, and what players are told.

mod announce;
mod place;
mod sdp;
mod served;

pub use announce::{Announcer, Notice, can_announce};
pub use place::{ServeAt, USUAL_PORT, addresses, announced};
pub use sdp::{Announcement, Sdp};
pub use served::{Asked, Served};
