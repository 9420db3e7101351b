//! A UDP socket: many datagrams sent in one call where the kernel can, and feedback read.

mod only;
mod open;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use proto::Transmit;
use socket2::Socket;

use only::Only;

use super::address::Peer;
use super::errors::{is_passing, is_refusal_of_offload};
use super::recvmsg::{self, ReceivedDatagram};
use super::route::Route;
use super::sockopt;

/// A socket that sends, to one destination or to many, and never waits.
#[derive(Debug)]
pub struct SendSocket {
    socket: Socket,
    /// By which single receivers are sent to where the socket is a stream's: with a buffer of its own, so that who
    /// does not exist, whom the kernel looks for for seconds (arp(7)), takes no room from the stream.
    aside: Option<Socket>,
    /// What the kernel cuts sends into now; 0 for nothing.
    segment: usize,
    /// The only interface by which it serves, if one was named.
    only: Option<Only>,
    /// Where what comes back is read to.
    place: Box<[u8]>,
    /// What came back from anybody else.
    strangers: u64,
}

impl SendSocket {
    /// Where it is bound.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// Its port.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn port(&self) -> io::Result<u16> {
        self.local().map(|local| local.port())
    }

    /// How many bytes the system keeps until they are sent.
    pub fn send_buffer(&self) -> usize {
        self.socket.send_buffer_size().unwrap_or(0)
    }

    /// How many datagrams came that nobody here expected, or that are longer than any receiver's.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }

    /// Sends one or several datagrams by `route`: to its destination, or, in a group, to one receiver alone. Returns
    /// how many of the bytes were taken: fewer than there are when the socket's buffer is full ([`WritableSet`]). What
    /// one receiver of a group alone is sent is lost then.
    ///
    /// # Errors
    /// What the system says; then all or some of them are not sent.
    pub fn send(&mut self, route: &mut Route, transmit: &Transmit<'_, SocketAddr>) -> io::Result<usize> {
        if let (Some(address), Some(aside)) = (transmit.to, &self.aside) {
            let to = Peer { address, at: route.from };
            let send = |datagram| write(aside, to, datagram);
            let sent = transmit.bytes.chunks(transmit.segment).try_for_each(send);
            return sent.or_else(lost_where_full).map(|()| transmit.bytes.len());
        }
        let to = Peer { address: transmit.to.unwrap_or_else(|| route.to()), at: route.from };
        if route.offload && transmit.bytes.len() > transmit.segment {
            match self.send_segmented(to, transmit) {
                // Some interfaces and kernels cannot; single datagrams always work.
                Err(error) if is_refusal_of_offload(&error) => {
                    route.offload = false;
                    self.segment = 0;
                    // Where even this is refused, it was never on.
                    let _ = sockopt::set_segment(&self.socket, 0);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                done => return done.map(|()| transmit.bytes.len()),
            }
        }
        let (mut result, mut sent) = (Ok(()), 0);
        for datagram in transmit.bytes.chunks(transmit.segment) {
            match self.send_single(to, datagram) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => result = Err(error),
                Ok(()) => {}
            }
            sent += datagram.len();
        }
        result.map(|()| sent)
    }

    /// Sends one reply, from the address that the request was sent to.
    ///
    /// # Errors
    /// What the system says; then it is not sent.
    pub fn answer(&mut self, peer: Peer, datagram: &[u8]) -> io::Result<()> {
        match &self.aside {
            Some(aside) => write(aside, peer, datagram),
            None => self.send_single(peer, datagram),
        }
    }

    /// Gives what has come back, with who sent it, to `handle`, which says whether somebody here expected it, and may
    /// answer: at most so many datagrams, so that the caller sees to other things in between. It does not wait. Returns
    /// how many were read.
    ///
    /// # Errors
    /// If the socket cannot be read.
    pub fn receive(
        &mut self,
        most: usize,
        mut handle: impl FnMut(&mut Self, Peer, &mut [u8]) -> bool,
    ) -> io::Result<usize> {
        let mut place = std::mem::take(&mut self.place);
        let mut read = 0;
        let result = loop {
            if read == most {
                break Ok(read);
            }
            match recvmsg::receive(&self.socket, &mut place) {
                // By another interface than the one that was named: as if nobody was here.
                Ok(ReceivedDatagram { by: Some(by), .. })
                    if self.only.as_ref().is_some_and(|only| !only.is(by)) => {}
                Ok(ReceivedDatagram { length, from, at, .. }) => {
                    let is_expected = match (from, place.get_mut(..length)) {
                        (Some(address), Some(datagram)) => handle(self, Peer { address, at }, datagram),
                        _ => false,
                    };
                    self.strangers += u64::from(!is_expected);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(read),
                Err(error) if is_passing(&error) => {}
                Err(error) => break Err(error),
            }
            read += 1;
        };
        self.place = place;
        result
    }

    fn send_segmented(&mut self, to: Peer, transmit: &Transmit<'_, SocketAddr>) -> io::Result<()> {
        if self.segment != transmit.segment {
            sockopt::set_segment(&self.socket, transmit.segment)?;
            self.segment = transmit.segment;
        }
        write(&self.socket, to, transmit.bytes)
    }

    fn send_single(&mut self, to: Peer, datagram: &[u8]) -> io::Result<()> {
        // One that is longer than the last segment size would be cut by it.
        if self.segment != 0 && self.segment < datagram.len() {
            sockopt::set_segment(&self.socket, 0)?;
            self.segment = 0;
        }
        write(&self.socket, to, datagram)
    }
}

impl AsFd for SendSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn write(socket: &Socket, to: Peer, bytes: &[u8]) -> io::Result<()> {
    let address = to.address.into();
    loop {
        let sent = match to.at {
            None => socket.send_to(bytes, &address),
            Some(at) => recvmsg::send_from(socket, at, &address, bytes),
        };
        match sent {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Somebody's port was closed when an earlier datagram arrived: not this one's affair.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error),
        }
    }
}

fn lost_where_full(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::WouldBlock { Ok(()) } else { Err(error) }
}

/// More than any datagram that receivers send.
const PLACE: usize = 2048;
