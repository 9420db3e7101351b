//! In place of TLS, in programs that were built without it.

use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Result, bail};

/// There is none.
#[derive(Clone, Debug)]
pub(super) enum Tls {}

/// There is none.
#[derive(Debug)]
pub(super) enum TlsSession {}

impl Tls {
    /// Never.
    ///
    /// # Errors
    /// Always.
    pub(super) fn read(_: &Path, _: &Path) -> Result<Self> {
        bail!(
            "--http-cert: this program was built without TLS (the feature \"tls\"); a proxy on this computer can do it"
        )
    }

    pub(super) fn begin(&self) -> io::Result<TlsSession> {
        match *self {}
    }
}

impl TlsSession {
    pub(super) fn shake_hands(&mut self, _: &TcpStream) -> io::Result<()> {
        match *self {}
    }

    pub(super) fn wants_write(&self) -> bool {
        match *self {}
    }

    pub(super) fn read(&mut self, _: &TcpStream, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(super) fn write(&mut self, _: &TcpStream, _: &[IoSlice<'_>]) -> io::Result<usize> {
        match *self {}
    }

    pub(super) fn flush(&mut self, _: &TcpStream) -> io::Result<()> {
        match *self {}
    }

    pub(super) fn close(&mut self, _: &TcpStream) {
        match *self {}
    }
}
