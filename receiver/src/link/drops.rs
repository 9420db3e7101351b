//! What the kernel dropped because the socket's buffer was full: apart from what the network lost.

use std::os::fd::AsFd;

/// Datagrams that the kernel dropped at this socket, as `/proc/net/udp` and `udp6` tell (proc(5)).
pub(super) fn kernel_dropped(socket: impl AsFd) -> Option<u64> {
    let inode = rustix::fs::fstat(socket).ok()?.st_ino;
    ["/proc/net/udp", "/proc/net/udp6"].into_iter().find_map(|table| {
        let table = std::fs::read_to_string(table).ok()?;
        table.lines().skip(1).find_map(|line| dropped_of(line, inode))
    })
}

/// The last column, if the line is that of the socket with this inode.
fn dropped_of(line: &str, inode: u64) -> Option<u64> {
    let mut columns = line.split_whitespace();
    let own = columns.nth(INODE_COLUMN)?.parse() == Ok(inode);
    own.then(|| columns.next_back()?.parse().ok())?
}

const INODE_COLUMN: usize = 9;

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
