//! How much a browser may save: whoever presses the button need not own the disk.

use std::path::{Path, absolute};
use std::time::{Duration, Instant};

/// Bytes that may be saved. What is used up comes back within an hour.
#[derive(Debug)]
pub(super) struct Quota {
    most: u64,
    used: u64,
    /// When `used` was right.
    at: Instant,
}

impl Quota {
    /// One for a past of `past_bytes` at most, two of which it has room for.
    pub(super) fn new(past_bytes: u64, now: Instant) -> Self {
        Self { most: LEAST.max(past_bytes.saturating_mul(2)), used: 0, at: now }
    }

    /// Takes so many bytes of it.
    ///
    /// # Errors
    /// A sentence for the person who asked.
    pub(super) fn take(&mut self, bytes: u64, now: Instant) -> Result<(), String> {
        let share = now.saturating_duration_since(self.at).as_secs_f64() / HOUR.as_secs_f64();
        let used = self.used.saturating_sub((share * self.most as f64) as u64);
        (self.used, self.at) = (used, now);
        match used.checked_add(bytes).filter(|used| *used <= self.most) {
            Some(used) => self.used = used,
            None => {
                return Err(format!(
                    "browsers have saved {:.1} GB within an hour, which is the most; try again later, or use the window's \
                     keys",
                    used as f64 / 1e9
                ));
            }
        }
        Ok(())
    }
}

/// Looks whether `folder` has room for so many bytes, and for others.
///
/// # Errors
/// A sentence for the person who asked.
pub(super) fn look_for_room(bytes: u64, folder: &Path) -> Result<(), String> {
    match room(folder) {
        Some((free, total)) if free < bytes.saturating_add(KEPT.min(total / 20)) => Err(format!(
            "the disk of {} is nearly full; make room there, or choose another by --save-to",
            folder.display()
        )),
        _ => Ok(()),
    }
}

/// Free bytes, and all there are, where files of this folder go; it may not be there yet.
fn room(folder: &Path) -> Option<(u64, u64)> {
    let absolute = absolute(folder).ok()?;
    let there = absolute.ancestors().find(|folder| folder.exists())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    Some((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
}

/// In an hour: a thousand snapshots and fifteen pasts of the usual size.
const LEAST: u64 = 4_000_000_000;
const HOUR: Duration = Duration::from_secs(3600);
/// What stays free for others, or the twentieth part of a small disk.
const KEPT: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_not_filled_to_the_last_byte() {
        let folder = std::env::temp_dir();
        let (free, _) = room(&folder.join("not/there/yet")).unwrap();
        let error = look_for_room(free, &folder).unwrap_err();
        assert!(error.contains("--save-to"), "{error}");
    }

    #[test]
    fn so_much_is_saved_at_once_and_then_as_much_as_comes_back() {
        let t0 = Instant::now();
        let mut quota = Quota::new(0, t0);
        let mut taken = |seconds: u64| {
            let now = t0 + Duration::from_secs(seconds);
            (0..100).filter(|_| quota.take(LEAST / 40, now).is_ok()).count()
        };
        assert_eq!((taken(0), taken(89), taken(91), taken(91 + 1800)), (40, 0, 1, 20));
        assert_eq!(taken(20_000), 40, "no more is saved up");
        let mut large = Quota::new(LEAST, t0);
        assert!(large.take(2 * LEAST, t0).is_ok(), "a past that is larger than usual can be saved");
        assert!(large.take(1, t0).unwrap_err().contains("an hour"));
    }
}
