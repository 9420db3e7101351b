//! The feedback of a receiving stream: pings, reports and requests.

use std::fmt::Debug;
use std::time::Instant;

use super::super::reassemble::Reassembler;
use super::RecvStream;

impl<S: Copy + Debug + Eq> RecvStream<S> {
    /// Writes what is to be told the sender now, if there is something.
    pub(super) fn say(&mut self, now: Instant) -> bool {
        // Whoever calls this may have been held up since it last read.
        let read_up_to = self.read_up_to.map_or(now, |read| read.min(now));
        if self.may_request() && self.request(read_up_to) {
            return true;
        }
        let newest = self.reassembler.newest().unwrap_or_default();
        let is_due = self.feedback.write_due(newest, now);
        self.stats.questions += u64::from(is_due);
        is_due
    }

    /// When a frame is to be looked at for what it misses.
    pub(super) fn next_look(&self) -> Option<Instant> {
        if !self.may_request() {
            return None;
        }
        let deadline = self.config.deadline;
        let slots = self.reassembler.slots().iter().filter_map(|slot| self.nacks.due(slot, deadline));
        let absent = self.reassembler.absent().iter().filter_map(|absent| self.nacks.due_absent(absent));
        let next =
            self.reassembler.last_parts().map(|at| self.nacks.expected_next(&self.reassembler.slots()[at]));
        slots.chain(absent).chain(next).min()
    }

    pub(super) fn note_trains(&mut self, now: Instant) {
        while let Some(told) = self.reassembler.next_told() {
            self.stats.repair.arrived += told.arrived;
            self.stats.repair.missing += told.missing;
            self.stats.missing_at_end += told.entry.map_or(0, |entry| u64::from(entry.missing_tail));
            self.feedback.train(&told, now);
        }
    }

    fn may_request(&self) -> bool {
        self.config.resend && self.feedback.may_request()
    }

    /// Ends the trains of which nothing more comes, and requests what the next frame misses.
    fn request(&mut self, now: Instant) -> bool {
        for at in 0..self.reassembler.slots().len() {
            let slot = &self.reassembler.slots()[at];
            if self.nacks.due(slot, self.config.deadline).is_none_or(|due| due > now) {
                continue;
            }
            if !slot.train.is_over && self.nacks.expected_end(slot) <= now {
                self.reassembler.end_train(at, self.nacks.passed(now), false);
                self.note_trains(now);
            }
            let slot = &mut self.reassembler.slots_mut()[at];
            if let Some(nack) = self.nacks.look(slot, &mut self.feedback.chunks, now) {
                self.feedback.write_request(&nack, now);
                self.stats.repair.requests += 1;
                self.stats.repair.asked += self.feedback.chunks.len() as u64;
                return true;
            }
        }
        self.request_absent(now)
    }

    /// Requests all of the next part of which nothing has come.
    fn request_absent(&mut self, now: Instant) -> bool {
        let Self { reassembler, nacks, feedback, stats, .. } = self;
        let overdue = |reassembler: &Reassembler| {
            reassembler.last_parts().find(|at| nacks.expected_next(&reassembler.slots()[*at]) <= now)
        };
        while let Some(at) = overdue(reassembler) {
            reassembler.pass_over_rest(at, nacks.passed(now));
        }
        for absent in reassembler.absent_mut() {
            if nacks.look_absent(absent, now) {
                feedback.write_whole_request(absent.id, now);
                stats.repair.requests += 1;
                return true;
            }
        }
        false
    }
}
