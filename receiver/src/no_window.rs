//! In place of the window, in a receiver that was built without it.

#[path = "window/options.rs"]
mod options;
#[path = "window/screen.rs"]
mod screen;

use std::sync::Arc;

use anyhow::{Result, bail};
use proto::sys::Stop;

use crate::codec::PixelFormat;
use crate::discovery::Finder;
use crate::feed::{Feeds, Waker};
use crate::measure::Measurement;
use crate::session::Keyring;

use screen::ScreenInfo;

pub use options::{Detail, Options};

/// There is none.
pub enum Window {}

impl Window {
    /// Says that there is no window.
    ///
    /// # Errors
    /// Always.
    pub fn open(_: &Options) -> Result<Self> {
        bail!(
            "this receiver was built without its window (the feature \"window\"); use --output none, -, y4m:-, FOLDER/, \
             FILE.mkv or FILE.mjpeg, or --http"
        )
    }

    pub(crate) fn format(&self) -> PixelFormat {
        match *self {}
    }

    pub(crate) fn describe(&self) -> String {
        match *self {}
    }

    pub(crate) fn screen(&self) -> ScreenInfo {
        match *self {}
    }

    pub(crate) fn waker(&self) -> Waker {
        match *self {}
    }

    pub(crate) fn measure(&mut self, _: Arc<Measurement>) {
        match *self {}
    }

    pub(crate) fn at_loss(&self, _: Box<dyn FnOnce() -> u8 + Send>) {
        match *self {}
    }

    pub(crate) fn run(self, _: &Feeds, _: Option<&Finder>, _: &Keyring, _: &Stop) -> Result<()> {
        match self {}
    }
}
