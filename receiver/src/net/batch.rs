//! Reads one socket in batches: segments that the kernel joined are split again, and each datagram gets its time of
//! arrival.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::Socket;

/// A socket, and what is needed to read it.
pub(super) struct BatchReader {
    pub(super) socket: Socket,
    state: UdpSocketState,
    /// When the newest datagram arrived: the wall clock may be set, and then nothing arrives before what came before
    /// it.
    newest: Option<Instant>,
}

/// Where a batch is read to; one serves several sockets in turn.
pub(super) struct BatchBuffers {
    /// [`BATCH`] buffers of [`PLACE`] bytes.
    bytes: Vec<u8>,
    metas: [RecvMeta; BATCH],
}

impl BatchBuffers {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; BATCH * PLACE], metas: [RecvMeta::default(); BATCH] }
    }
}

impl BatchReader {
    /// Sets the socket up: it never blocks, and the kernel joins datagrams, stamps them, and says where they were sent
    /// to.
    pub(super) fn new(socket: Socket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self { socket, state, newest: None })
    }

    /// Gives each datagram of a batch to `handle`, with where it came from, which address it was sent to, and when it
    /// arrived, until `handle` says `false`; then returns `false` too. What came by another interface than `only` is
    /// left out.
    pub(super) fn receive(
        &mut self,
        buffers: &mut BatchBuffers,
        only: Option<u32>,
        mut handle: impl FnMut(SocketAddr, Option<IpAddr>, Instant, &mut [u8]) -> bool,
    ) -> io::Result<bool> {
        let count = {
            let mut left = buffers.bytes.chunks_exact_mut(PLACE);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(left.next().expect("as many buffers as slices")));
            match self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut buffers.metas) {
                Ok(count) => count,
                Err(error) if is_passing(&error) => return Ok(true),
                Err(error) => return Err(error),
            }
        };
        let clocks = (Instant::now(), SystemTime::now());
        for (meta, place) in buffers.metas[..count].iter().zip(buffers.bytes.chunks_exact_mut(PLACE)) {
            if only.is_some() && meta.interface_index.is_some() && meta.interface_index != only {
                continue;
            }
            let arrived = arrival(meta.timestamp, clocks).max(self.newest.unwrap_or(clocks.0 - TOO_OLD));
            self.newest = Some(arrived);
            // What the kernel joined is taken apart again. An empty datagram is one too.
            let stride = meta.stride.max(1);
            let mut rest = &mut place[..meta.len];
            loop {
                let (datagram, after) = rest.split_at_mut(stride.min(rest.len()));
                if !handle(meta.addr, meta.dst_ip, arrived, datagram) {
                    return Ok(false);
                }
                if after.is_empty() {
                    break;
                }
                rest = after;
            }
        }
        Ok(true)
    }

    /// Sends one datagram, from the address `from` if one is given; where there is no room for it now, it is dropped.
    pub(super) fn send(&self, to: SocketAddr, from: Option<IpAddr>, bytes: &[u8]) -> io::Result<()> {
        let transmit =
            Transmit { destination: to, ecn: None, contents: bytes, segment_size: None, src_ip: from };
        match self.state.try_send(UdpSockRef::from(&self.socket), &transmit) {
            Ok(()) => Ok(()),
            // Somebody's port was closed when an earlier one arrived: not this one's affair.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            Err(error) if is_full(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// When a datagram arrived that the kernel stamped so long after the Unix epoch, as it is `now` on both clocks.
///
/// A stamp that lies ahead, or too far back, is from before the wall clock was set, and worth nothing.
fn arrival(stamp: Option<Duration>, (now, wall): (Instant, SystemTime)) -> Instant {
    let age = stamp
        .and_then(|stamp| SystemTime::UNIX_EPOCH.checked_add(stamp))
        .and_then(|stamp| wall.duration_since(stamp).ok())
        .filter(|&age| age < TOO_OLD);
    age.and_then(|age| now.checked_sub(age)).unwrap_or(now)
}

/// Errors of a moment: nothing is there, or an answer to something that was sent earlier came back.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(
        error.kind(),
        E::WouldBlock
            | E::Interrupted
            | E::ConnectionRefused
            | E::ConnectionReset
            | E::HostUnreachable
            | E::NetworkUnreachable
            | E::NetworkDown
    )
}

/// The socket's or the interface's queue has no room.
fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

/// Reads of one call. On a real network each is one datagram or a few; on loopback each is up to 64.
const BATCH: usize = 16;
/// What the kernel joins at most.
const PLACE: usize = 1 << 16;
/// Longer than datagrams wait for a thread on any computer that still shows a picture.
const TOO_OLD: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_counts_unless_the_wall_clock_was_set_meanwhile() {
        let clocks @ (now, wall) = (Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(1000));
        let arrived = |ms| arrival(Some(Duration::from_millis(ms)), clocks);
        assert_eq!(wall, SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000));
        assert_eq!(arrived(1_000_000), now);
        assert_eq!(arrived(999_930), now - Duration::from_millis(70));
        for useless in [arrived(999_900), arrived(5), arrived(1_000_001), arrival(None, clocks)] {
            assert_eq!(useless, now);
        }
        assert_eq!(arrival(Some(Duration::MAX), clocks), now);
    }
}
