//! What a sender says of itself, several times a second.
//!
//! ```text
//! +---------------+---------------+------------------ - - -
//! |     state     |  name length  |  name, UTF-8
//! +---------------+---------------+------------------ - - -
//! ```

use super::WireError;

/// The most bytes of a name.
pub const MAX_NAME_BYTES: usize = 64;

/// A sender's word on itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// Whether it has pictures to send.
    pub state: SourceState,
    /// What people call it; may be empty.
    pub name: &'a str,
}

/// Whether a sender has pictures to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceState {
    /// 0: the source gives pictures, or is about to.
    #[default]
    Live,
    /// 1: the source is gone (an unplugged camera), and the sender waits for it.
    Gone,
}

impl<'a> Hello<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let &[state, length, ref rest @ ..] = body else { return Err(WireError::Payload) };
        let state = match state {
            0 => SourceState::Live,
            1 => SourceState::Gone,
            _ => return Err(WireError::Hello),
        };
        let name = rest.get(..length.into()).ok_or(WireError::Payload)?;
        if name.len() > MAX_NAME_BYTES {
            return Err(WireError::Hello);
        }
        Ok(Self { state, name: std::str::from_utf8(name).map_err(|_| WireError::Hello)? })
    }

    /// Appends the body. A name that is too long is cut at a character's boundary.
    pub(super) fn emit(&self, datagram: &mut Vec<u8>) {
        let mut end = self.name.len().min(MAX_NAME_BYTES);
        while !self.name.is_char_boundary(end) {
            end -= 1;
        }
        let state = match self.state {
            SourceState::Live => 0,
            SourceState::Gone => 1,
        };
        datagram.extend_from_slice(&[state, end as u8]);
        datagram.extend_from_slice(&self.name.as_bytes()[..end]);
    }
}
