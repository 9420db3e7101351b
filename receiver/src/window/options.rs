//! The window's options, as the user gave them.

/// How the window is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Begin on the full screen.
    pub fullscreen: bool,
    /// Wait for the screen's refresh before each picture: no tearing, and up to one refresh later.
    pub vsync: bool,
    /// How much is written on the picture.
    pub detail: Detail,
}

/// How much is written on a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Only what must not be missed: that the picture is not live, that it is recorded, and what was just done.
    #[default]
    Off,
    /// One line.
    Small,
    /// All figures, and plots of the last half minute.
    Full,
}

impl Detail {
    /// What the key that changes it leads to.
    #[cfg(feature = "window")]
    pub(super) fn next(self) -> Self {
        match self {
            Self::Off => Self::Small,
            Self::Small => Self::Full,
            Self::Full => Self::Off,
        }
    }
}
