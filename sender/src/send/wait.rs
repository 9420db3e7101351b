//! All that the sending thread waits for, in one call.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use proto::sys::{Stop, wait_until};
use rustix::event::{PollFd, PollFlags};

use crate::inbox::FrameInbox;

/// The files to wait for, listed once: waiting allocates nothing.
pub(super) struct Wait<'a> {
    /// The inbox, the sockets, what tells of room in their buffers, the request to stop.
    files: Vec<PollFd<'a>>,
}

/// What else ends a wait than its time, room in a full buffer, and what receivers send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WakeOn {
    /// A frame, or the end of frames.
    Frames,
    /// The request to stop.
    Stop,
    /// Nothing.
    Nothing,
}

impl<'a> Wait<'a> {
    /// Waits for these.
    pub(super) fn new(
        inbox: &'a FrameInbox,
        sockets: &'a [OwnedFd],
        room: &'a OwnedFd,
        stop: &'a Stop,
    ) -> Self {
        let mut files = Vec::with_capacity(sockets.len() + 3);
        files.push(PollFd::new(inbox, PollFlags::IN));
        files.extend(sockets.iter().map(|socket| PollFd::new(socket, PollFlags::IN)));
        files.push(PollFd::new(room, PollFlags::IN));
        files.push(PollFd::new(stop, PollFlags::IN));
        Self { files }
    }

    /// Waits until there is feedback, or room, or `until`, or what else is asked for; says whether the last is there.
    ///
    /// What is not asked for is not looked at, so that what nobody sees to now cannot end every wait at once.
    ///
    /// # Errors
    /// If the system cannot wait.
    pub(super) fn until(&mut self, until: Option<Instant>, wake_on: WakeOn) -> io::Result<bool> {
        let last = self.files.len() - 1;
        let (range, place) = match wake_on {
            WakeOn::Frames => (0..last, Some(0)),
            WakeOn::Stop => (1..last + 1, Some(last)),
            WakeOn::Nothing => (1..last, None),
        };
        wait_until(&mut self.files[range], until)?;
        Ok(place.is_some_and(|place| !self.files[place].revents().is_empty()))
    }

    /// Whether the last wait found room in a buffer that was full.
    pub(super) fn has_room(&self) -> bool {
        !self.files[self.files.len() - 2].revents().is_empty()
    }

    /// The sockets at which the last wait found something, by their numbers.
    pub(super) fn feedback(&self) -> impl Iterator<Item = usize> {
        let sockets = &self.files[1..self.files.len() - 2];
        sockets.iter().enumerate().filter(|(_, file)| !file.revents().is_empty()).map(|(number, _)| number)
    }
}
