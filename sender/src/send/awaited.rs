//! A destination that cannot be sent to yet: the network is not up, or its name does not resolve.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result};
use proto::sys::{Event, NotNow};

use crate::net::{Dest, NetworkOptions, Route, SendSocket, is_gone};

/// A destination that is tried again until it can be sent to. Nobody waits for it, nor for the name service.
#[derive(Debug)]
pub(crate) struct Awaited {
    dest: Dest,
    /// When it is tried again; `None` while its name is looked up.
    again: Option<Instant>,
    pause: Duration,
    /// The lookup of its name that is under way.
    lookup: Option<Receiver<Result<SocketAddr>>>,
    /// Tells that a lookup has ended.
    bell: Event,
    /// What was said of it last: people are told once.
    said: String,
}

impl Awaited {
    /// One that was not tried yet.
    pub(crate) fn new(dest: Dest, bell: &Event) -> Self {
        let said = String::new();
        Self { dest, again: None, pause: FIRST_PAUSE, lookup: None, bell: bell.clone(), said }
    }

    /// Tries it for the first time; waits a moment for its name, which is known by then if it is at all.
    ///
    /// # Errors
    /// What does not pass by itself.
    pub(crate) fn first_try(
        &mut self,
        options: &NetworkOptions,
        now: Instant,
    ) -> Result<Option<(SendSocket, Route)>> {
        let Some(lookup) = self.start_lookup()? else { return self.judge(self.open(options), now) };
        match lookup.recv_timeout(PATIENCE) {
            Ok(found) => self.judge(found.and_then(|to| open(to, options)), now),
            Err(RecvTimeoutError::Timeout) => {
                self.lookup = Some(lookup);
                Ok(None)
            }
            Err(RecvTimeoutError::Disconnected) => self.judge(Err(no_answer()), now),
        }
    }

    /// Whether it can be sent to now, where it is time to try.
    pub(crate) fn try_again(
        &mut self,
        options: &NetworkOptions,
        now: Instant,
    ) -> Option<(SendSocket, Route)> {
        let tried = match &self.lookup {
            Some(lookup) => match lookup.try_recv() {
                Ok(found) => found.and_then(|to| open(to, options)),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => Err(no_answer()),
            },
            None if self.again.is_some_and(|again| again <= now) => match self.start_lookup() {
                Ok(Some(lookup)) => {
                    (self.lookup, self.again) = (Some(lookup), None);
                    return None;
                }
                Ok(None) => self.open(options),
                Err(error) => Err(error),
            },
            None => return None,
        };
        self.lookup = None;
        // What does not pass by itself is tried again as well, now that others are sent to.
        self.judge(tried, now).unwrap_or_else(|error| {
            self.put_off(&error, now);
            None
        })
    }

    /// When it is tried again, if nothing changes before.
    pub(crate) fn next_try(&self) -> Option<Instant> {
        self.again
    }

    /// Has it tried again soon: something has changed.
    pub(crate) fn hurry(&mut self, now: Instant) {
        if self.again.is_some() {
            (self.again, self.pause) = (Some(now), FIRST_PAUSE);
        }
    }

    fn open(&self, options: &NetworkOptions) -> Result<(SendSocket, Route)> {
        self.dest.look_up().and_then(|to| open(to, options))
    }

    /// What was tried came to this: there is somebody to send to, or there may be later.
    fn judge(
        &mut self,
        tried: Result<(SendSocket, Route)>,
        now: Instant,
    ) -> Result<Option<(SendSocket, Route)>> {
        match tried {
            Ok(opened) => Ok(Some(opened)),
            Err(error) if may_pass(&error) => {
                self.put_off(&error, now);
                Ok(None)
            }
            Err(error) => Err(error).with_context(|| format!("--dest {}", self.dest.text)),
        }
    }

