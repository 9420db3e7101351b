//! A connection with a time limit on every wait.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::tls::{Tls, TlsSession};
use crate::sys::{Event, Stop, wait_until};

/// A connection, and the request to stop that ends all waiting for it.
#[derive(Debug)]
pub(super) struct TcpPeer<'a> {
    stream: Arc<TcpStream>,
    stop: &'a Stop,
    tls: Option<TlsSession>,
}

impl<'a> TcpPeer<'a> {
    pub(super) fn new(stream: Arc<TcpStream>, stop: &'a Stop) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        // What is written is written at once.
        stream.set_nodelay(true)?;
        // What waits in the kernel is no longer the newest.
        socket2::SockRef::from(&*stream).set_send_buffer_size(SEND_BUFFER)?;
        Ok(Self { stream, stop, tls: None })
    }

    /// Makes all that follows secret, until then; `false` if the peer speaks no TLS.
    pub(super) fn begin_tls(&mut self, tls: &Tls, until: Instant) -> io::Result<bool> {
        let mut first = [0];
        while let Err(error) = self.stream.peek(&mut first) {
            self.wait_after(error, PollFlags::IN, until)?;
        }
        if first[0] != TLS_HANDSHAKE {
            return Ok(false);
        }
        let mut session = tls.begin()?;
        while let Err(error) = session.shake_hands(&self.stream) {
            let wants = if session.wants_write() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            self.wait_after(error, wants, until)?;
        }
        self.tls = Some(session);
        Ok(true)
    }

    /// Our address that it came to.
    pub(super) fn local(&self) -> io::Result<std::net::IpAddr> {
        Ok(self.stream.local_addr()?.ip())
    }

    /// Reads what is there, or what comes until then; 0 is the end.
    pub(super) fn read(&mut self, buffer: &mut [u8], until: Instant) -> io::Result<usize> {
        loop {
            let read = match &mut self.tls {
                Some(tls) => tls.read(&self.stream, buffer),
                None => (&*self.stream).read(buffer),
            };
            match read {
                Err(error) => self.wait_after(error, PollFlags::IN, until)?,
                read => return read,
            }
        }
    }

    /// Writes all of it until then.
    pub(super) fn write(&mut self, mut slices: &mut [IoSlice<'_>], until: Instant) -> io::Result<()> {
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            let written = match &mut self.tls {
                Some(tls) => tls.write(&self.stream, slices),
                None => (&*self.stream).write_vectored(slices),
            };
            match written {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut slices, written),
                Err(error) => self.wait_after(error, PollFlags::OUT, until)?,
            }
        }
        while let Some(Err(error)) = self.tls.as_mut().map(|tls| tls.flush(&self.stream)) {
            self.wait_after(error, PollFlags::OUT, until)?;
        }
        Ok(())
    }

    /// Waits until `wake` is raised; an error if the peer leaves, or the request to stop comes first. What the peer
    /// says meanwhile is not listened to.
    pub(super) fn wait_for(&mut self, wake: &Event) -> io::Result<()> {
        loop {
            let mut files = [
                PollFd::new(self.stop, PollFlags::IN),
                PollFd::new(&*self.stream, PollFlags::IN),
                PollFd::new(wake, PollFlags::IN),
            ];
            wait_until(&mut files, None)?;
            let [stop, peer, woken] = files.map(|file| !file.revents().is_empty());
            if stop {
                return Err(stopped());
            }
            match if peer { self.read(&mut [0; 512], Instant::now()) } else { Ok(1) } {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                // A part of a record of TLS says nothing yet.
                Err(error) if error.kind() != ErrorKind::TimedOut => return Err(error),
                _ => {}
            }
            if woken {
                return Ok(());
            }
        }
    }

    /// Ends the connection so that the peer still gets what was written last: what it sends is read for a moment, since
    /// closing on unread bytes would make its system throw our answer away.
    pub(super) fn finish(mut self) {
        let until = Instant::now() + LINGER;
        if let Some(mut tls) = self.tls.take() {
            tls.close(&self.stream);
        }
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        let mut left = MOST_IGNORED;
        while left > 0 {
            match self.read(&mut [0; 4096], until) {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
    }

    /// Waits if a call has failed because it would have had to.
    fn wait_after(&self, error: io::Error, flags: PollFlags, until: Instant) -> io::Result<()> {
        match error.kind() {
            ErrorKind::WouldBlock => self.wait(flags, until),
            ErrorKind::Interrupted => Ok(()),
            _ => Err(error),
        }
    }

    fn wait(&self, flags: PollFlags, until: Instant) -> io::Result<()> {
        let mut files = [PollFd::new(self.stop, PollFlags::IN), PollFd::new(&*self.stream, flags)];
        if wait_until(&mut files, Some(until))? == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        if files[0].revents().is_empty() { Ok(()) } else { Err(stopped()) }
    }
}

fn stopped() -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, "the program ends")
}

/// The kind of the first record of TLS (RFC 8446, section 5.1); no request of HTTP begins so.
const TLS_HANDSHAKE: u8 = 22;
/// Bytes; Linux doubles it. On a LAN it is enough for any rate, and holds less than a second of any stream.
const SEND_BUFFER: usize = 64 * 1024;
/// How long a peer may take to see that the connection ends.
const LINGER: Duration = Duration::from_millis(500);
/// How much of what it says then is read.
const MOST_IGNORED: usize = 256 * 1024;
