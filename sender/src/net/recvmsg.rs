//! Reads a datagram together with the local address that it was sent to, and sends from there: a client takes no reply
//! from another address.
#![allow(unsafe_code, reason = "one libc call, and its control messages; no safe crate here offers them")]

use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

use libc::{c_int, c_void};
use socket2::{MsgHdr, SockAddr, Socket};

/// A datagram that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReceivedDatagram {
    /// Bytes that it had, which may be more than there was room for.
    pub(super) length: usize,
    /// Where it came from.
    pub(super) from: Option<SocketAddr>,
    /// Where it was sent to, if the socket was told to say so.
    pub(super) at: Option<IpAddr>,
    /// The index of the interface that it came by, if that is said too.
    pub(super) by: Option<u32>,
}

/// Reads one datagram, without waiting (recvmsg(2)).
pub(super) fn receive(socket: &Socket, place: &mut [u8]) -> io::Result<ReceivedDatagram> {
    let mut part = libc::iovec { iov_base: place.as_mut_ptr().cast::<c_void>(), iov_len: place.len() };
    let mut control = [0_usize; CONTROL / size_of::<usize>()];
    // SAFETY: all of its fields may be zero.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast::<c_void>();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: `place`, `part`, `control` and the address live through the call, and their sizes are given; the length
    // of the address is what the kernel wrote of it.
    let (length, from) = unsafe {
        SockAddr::try_init(|address, bytes| {
            message.msg_name = address.cast::<c_void>();
            message.msg_namelen = *bytes;
            // With TRUNC, the length is that of the whole datagram.
            let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
            let length = libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags);
            *bytes = message.msg_namelen;
            usize::try_from(length).map_err(|_| io::Error::last_os_error())
        })?
    };
    let (at, by) = address_in(&message).unzip();
    Ok(ReceivedDatagram { length, from: from.as_socket(), at, by })
}

/// Where a datagram was sent to, and by which interface it came, by its control messages (ip(7), IP_PKTINFO; ipv6(7),
/// IPV6_PKTINFO).
fn address_in(message: &libc::msghdr) -> Option<(IpAddr, u32)> {
    // SAFETY: the kernel filled in `message`, whose control buffer is still there, and says how long each message in it
    // is; they are read without asking for alignment.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(message);
        while let Some(header) = next.as_ref() {
            let data = libc::CMSG_DATA(next);
            match (header.cmsg_level, header.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                    let at = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
                    return Some((at.into(), info.ipi_ifindex.cast_unsigned()));
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = data.cast::<libc::in6_pktinfo>().read_unaligned();
                    return Some((Ipv6Addr::from(info.ipi6_addr.s6_addr).into(), info.ipi6_ifindex));
                }
                _ => next = libc::CMSG_NXTHDR(message, next),
            }
        }
        None
    }
}

/// Sends datagrams from this one of the computer's addresses (sendmsg(2)).
pub(super) fn send_from(socket: &Socket, from: IpAddr, to: &SockAddr, bytes: &[u8]) -> io::Result<usize> {
    let mut control = [0; CONTROL];
    let length = match from {
        IpAddr::V4(from) => {
            // struct in_pktinfo: the interface, which the routes choose, the address to send from, and one not looked
            // at.
            let mut info = [0; 12];
            info[4..8].copy_from_slice(&from.octets());
            put(&mut control, libc::IPPROTO_IP, libc::IP_PKTINFO, &info)
        }
        IpAddr::V6(from) => {
            // struct in6_pktinfo: the address to send from, and the interface, which the routes choose.
            let mut info = [0; 20];
            info[..16].copy_from_slice(&from.octets());
            put(&mut control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info)
        }
    };
    let part = [IoSlice::new(bytes)];
    let message = MsgHdr::new().with_addr(to).with_buffers(&part).with_control(&control[..length]);
    socket.sendmsg(&message, 0)
}

/// Writes one control message (cmsg(3)); returns how many bytes it takes.
fn put(control: &mut [u8; CONTROL], level: c_int, kind: c_int, data: &[u8]) -> usize {
    let header = size_of::<libc::cmsghdr>();
    let length = header + data.len();
    control[..size_of::<usize>()].copy_from_slice(&length.to_ne_bytes());
    control[header - 8..header - 4].copy_from_slice(&level.to_ne_bytes());
    control[header - 4..header].copy_from_slice(&kind.to_ne_bytes());
    control[header..length].copy_from_slice(data);
    length.next_multiple_of(size_of::<usize>())
}

/// Room for one control message with an address of either kind.
const CONTROL: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::sockopt;
    use std::net::UdpSocket;

    #[test]
    fn what_was_sent_to_one_address_is_answered_from_there() {
        let lo = proto::sys::Interface::find("127.0.0.1").unwrap().index;
        for (any, addresses) in [("0.0.0.0:0", &["127.0.0.1", "127.0.0.9"][..]), ("[::1]:0", &["::1"])] {
            let Ok(asked) = UdpSocket::bind(any).map(Socket::from) else { continue };
            sockopt::tell_address(&asked, any.starts_with('0')).unwrap();
            let port = asked.local_addr().unwrap().as_socket().unwrap().port();
            for address in addresses {
                let address: IpAddr = address.parse().unwrap();
                let subscriber =
                    UdpSocket::bind((if address.is_ipv4() { "127.0.0.1" } else { "::1" }, 0)).unwrap();
                subscriber.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
                subscriber.send_to(b"ask", (address, port)).unwrap();
                let mut place = [0; 2];
                let from = subscriber.local_addr().unwrap();
                let arrival = receive(&asked, &mut place).unwrap();
                let by = Some(lo);
                assert_eq!(arrival, ReceivedDatagram { length: 3, from: Some(from), at: Some(address), by });
                assert_eq!(&place, b"as");
                send_from(&asked, address, &from.into(), b"answer").unwrap();
                assert_eq!(subscriber.recv_from(&mut [0; 9]).unwrap(), (6, (address, port).into()));
            }
            assert_eq!(receive(&asked, &mut [0; 9]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    }
}
