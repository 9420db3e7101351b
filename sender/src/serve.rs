//! How receivers find and reach the sender: the port at which they subscribe, announcements, SDP.

mod announce;
mod place;
mod sdp;
mod served;

pub(crate) use announce::{Announcer, ServiceNotice, can_announce};
pub(crate) use place::{ServeAt, USUAL_PORT, addresses, announced};
pub(crate) use sdp::{Sdp, SdpAnnouncement};
pub(crate) use served::{Served, ViewerChange};
