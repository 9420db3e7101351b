//! What the kernel dropped because the socket's buffer was full, apart from what the filter dropped.
#![allow(unsafe_code, reason = "one libc call; no safe crate here offers SO_MEMINFO")]

use std::fs;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use libc::{c_void, socklen_t};

/// What was dropped at a socket, for whoever wants to know.
///
/// The system counts what finds no room and what a filter turns away as one. Only while there is a filter they are told
/// apart, by what all sockets of this computer had no room for meanwhile: so at most too much is taken for the former.
#[derive(Clone, Debug, Default)]
pub(super) struct Drops(Arc<SocketCounts>);

#[derive(Debug, Default)]
struct SocketCounts {
    /// Odd while there is a filter.
    turn: AtomicU32,
    /// Without room, when it was looked at last while there is a filter.
    without_room: AtomicU64,
    turned_away: AtomicU64,
}

impl Drops {
    /// Datagrams that the kernel dropped because nobody read them in time; 0 where the system does not tell. One system
    /// call.
    pub(super) fn without_room(&self, socket: &impl AsRawFd) -> u64 {
        let SocketCounts { turn, without_room, turned_away } = &*self.0;
        let before = turn.load(Ordering::SeqCst);
        let dropped = dropped(socket).unwrap_or(0);
        let away = turned_away.load(Ordering::SeqCst);
        if before % 2 == 1 || turn.load(Ordering::SeqCst) != before {
            return without_room.load(Ordering::SeqCst);
        }
        u64::from(dropped.wrapping_sub(away as u32))
    }

    /// Datagrams that it turned away because it was told to.
    pub(super) fn turned_away(&self) -> u64 {
        self.0.turned_away.load(Ordering::SeqCst)
    }
}

/// Tells the two apart, on behalf of who sets the filter.
#[derive(Debug)]
pub(super) struct Ledger {
    drops: Drops,
    /// All that was dropped at the socket, and what all sockets had no room for, when it was looked at last.
    seen: (u32, u64),
}

impl Ledger {
    /// Begins to; before there is a filter.
    pub(super) fn begin(drops: &Drops, socket: &impl AsRawFd) -> Self {
        drops.0.without_room.store(drops.without_room(socket), Ordering::SeqCst);
        drops.0.turn.fetch_add(1, Ordering::SeqCst);
        Self { drops: drops.clone(), seen: seen(socket) }
    }

    /// Looks again.
    pub(super) fn look(&mut self, socket: &impl AsRawFd) {
        let now = seen(socket);
        let before = std::mem::replace(&mut self.seen, now);
        let dropped = u64::from(now.0.wrapping_sub(before.0));
        let without_room = dropped.min(now.1.saturating_sub(before.1));
        self.drops.0.without_room.fetch_add(without_room, Ordering::SeqCst);
        self.drops.0.turned_away.fetch_add(dropped - without_room, Ordering::SeqCst);
    }

    /// Ends it; after the filter is gone.
    pub(super) fn end(mut self, socket: &impl AsRawFd) {
        self.look(socket);
        self.drops.0.turn.fetch_add(1, Ordering::SeqCst);
    }
}

fn seen(socket: &impl AsRawFd) -> (u32, u64) {
    // In this order: what finds no room in between is not taken for turned away.
    (dropped(socket).unwrap_or(0), all_without_room())
}

/// Datagrams that were dropped at this socket (socket(7), SO_MEMINFO; Linux 4.12). `None` where the system does not
/// tell.
///
/// `/proc/net/udp` says the same, but leaves lines out while other sockets come and go.
fn dropped(socket: &impl AsRawFd) -> Option<u32> {
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
    (result == 0).then_some(values[SK_MEMINFO_DROPS])
}

/// Datagrams that the buffers of all UDP sockets here had no room for; 0 where the system does not tell (proc(5)).
fn all_without_room() -> u64 {
    let read = |name| fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
    let (four, six) = (read("snmp"), read("snmp6"));
    let [names, values] = {
        let mut lines = four.lines().filter_map(|line| line.strip_prefix("Udp: "));
        [lines.next(), lines.next()].map(|line| line.unwrap_or_default().split_whitespace())
    };
    let four = names.zip(values).find_map(|(name, value)| (name == "RcvbufErrors").then_some(value));
    let six = six.lines().find_map(|line| line.strip_prefix("Udp6RcvbufErrors"));
    [four, six].into_iter().flatten().filter_map(|value| value.trim().parse::<u64>().ok()).sum()
}

/// From linux/sock_diag.h.
const SK_MEMINFO_DROPS: usize = 8;
const SK_MEMINFO_VARS: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{SockFilter, Socket};
    use std::net::UdpSocket;

    /// Sends so many to it that some may find no room.
    fn send(socket: &Socket, count: usize) {
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..count {
            sender.send_to(&[0; 1000], socket.local_addr().unwrap().as_socket().unwrap()).unwrap();
        }
    }

    #[test]
    fn drops_are_counted_when_the_buffer_is_full() {
        let socket = Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap());
        socket.set_recv_buffer_size(4096).unwrap();
        let drops = Drops::default();
        assert_eq!(drops.without_room(&socket), 0);
        let before = all_without_room();
        send(&socket, 50);
        let dropped = drops.without_room(&socket);
        assert!((1..50).contains(&dropped), "{dropped} of 50");
        assert!(all_without_room() - before >= dropped);
    }

    #[test]
    fn what_is_turned_away_is_told_from_what_finds_no_room() {
        let socket = Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap());
        socket.set_recv_buffer_size(4096).unwrap();
        let drops = Drops::default();
        send(&socket, 50);
        let before = drops.without_room(&socket);
        let nobody = SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0);
        let mut ledger = Ledger::begin(&drops, &socket);
        socket.attach_filter(&[nobody]).unwrap();
        send(&socket, 300);
        assert_eq!((drops.without_room(&socket), drops.turned_away()), (before, 0));
        ledger.look(&socket);
        // Other sockets of this computer may have been full meanwhile, but not so often.
        let sum = |drops: &Drops| drops.without_room(&socket) + drops.turned_away();
        assert_eq!(sum(&drops), before + 300);
        assert!(drops.turned_away() >= 150, "{drops:?}");
        socket.detach_filter().unwrap();
        ledger.end(&socket);
        send(&socket, 10);
        assert_eq!(sum(&drops), before + 310, "the buffer is still full");
    }
}
