//! The hello: a sender's state and name, several times a second.
//!
//! ```text
//! +---------------+---------------+------------------ - - -
//! |     state     |  name length  |  name, UTF-8
//! +---------------+---------------+---------------+---------------+
//! |     flags     |            viewers            |
//! +---------------+---------------+---------------+
//! |   report every, milliseconds  |       frame interval, microseconds
//! +-------------------------------+ - - -
//! |  signer, 32 bytes
//! +---------------+---------------+---------------+---------------+
//! |                  capture error, microseconds                  |
//! +---------------------------------------------------------------+
//! ```
//!
//! What follows the name is there if the sender listens to receivers; the interval, if it is known or something follows
//! (0 is unknown); the signer, if pictures are signed; the capture error, if it is known. Fewer than 32 bytes behind the
//! interval hold no signer: then the capture error stands in its place. Flags: 1, it sends to a group; 2, it answers
//! resend requests.

use std::time::Duration;

use super::error::WireError;
use super::signer::Signer;

/// The most bytes of a name.
pub const MAX_NAME_BYTES: usize = 64;

/// A sender's word on itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// Whether it has pictures to send.
    pub state: SourceState,
    /// What people call it; may be empty.
    pub name: &'a str,
    /// What it wants to be told; `None` if it does not listen.
    pub invitation: Option<Invitation>,
    /// How far its captures are apart, in whole microseconds, as far as it knows; told with an invitation only.
    pub interval: Option<Duration>,
    /// Who signs its pictures, if they are; told with an invitation only.
    pub signer: Option<Signer>,
    /// By how much its capture times are wrong at most, in whole microseconds, if it knows; told with an invitation
    /// only.
    pub capture_error: Option<Duration>,
}

/// What a sender wants to be told by its receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Whether it sends to a group: then receivers wait for each other before they request something.
    pub is_group: bool,
    /// Whether it answers resend requests.
    pub resends: bool,
    /// How many receivers it knows of.
    pub viewers: u16,
    /// How often each of them should report; whole milliseconds, at most 65 535.
    pub report_every: Duration,
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
        let (invitation, rest) = rest[name.len()..].split_first_chunk().unzip();
        let (micros, rest) = rest.and_then(<[u8]>::split_first_chunk).unzip();
        let rest = rest.unwrap_or_default();
        let (signer, rest) = match rest.split_first_chunk() {
            Some((key, rest)) => (Some(Signer::new(*key)), rest),
            None => (None, rest),
        };
        Ok(Self {
            state,
            name: std::str::from_utf8(name).map_err(|_| WireError::Hello)?,
            invitation: invitation.map(Invitation::parse),
            interval: micros.and_then(known),
            signer,
            capture_error: rest.first_chunk().and_then(known),
        })
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
        if let Some(invitation) = &self.invitation {
            datagram.extend_from_slice(&invitation.emit());
            if self.interval.is_some() || self.signer.is_some() || self.capture_error.is_some() {
                datagram.extend_from_slice(&micros(self.interval));
            }
            datagram.extend_from_slice(self.signer.as_ref().map_or(&[], Signer::as_bytes));
            if self.capture_error.is_some() {
                datagram.extend_from_slice(&micros(self.capture_error));
            }
        }
    }
}

impl Invitation {
    fn parse(&[flags, v0, v1, r0, r1]: &[u8; INVITATION_BYTES]) -> Self {
        Self {
            is_group: flags & GROUP != 0,
            resends: flags & RESENDS != 0,
            viewers: u16::from_be_bytes([v0, v1]),
            report_every: Duration::from_millis(u16::from_be_bytes([r0, r1]).into()),
        }
    }

    fn emit(&self) -> [u8; INVITATION_BYTES] {
        let flags = (u8::from(self.is_group) * GROUP) | (u8::from(self.resends) * RESENDS);
        let [v0, v1] = self.viewers.to_be_bytes();
        let [r0, r1] = u16::try_from(self.report_every.as_millis()).unwrap_or(u16::MAX).to_be_bytes();
        [flags, v0, v1, r0, r1]
    }
}

/// A time of which 0 says that it is not known.
fn known(micros: &[u8; 4]) -> Option<Duration> {
    let micros = u32::from_be_bytes(*micros);
    (micros > 0).then(|| Duration::from_micros(micros.into()))
}

/// The same as bytes; what has no room is not known.
fn micros(time: Option<Duration>) -> [u8; 4] {
    time.and_then(|time| u32::try_from(time.as_micros()).ok()).unwrap_or(0).to_be_bytes()
}

const INVITATION_BYTES: usize = 5;
const GROUP: u8 = 1;
const RESENDS: u8 = 2;
