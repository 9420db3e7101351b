//! Socket options that no safe crate here offers.
#![allow(unsafe_code, reason = "two libc calls; everything else in this crate is safe")]

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use libc::{c_int, c_void, socklen_t};

/// Has the kernel cut what is sent into datagrams of this many bytes (UDP_SEGMENT, Linux 4.18); 0 switches that off.
pub(super) fn set_segment(socket: &impl AsRawFd, bytes: usize) -> io::Result<()> {
    set(socket, libc::SOL_UDP, libc::UDP_SEGMENT, c_int::try_from(bytes).unwrap_or(c_int::MAX))
}

/// Forbids fragmentation: what is too large for the path is refused when it is sent (ip(7), IP_MTU_DISCOVER). If the
/// path is `direct`, no router can say what that is: only the interface counts.
pub(super) fn forbid_fragmentation(socket: &impl AsRawFd, is_ipv4: bool, is_direct: bool) -> io::Result<()> {
    match (is_ipv4, is_direct) {
        (true, false) => set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DO),
        (true, true) => set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE),
        (false, false) => set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DO),
        (false, true) => set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE),
    }
}

/// Has what is sent to single addresses leave by this interface (ip(7), IP_UNICAST_IF, Linux 3.4; IPV6_UNICAST_IF).
/// Unlike binding to the interface, it can be set again, whoever asks for it.
pub(super) fn leave_by(socket: &impl AsRawFd, is_ipv4: bool, index: u32) -> io::Result<()> {
    let index = index.to_be().cast_signed();
    if is_ipv4 {
        set(socket, libc::IPPROTO_IP, libc::IP_UNICAST_IF, index)
    } else {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_IF, index)
    }
}

/// Has what is sent to groups leave by this interface, and from this address of it (ip(7), IP_MULTICAST_IF).
pub(super) fn leave_for_groups_by(socket: &impl AsRawFd, index: u32, from: Ipv4Addr) -> io::Result<()> {
    let to_every_group = libc::in_addr { s_addr: 0 };
    let from = libc::in_addr { s_addr: u32::from(from).to_be() };
    let way =
        libc::ip_mreqn { imr_multiaddr: to_every_group, imr_address: from, imr_ifindex: index.cast_signed() };
    set(socket, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, way)
}

/// Has the kernel say of each datagram which of this computer's addresses it was sent to (ip(7), IP_PKTINFO; ipv6(7),
/// IPV6_RECVPKTINFO).
pub(super) fn tell_address(socket: &impl AsRawFd, is_ipv4: bool) -> io::Result<()> {
    if is_ipv4 {
        set(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)
    } else {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
    }
}

/// What the path to a connected socket's peer takes whole, in bytes, as far as the kernel knows (ip(7), IP_MTU).
pub(super) fn path_mtu(socket: &impl AsRawFd, is_ipv4: bool) -> io::Result<usize> {
    let (level, name) =
        if is_ipv4 { (libc::IPPROTO_IP, libc::IP_MTU) } else { (libc::IPPROTO_IPV6, libc::IPV6_MTU) };
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>() as socklen_t;
    // SAFETY: `value` and `length` live through the call, and `length` is the size of `value`.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut value).cast::<c_void>(), &raw mut length)
    };
    if result == 0 { Ok(usize::try_from(value).unwrap_or(0)) } else { Err(io::Error::last_os_error()) }
}

/// Has all that arrives go to the first of the sockets that share this one's port (socket(7),
/// SO_ATTACH_REUSEPORT_CBPF, Linux 4.5).
pub(super) fn first_hears_all(socket: &impl AsRawFd) -> io::Result<()> {
    let mut code = [libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: 0 }];
    let program = libc::sock_fprog { len: 1, filter: code.as_mut_ptr() };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF, program)
}

fn set<T: Copy>(socket: &impl AsRawFd, level: c_int, name: c_int, value: T) -> io::Result<()> {
    // SAFETY: `value` lives through the call, and its size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast::<c_void>(),
            size_of::<T>() as socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
