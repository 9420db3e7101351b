//! Waits for whatever comes first: the user, a picture, or the request to stop.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Result;
use proto::sys::{self, wait_until};
use rustix::event::{PollFd, PollFlags};
use sdl2::event::{Event, EventSender};
use sdl2::{EventPump, Sdl};

use super::canvas::failed;
use super::sdl;
use crate::sync::lock;

/// Wakes the window from any thread; after the window is gone it does nothing.
#[derive(Clone)]
pub(crate) struct Bell(Way);

/// SDL wakes a window on X11 by an event that it sends on a connection of its own, from the thread that wakes it. Xlib
/// ends the program in whatever thread finds its display gone. So there we wait ourselves, and only the main thread has
/// to do with Xlib.
#[derive(Clone)]
enum Way {
    Own(sys::Event),
    Sdl {
        /// `None` once SDL is about to end: an event must not meet a queue that is being taken apart.
        sender: Arc<Mutex<Option<EventSender>>>,
        event: u32,
    },
}

/// Waits for events, and to be woken.
pub(crate) struct Waiting {
    /// What the display's events come by, where we wait ourselves.
    connection: Option<OwnedFd>,
    pub(crate) bell: Bell,
}

impl Waiting {
    /// Of a window whose display is connected by this; by SDL's means, if that is not known.
    pub(crate) fn new(connection: Option<OwnedFd>, sdl: &Sdl) -> Result<Self> {
        let way = if connection.is_some() {
            Way::Own(sys::Event::new()?)
        } else {
            let event = sdl.event().and_then(|events| sdl::register_event(&events)).map_err(failed)?;
            let sender = Arc::new(Mutex::new(Some(sdl.event().map_err(failed)?.event_sender())));
            Way::Sdl { sender, event }
        };
        Ok(Self { connection, bell: Bell(way) })
    }

    /// The next event; `None` if it was woken before one came, or it is `until`.
    pub(crate) fn event(&self, pump: &mut EventPump, until: Instant) -> Option<Event> {
        let (Some(connection), Way::Own(wake)) = (&self.connection, &self.bell.0) else {
            let wait = until.saturating_duration_since(Instant::now());
            // Rounded up: a wait that ends too early is followed by another.
            return pump.wait_event_timeout(wait.as_millis() as u32 + 1);
        };
        // What was read while something was drawn is not to be read again.
        if let Some(event) = pump.poll_event() {
            return Some(event);
        }
        let mut files = [PollFd::new(connection, PollFlags::IN), PollFd::new(wake, PollFlags::IN)];
        // Where the system cannot wait, the caller looks more often.
        let _ = wait_until(&mut files, Some(until));
        if !files[1].revents().is_empty() {
            wake.clear();
        }
        pump.poll_event()
    }
}

impl Bell {
    /// Makes the window look into its mailbox now.
    pub(crate) fn ring(&self) {
        match &self.0 {
            Way::Own(wake) => wake.raise(),
            Way::Sdl { sender, event } => {
                let sender = lock(sender);
                let event = Event::User {
                    timestamp: 0,
                    window_id: 0,
                    type_: *event,
                    code: 0,
                    data1: std::ptr::null_mut(),
                    data2: std::ptr::null_mut(),
                };
                if let Some(sender) = &*sender {
                    // It fails only when thousands of events wait already, and then the window is about to look anyway.
                    let _ = sender.push_event(event);
                }
            }
        }
    }

    pub(crate) fn end(&self) {
        if let Way::Sdl { sender, .. } = &self.0 {
            *lock(sender) = None;
        }
    }
}
