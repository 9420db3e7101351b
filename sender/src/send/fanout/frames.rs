//! Frames, part by part, to all destinations.

use std::time::Instant;

use anyhow::Result;
use proto::{FrameInParts, FramePart};

use super::super::ledger::FrameLedger;
use super::Fanout;
use crate::stats::Stats;

impl Fanout {
    /// Gives a part to all: the first of a frame, or the next of the one before. While nobody watches, the newest frame
    /// is kept for who comes next.
    ///
    /// # Errors
    /// If what is sent cannot be described.
    pub(crate) fn push(
        &mut self,
        part: FramePart,
        ledger: &mut FrameLedger,
        stats: &Stats,
        now: Instant,
    ) -> Result<()> {
        let Some(part) = self.take_in(part, stats) else { return Ok(()) };
        if let Some(announcement) = &mut self.announcement {
            announcement.see(part.bytes())?;
        }
        self.is_unwatched |= part.part == 0 && self.destinations.is_empty();
        if !self.is_unwatched {
            self.give(part, ledger, now);
        }
        Ok(())
    }

    /// Whether more is to come of the frame that was pushed last.
    pub(crate) fn is_open(&self) -> bool {
        self.newest.as_ref().is_some_and(FrameInParts::is_open)
    }

    /// Whether anybody watches, or may: to a destination that was named it is sent in any case.
    pub(crate) fn is_watched(&self) -> bool {
        !self.destinations.is_empty()
    }

    /// Gives the frame that was kept to the first who comes, as far as it is there.
    pub(super) fn push_unwatched(&mut self, ledger: &mut FrameLedger, now: Instant) {
        if !std::mem::take(&mut self.is_unwatched) {
            return;
        }
        let take_parts = self.streams.take_parts();
        let Some(newest) = self.newest.as_ref().filter(|newest| take_parts || newest.is_whole()) else {
            return;
        };
        let parts: Vec<_> = newest.parts_there().collect();
        parts.into_iter().for_each(|part| self.give(part, ledger, now));
    }

    /// Forgets the picture that was kept for who would come.
    pub(crate) fn forget_unwatched(&mut self, stats: &Stats) {
        if std::mem::take(&mut self.is_unwatched) {
            self.newest = None;
            stats.lock().unwatched += 1;
        }
    }

    /// Adds a part to the newest frame, or begins another with it; what of it is to be given to all, if that is
    /// anything: where no parts are taken, the whole frame with its last.
    fn take_in(&mut self, part: FramePart, stats: &Stats) -> Option<FramePart> {
        let (is_last, is_broken_off) = (part.is_last(), part.range.is_empty());
        match &mut self.newest {
            Some(newest) if part.part > 0 => {
                if !newest.add(part) {
                    return None;
                }
            }
            _ if part.part > 0 => return None,
            newest => {
                let before = newest.replace(FrameInParts::begin(part));
                let is_unseen = std::mem::take(&mut self.is_unwatched);
                stats.lock().unwatched += u64::from(before.is_some() && is_unseen);
            }
        }
        let newest = self.newest.as_mut()?;
        if let Some(signing) = self.signing.as_ref().filter(|_| is_last) {
            let pieces = newest.pieces(0..newest.there());
            let signature = signing.signature(self.streams.session(), newest.captured, pieces);
            newest.signature = signature;
        }
        if self.streams.take_parts() {
            return newest.parts_there().last();
        }
        if is_broken_off {
            // No stream has anything of it.
            self.newest = None;
            stats.lock().refused += 1;
            return None;
        }
        let whole = newest.whole(&mut self.joined)?;
        *newest = FrameInParts::begin(whole.into());
        newest.parts_there().last()
    }

    fn give(&mut self, part: FramePart, ledger: &mut FrameLedger, now: Instant) {
        if part.part == 0 {
            ledger.begin(self.pushed, self.destinations.len());
            self.pushed += 1;
        }
        if part.ends_frame() {
            self.newest = None;
        }
        self.destinations.iter_mut().for_each(|destination| destination.stream.push_part(part.clone(), now));
        self.due_times.set_all(now);
    }
}
