//! What stands between the window and whoever looks at it.

use std::fmt;

/// The screen that the window is on, as far as the system tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScreenInfo {
    /// What kind of session it is in, such as `x11` or `wayland`.
    pub(crate) session: Option<String>,
    /// Pictures that the screen shows in a second.
    pub(crate) refresh_hz: Option<u32>,
    /// Whether a compositor puts the screen together.
    pub(crate) compositor: Option<bool>,
}

impl fmt::Display for ScreenInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.session {
            Some(session) => write!(f, "{session} session, ")?,
            None => f.write_str("XDG_SESSION_TYPE is not set, ")?,
        }
        match self.refresh_hz {
            Some(hz) => {
                write!(f, "a screen of {hz} Hz: a picture waits up to {:.1} ms for it", 1e3 / f64::from(hz))?
            }
            None => f.write_str("a screen that does not tell its refresh rate")?,
        }
        match self.compositor {
            Some(true) => f.write_str("; a compositor puts it together, which takes up to a refresh more"),
            Some(false) => f.write_str("; no compositor"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_made_up() {
        assert_eq!(
            ScreenInfo::default().to_string(),
            "XDG_SESSION_TYPE is not set, a screen that does not tell its refresh rate"
        );
        let known = ScreenInfo { session: Some("x11".into()), refresh_hz: Some(60), compositor: Some(true) };
        assert_eq!(
            known.to_string(),
            "x11 session, a screen of 60 Hz: a picture waits up to 16.7 ms for it; a compositor puts it together, \
             which takes up to a refresh more"
        );
    }
}
