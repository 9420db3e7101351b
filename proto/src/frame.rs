//! One encoded picture with its capture time, and pools of buffers.

use std::sync::Arc;
use std::time::Instant;

/// A frame's bytes: shared by whoever shows, stores or sends it, and back in its [`Pool`] when all are done.
pub type Buffer = Arc<Vec<u8>>;

/// A moment on the sending computer's clock, in microseconds since the Unix epoch.
///
/// The sender reads its wall clock once, at its start, and goes on from there with its monotonic clock: within one
/// session these moments never jump, whatever happens to the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaTime(u64);

impl MediaTime {
    /// The moment `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Microseconds from `earlier` to this moment; negative if `earlier` is later.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0) as i64
    }
}

/// Relates the instants of `poll` to the media time that travels.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    instant: Instant,
    time: MediaTime,
}

impl Clock {
    /// A clock that showed `time` at `instant`.
    pub const fn new(instant: Instant, time: MediaTime) -> Self {
        Self { instant, time }
    }

    /// What it shows at `instant`.
    pub fn at(&self, instant: Instant) -> MediaTime {
        let micros = self.time.as_micros();
        MediaTime::from_micros(match instant.checked_duration_since(self.instant) {
            Some(later) => micros.saturating_add(later.as_micros() as u64),
            None => micros.saturating_sub((self.instant - instant).as_micros() as u64),
        })
    }
}

/// Bytes of a [`Signature`].
pub const SIGNATURE_BYTES: usize = 64;

/// A signature of a picture: Ed25519 (RFC 8032).
pub type Signature = [u8; SIGNATURE_BYTES];

/// One JPEG on its way to be sent, or as it arrived. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When the picture was taken, on the sender's clock.
    pub captured: MediaTime,
    /// The JPEG, from its start marker to its end marker, byte for byte.
    pub jpeg: Buffer,
    /// Its sender's signature, if it has one. Whoever takes in frames checks it.
    pub signature: Option<Signature>,
}

/// Reuses frame buffers, so that a steady stream allocates nothing.
///
/// A buffer that was [shared](Self::share) is taken again once every other owner has dropped it.
#[derive(Debug)]
pub struct Pool {
    shared: Vec<Buffer>,
    most: usize,
}

impl Pool {
    /// A pool that remembers at most `most` shared buffers.
    pub fn new(most: usize) -> Self {
        Self { shared: Vec::with_capacity(most), most }
    }

    /// A buffer with no other owner: one that came back, or a new one. Its old content is still in it.
    pub fn take(&mut self) -> Buffer {
        match self.shared.iter_mut().position(|buffer| Arc::get_mut(buffer).is_some()) {
            Some(at) => self.shared.swap_remove(at),
            None => Buffer::default(),
        }
    }

    /// Forgets buffers that came back, as far as they hold more than `most_bytes` together.
    pub(crate) fn keep_free(&mut self, most_bytes: usize) {
        let mut kept = 0;
        self.shared.retain_mut(|buffer| match Arc::get_mut(buffer) {
            Some(free) => {
                kept += free.capacity();
                kept <= most_bytes
            }
            None => true,
        });
    }

    #[cfg(test)]
    pub(crate) fn free_bytes(&mut self) -> usize {
        self.shared.iter_mut().filter_map(Arc::get_mut).map(|free| free.capacity()).sum()
    }

    /// Gives out `buffer` for reading and remembers it, so that it can be taken again later.
    pub fn share(&mut self, buffer: Buffer) -> Buffer {
        if self.shared.len() == self.most {
            self.shared.swap_remove(0);
        }
        self.shared.push(buffer.clone());
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_reader_is_done() {
        let mut pool = Pool::new(4);
        let mut buffer = pool.take();
        Arc::get_mut(&mut buffer).unwrap().extend_from_slice(b"frame");
        let address = buffer.as_ptr();
        let shown = pool.share(buffer);
        let recorded = shown.clone();
        drop(shown);
        assert_ne!(pool.take().as_ptr(), address, "still being recorded");
        drop(recorded);
        assert_eq!(pool.take().as_ptr(), address);
    }

    #[test]
    fn a_pool_remembers_no_more_than_it_may() {
        let mut pool = Pool::new(2);
        let held: Vec<Buffer> = (0..5)
            .map(|_| {
                let b = pool.take();
                pool.share(b)
            })
            .collect();
        assert_eq!(pool.shared.len(), 2);
        drop(held);
    }

    #[test]
    fn media_time_differences_have_a_sign() {
        let (a, b) = (MediaTime::from_micros(5), MediaTime::from_micros(9));
        assert_eq!((b.micros_since(a), a.micros_since(b)), (4, -4));
    }
}