    fn put_off(&mut self, error: &Error, now: Instant) {
        let why = format!("--dest {}: {error:#}; it is tried again until it can be sent to", self.dest.text);
        if why != self.said {
            tracing::warn!("{why}");
            self.said = why;
        }
        self.again = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Has its name looked up, if it has one: the system may take half a minute to find that it is not known. Nobody
    /// waits for the end of that.
    fn start_lookup(&self) -> Result<Option<Receiver<Result<SocketAddr>>>> {
        if !self.dest.is_name() {
            return Ok(None);
        }
        let (found, lookup) = sync_channel(1);
        let (dest, bell) = (self.dest.clone(), self.bell.clone());
        let look_up = move || {
            let _ = found.send(dest.look_up());
            bell.raise();
        };
        Builder::new().name("lookup".into()).spawn(look_up).context("cannot start the lookup thread")?;
        Ok(Some(lookup))
    }
}

fn open(to: SocketAddr, options: &NetworkOptions) -> Result<(SendSocket, Route)> {
    let route = Route::find(to, options)?;
    Ok((SendSocket::open(&route, options)?, route))
}

fn no_answer() -> Error {
    NotNow("its name could not be looked up".into()).into()
}

fn may_pass(error: &Error) -> bool {
    error.is::<NotNow>() || error.downcast_ref::<io::Error>().is_some_and(is_gone)
}

/// Most names are known within a tenth of this, and nobody who starts a program minds it.
const PATIENCE: Duration = Duration::from_millis(500);
/// A network that comes up is there within seconds, and says so itself.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn awaited(dest: &str, bell: &Event) -> Awaited {
        let args = crate::args::Args::parse_from(["sender", "--dest", dest]);
        Awaited::new(args.dest[0].clone(), bell)
    }

    #[test]
    fn what_may_pass_is_tried_again_ever_more_rarely_and_at_once_when_something_changes() {
        let (bell, t0) = (Event::new().unwrap(), Instant::now());
        let options = NetworkOptions { interface: Some("nosuch0".into()), ..NetworkOptions::default() };
        let at = |seconds| t0 + Duration::from_secs(seconds);
        let mut awaited = awaited("127.0.0.1:9", &bell);
        assert!(awaited.first_try(&options, t0).unwrap().is_none());
        assert!(awaited.said.contains("nosuch0") && awaited.said.contains("tried again"), "{}", awaited.said);
        for (tried, next) in [(0, 1), (1, 3), (3, 7), (7, 15), (15, 25), (25, 35)] {
            assert!(awaited.try_again(&options, at(tried)).is_none());
            assert_eq!(awaited.next_try(), Some(at(next)));
        }
        awaited.hurry(at(26));
        let options = NetworkOptions::default();
        let (_, route) = awaited.try_again(&options, at(26)).unwrap();
        assert_eq!(route.to(), "127.0.0.1:9".parse().unwrap());
    }

    #[test]
    fn a_name_that_is_not_known_is_looked_up_again_while_nobody_waits() {
        let (bell, options) = (Event::new().unwrap(), NetworkOptions::default());
        let mut awaited = awaited("no-such-host.invalid:9", &bell);
        assert!(awaited.first_try(&options, Instant::now()).unwrap().is_none());
        if awaited.lookup.is_some() {
            assert!(bell.wait(Duration::from_secs(60)));
            assert!(awaited.try_again(&options, Instant::now()).is_none());
        }
        assert!(awaited.said.contains("no-such-host.invalid"), "{}", awaited.said);
        let next = awaited.next_try().unwrap();
        bell.clear();
        assert!(awaited.try_again(&options, next).is_none() && awaited.lookup.is_some());
    }

    #[test]
    fn what_does_not_pass_is_an_error_and_a_name_that_is_known_is_sent_to() {
        let (bell, now) = (Event::new().unwrap(), Instant::now());
        let options = NetworkOptions { mtu: Some(30), ..NetworkOptions::default() };
        let error = awaited("127.0.0.1:9", &bell).first_try(&options, now).unwrap_err();
        assert!(
            format!("{error:#}").contains("--dest 127.0.0.1:9") && format!("{error:#}").contains("--mtu")
        );
        let found = awaited("localhost:9", &bell).first_try(&NetworkOptions::default(), now);
        assert!(found.unwrap().unwrap().1.to().ip().is_loopback());
    }
}
