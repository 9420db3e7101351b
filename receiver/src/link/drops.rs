//! What the kernel dropped because the socket's buffer was full: apart from what the network lost.
#![allow(unsafe_code, reason = "one libc call; no safe crate here offers SO_MEMINFO")]

use std::os::fd::AsRawFd;

use libc::{c_void, socklen_t};

/// Datagrams that the kernel dropped at this socket (socket(7), SO_MEMINFO; Linux 4.12). `None` where it does not tell.
///
/// `/proc/net/udp` says the same, but leaves lines out while other sockets come and go.
pub(super) fn kernel_dropped(socket: &impl AsRawFd) -> Option<u64> {
    let mut values = [0u32; SK_MEMINFO_VARS];
    let mut length = size_of_val(&values) as socklen_t;
    // SAFETY: `values` and `length` live through the call, and `length` is the size of `values`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            values.as_mut_ptr().cast::<c_void>(),
            &raw mut length,
        )
    };
    (result == 0).then(|| u64::from(values[SK_MEMINFO_DROPS]))
}

/// From linux/sock_diag.h.
const SK_MEMINFO_DROPS: usize = 8;
const SK_MEMINFO_VARS: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn drops_are_counted_when_the_buffer_is_full() {
        let socket = socket2::Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap());
        socket.set_recv_buffer_size(4096).unwrap();
        assert_eq!(kernel_dropped(&socket), Some(0));
        let to = socket.local_addr().unwrap();
        let sender = socket2::Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap());
        for _ in 0..50 {
            sender.send_to(&[0; 1000], &to).unwrap();
        }
        let dropped = kernel_dropped(&socket).unwrap();
        assert!((1..50).contains(&dropped), "{dropped} of 50");
    }
}
