//! TLS over connections that never block: rustls does it, and the sockets stay ours.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::crypto::ring::default_provider;
use rustls::{ServerConfig, ServerConnection};

use super::certificate::{self, Certificate};
use crate::app::keys::hold_secret;

/// What connections are made secret with.
#[derive(Clone)]
pub(super) struct Tls {
    config: Arc<ServerConfig>,
}

/// One connection's part of it. Calls fail with `WouldBlock` where they would have to wait.
#[derive(Debug)]
pub(super) struct TlsSession {
    inner: Box<ServerConnection>,
}

impl Tls {
    /// With the certificate in this file, whose private key is in the other.
    ///
    /// # Errors
    /// If they are not that, with the way out.
    pub(super) fn read(path: &Path, key_path: &Path) -> Result<Self> {
        let Certificate { chain, key } = certificate::read(path, key_path)?;
        hold_secret();
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().context("TLS cannot be set up")?;
        let config = builder.with_no_client_auth().with_single_cert(chain, key);
        let config = config.map_err(|error| certificate::refused(&error, path, key_path))?;
        Ok(Self { config: Arc::new(config) })
    }

    pub(super) fn begin(&self) -> io::Result<TlsSession> {
        let inner = ServerConnection::new(self.config.clone()).map_err(io::Error::other)?;
        Ok(TlsSession { inner: Box::new(inner) })
    }
}

impl TlsSession {
    /// Goes on with the handshake, until it is done.
    pub(super) fn shake_hands(&mut self, stream: &TcpStream) -> io::Result<()> {
        while self.inner.is_handshaking() {
            unless_blocked(self.flush(stream))?;
            if self.inner.is_handshaking() && self.take_in(stream)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        self.flush(stream)
    }

    /// Whether the handshake waits for room to write too.
    pub(super) fn wants_write(&self) -> bool {
        self.inner.wants_write()
    }

    /// Reads what has come; 0 is the end.
    pub(super) fn read(&mut self, stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Each answer says its length, so that an end without a goodbye cuts nothing off unseen.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            // A key that is to change is answered.
            unless_blocked(self.flush(stream))?;
            if self.take_in(stream)? == 0 {
                return Ok(0);
            }
        }
    }

    /// Takes some of this to be written, once all that was taken before is the system's.
    pub(super) fn write(&mut self, stream: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.flush(stream)?;
        self.inner.writer().write_vectored(slices)
    }

    /// Gives the system all that was taken.
    pub(super) fn flush(&mut self, mut stream: &TcpStream) -> io::Result<()> {
        while self.inner.wants_write() {
            self.inner.write_tls(&mut stream)?;
        }
        Ok(())
    }

    /// Says goodbye, without waiting.
    pub(super) fn close(&mut self, stream: &TcpStream) {
        self.inner.send_close_notify();
        let _ = self.flush(stream);
    }

    /// Reads some of what the system has; 0 is the end.
    fn take_in(&mut self, mut stream: &TcpStream) -> io::Result<usize> {
        let read = self.inner.read_tls(&mut stream)?;
        if let Err(error) = self.inner.process_new_packets() {
            tracing::debug!("a TLS connection ends: {error}");
            // The peer is told why.
            let _ = self.flush(stream);
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
        Ok(read)
    }
}

/// What could not be written now is written with what comes next.
fn unless_blocked(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        done => done,
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
