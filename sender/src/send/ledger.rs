//! Counts what becomes of each frame at several destinations.

use std::collections::VecDeque;

use crate::stats::SendCounters;

/// Follows each frame until all destinations are done with it, so that it ends in one counted way.
#[derive(Debug, Default)]
pub(crate) struct FrameLedger {
    outstanding: VecDeque<Outstanding>,
}

#[derive(Debug)]
struct Outstanding {
    /// The frame's.
    number: u64,
    destinations: usize,
    sent: bool,
    refused: bool,
    /// Whether all left it out on purpose.
    thinned: bool,
}

/// How a destination is done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameEnd {
    /// It was sent.
    Sent,
    /// A newer one took its place.
    Superseded,
    /// It was left out on purpose.
    Thinned,
    /// It cannot be sent.
    Refused,
}

impl FrameLedger {
    /// Begins frame `number`, which goes to so many destinations.
    pub(crate) fn begin(&mut self, number: u64, destinations: usize) {
        let frame = Outstanding { number, destinations, sent: false, refused: false, thinned: true };
        self.outstanding.push_back(frame);
    }

    /// Notes how one destination was done with a frame; counts the frame when all are.
    pub(crate) fn end(&mut self, number: u64, end: FrameEnd, counters: &mut SendCounters) {
        let Some(at) = self.outstanding.iter().position(|frame| frame.number == number) else { return };
        let frame = &mut self.outstanding[at];
        frame.destinations -= 1;
        frame.sent |= end == FrameEnd::Sent;
        frame.refused |= end == FrameEnd::Refused;
        frame.thinned &= end == FrameEnd::Thinned;
        if frame.destinations == 0 {
            let frame = self.outstanding.remove(at).expect("it was found there");
            counters.thinned += u64::from(frame.thinned);
            *match frame {
                Outstanding { sent: true, .. } => &mut counters.sent,
                Outstanding { refused: true, .. } => &mut counters.refused,
                _ => &mut counters.superseded,
            } += 1;
        }
    }

    /// How many frames are not done.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_once_however_many_destinations_it_has() {
        let (mut ledger, mut counters) = (FrameLedger::default(), SendCounters::default());
        for (number, ends) in [
            (1, [FrameEnd::Superseded, FrameEnd::Sent]),
            (2, [FrameEnd::Superseded, FrameEnd::Superseded]),
            (3, [FrameEnd::Refused, FrameEnd::Superseded]),
            (4, [FrameEnd::Thinned, FrameEnd::Sent]),
            (5, [FrameEnd::Thinned, FrameEnd::Thinned]),
            (6, [FrameEnd::Thinned, FrameEnd::Superseded]),
        ] {
            ledger.begin(number, 2);
            for end in ends {
                ledger.end(number, end, &mut counters);
            }
        }
        assert_eq!((counters.sent, counters.superseded, counters.refused), (2, 3, 1));
        assert_eq!(
            counters.thinned, 1,
            "what one left out and another was sent, or wanted to be, is not thinned"
        );
        assert_eq!(ledger.outstanding(), 0);
    }

    #[test]
    fn the_end_of_one_frame_is_not_that_of_another_that_is_on_its_way_too() {
        let (mut ledger, mut counters) = (FrameLedger::default(), SendCounters::default());
        (1..=2).for_each(|number| ledger.begin(number, 1));
        ledger.end(2, FrameEnd::Thinned, &mut counters);
        assert_eq!((ledger.outstanding(), counters.sent, counters.thinned), (1, 0, 1));
        ledger.end(1, FrameEnd::Sent, &mut counters);
        assert_eq!((ledger.outstanding(), counters.sent, counters.superseded), (0, 1, 1));
    }
}
