//! What the window needs of the rest of the program.

use std::rc::Rc;

use sdl2::{EventPump, Sdl, VideoSubsystem};

use super::backend::events::Waiting;
use super::draw::font::Fonts;
use super::options::Detail;
use crate::discovery::Finder;
use crate::feed::Feeds;
use crate::session::Keyring;

/// What the window works with.
pub(super) struct WindowContext<'a> {
    pub(super) pump: EventPump,
    pub(super) video: &'a VideoSubsystem,
    pub(super) sdl: &'a Sdl,
    pub(super) feeds: &'a Feeds,
    /// Who looks for senders, where that is wanted.
    pub(super) finder: Option<&'a Finder>,
    /// Where codes go that are typed.
    pub(super) keyring: &'a Keyring,
    /// What the window waits by, for as long as there is one.
    pub(super) waiting: Waiting,
    /// How much is written on a picture.
    pub(super) detail: Detail,
    /// What is written with.
    pub(super) fonts: Rc<Fonts>,
}
