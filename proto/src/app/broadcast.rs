//! The newest frame, for many readers, none of which holds up another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::frame::Frame;
use crate::sys::Event;

/// Holds the newest frame of a stream. Whoever puts never waits, and whoever reads gets the newest there is.
#[derive(Debug, Default)]
pub struct Broadcast {
    place: Mutex<BroadcastState>,
}

/// A frame in its place.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Which one it is, by the program's count.
    pub id: u64,
    /// The JPEG, and when it was taken by the sender's clock.
    pub frame: Frame,
    /// When it was taken by this computer's clock, as far as that is known.
    pub captured: Instant,
    /// When it was put here.
    pub put: Instant,
    /// How far frames are apart of late; zero before the second.
    pub interval: Duration,
    count: u64,
}

/// A reader's wish to be woken. It ends when it is dropped.
#[derive(Debug)]
pub struct BroadcastSubscription {
    broadcast: Arc<Broadcast>,
    number: u64,
    seen: u64,
}

#[derive(Debug, Default)]
struct BroadcastState {
    shot: Option<Shot>,
    /// Replaced as a whole, so that it can be used after the lock is given back.
    readers: Arc<[(u64, Event)]>,
    next_number: u64,
}

impl Broadcast {
    /// A stream without a frame yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts in a frame that was taken at `captured`, and wakes whoever waits for one.
    pub fn put(&self, id: u64, frame: Frame, captured: Instant) {
        let put = Instant::now();
        let mut place = self.lock();
        let (interval, count) = match &place.shot {
            None => (Duration::ZERO, 1),
            Some(before) => (before.interval_at(put), before.count + 1),
        };
        let old = place.shot.replace(Shot { id, frame, captured, put, interval, count });
        let readers = place.readers.clone();
        drop(place);
        // The old frame may be the last of a large buffer: it is not freed under the lock.
        drop(old);
        readers.iter().for_each(|(_, wake)| wake.raise());
    }

    /// The newest frame, however old it is.
    pub fn newest(&self) -> Option<Shot> {
        self.lock().shot.clone()
    }

    /// The newest frame, unless it is so old that it shows what no longer is.
    pub fn fresh(&self, now: Instant) -> Option<Shot> {
        self.newest().filter(|shot| shot.is_fresh(now))
    }

    /// Raises `wake` whenever a frame comes, until the subscription is dropped.
    pub fn subscribe(self: &Arc<Self>, wake: &Event) -> BroadcastSubscription {
        let mut place = self.lock();
        let number = place.next_number;
        place.next_number += 1;
        place.readers = place.readers.iter().cloned().chain([(number, wake.clone())]).collect();
        drop(place);
        BroadcastSubscription { broadcast: self.clone(), number, seen: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, BroadcastState> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shot {
    /// Whether frames still come, as far as can be told `now`: three are not overdue, nor three seconds over.
    pub fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.put) <= STALE.max(self.interval * 3)
    }

    /// How old the picture is.
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.captured)
    }

    /// The interval with a next frame that comes `now`: smoothed, and begun anew after a pause.
    fn interval_at(&self, now: Instant) -> Duration {
        let last = now.saturating_duration_since(self.put);
        match self.interval {
            Duration::ZERO => last,
            _ if last > LONG => self.interval,
            before => (before * 7 + last) / 8,
        }
    }
}

impl BroadcastSubscription {
    /// The newest frame, if it was not given out by this before.
    pub fn take(&mut self) -> Option<Shot> {
        let place = self.broadcast.lock();
        let shot = place.shot.as_ref().filter(|shot| shot.count > self.seen)?;
        self.seen = shot.count;
        Some(shot.clone())
    }
}

impl Drop for BroadcastSubscription {
    fn drop(&mut self) {
        let mut place = self.broadcast.lock();
        place.readers = place.readers.iter().filter(|(number, _)| *number != self.number).cloned().collect();
    }
}

/// A picture that is older than this is not what is there now.
const STALE: Duration = Duration::from_secs(3);
/// A pause, and no interval between frames.
const LONG: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::MediaTime;

    fn frame(byte: u8) -> Frame {
        Frame { captured: MediaTime::from_micros(1), jpeg: Arc::new(vec![byte]), signature: None }
    }

    #[test]
    fn each_reader_gets_the_newest_once() {
        let broadcast = Arc::new(Broadcast::new());
        let (one, other) = (Event::new().unwrap(), Event::new().unwrap());
        let (mut slow, mut quick) = (broadcast.subscribe(&one), broadcast.subscribe(&other));
        assert!(slow.take().is_none() && !one.wait(Duration::ZERO));
        for id in 1..=3 {
            broadcast.put(id, frame(id as u8), Instant::now());
            assert!(other.wait(Duration::ZERO));
            other.clear();
            assert_eq!(quick.take().unwrap().id, id);
            assert!(quick.take().is_none());
        }
        assert_eq!(slow.take().unwrap().id, 3, "the newest, and none of those before");
    }

    #[test]
    fn who_has_left_is_not_woken_and_holds_no_frame() {
        let broadcast = Arc::new(Broadcast::new());
        let wake = Event::new().unwrap();
        let (gone, _stays) = (broadcast.subscribe(&wake), broadcast.subscribe(&Event::new().unwrap()));
        drop(gone);
        let first = frame(1);
        broadcast.put(1, first.clone(), Instant::now());
        broadcast.put(2, frame(2), Instant::now());
        assert!(!wake.wait(Duration::ZERO));
        assert_eq!((broadcast.lock().readers.len(), Arc::strong_count(&first.jpeg)), (1, 1));
    }

    #[test]
    fn a_picture_is_fresh_while_the_next_is_not_overdue() {
        let broadcast = Broadcast::new();
        broadcast.put(1, frame(1), Instant::now());
        let mut shot = broadcast.newest().unwrap();
        assert!(shot.is_fresh(shot.put + STALE) && !shot.is_fresh(shot.put + STALE * 2));
        shot.interval = Duration::from_secs(5);
        assert!(shot.is_fresh(shot.put + Duration::from_secs(14)), "one picture in five seconds");
        assert!(broadcast.fresh(shot.put + STALE * 2).is_none());
    }
}
