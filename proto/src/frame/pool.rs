//! Buffers of frames, used again.

use std::sync::Arc;

/// A frame's bytes: shared by whoever shows, stores or sends it, and back in its [`Pool`] when all are done.
pub type Buffer = Arc<Vec<u8>>;

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
}
