//! The socket option for the interface of outgoing unicast, which no safe crate here offers.
#![allow(unsafe_code, reason = "one libc call")]

use std::io;
use std::os::fd::AsRawFd;

use libc::{c_int, c_void, socklen_t};

/// Has what is sent to single addresses leave by this interface, while answers are taken from any (ip(7),
/// IP_UNICAST_IF, Linux 3.4; IPV6_UNICAST_IF). Unlike binding to the interface, it also reaches a sender on this
/// computer, whose datagrams never come by the interface itself; and it can be set again, whoever asks for it.
pub(super) fn leave_by(socket: &impl AsRawFd, index: u32) -> io::Result<()> {
    // A socket of IPv6 may send to addresses of both.
    let v4 = set(socket, libc::IPPROTO_IP, libc::IP_UNICAST_IF, index);
    let v6 = set(socket, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_IF, index);
    v4.or(v6)
}

fn set(socket: &impl AsRawFd, level: c_int, name: c_int, index: u32) -> io::Result<()> {
    let index = index.to_be();
    // SAFETY: `index` lives through the call, and its size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const index).cast::<c_void>(),
            size_of::<u32>() as socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
