//! The trains of a frame's parts as the one train that they are.

use std::time::Duration;

use super::train::Train;
use crate::frame::MAX_PARTS;
use crate::seq::{FrameId, PartId};

/// Puts together what one receiver tells of the parts of a frame. What a path is judged by is a frame: of its parts,
/// which follow each other within milliseconds, several meet the same hindrance, and they share a queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrameTrains {
    frame: FrameId,
    /// Those that were told, in their order.
    told: Vec<Train>,
}

impl FrameTrains {
    /// Takes the train of one of `parts` parts; adds to `into` each train that is complete: its frame's parts are all
    /// told, or those of a newer one are, or it `is_urgent`.
    pub(crate) fn hear(
        &mut self,
        id: PartId,
        parts: u8,
        train: Train,
        is_urgent: bool,
        into: &mut Vec<Train>,
    ) {
        let is_other = self.told.last().is_some_and(|last| id.frame != self.frame || last.pace != train.pace);
        if is_other || self.told.len() >= MAX_PARTS {
            into.extend(self.put_together());
        }
        self.frame = id.frame;
        self.told.push(train);
        if is_urgent || self.told.len() >= usize::from(parts) {
            into.extend(self.put_together());
        }
    }

    /// The train that those told are; `None` if there are none. They are forgotten.
    fn put_together(&mut self) -> Option<Train> {
        let total: u32 = self.told.iter().map(|train| train.total).sum();
        let mut whole = Train {
            bits: 0.0,
            sent: Duration::ZERO,
            arrived: Duration::ZERO,
            datagrams: 0,
            lost: 0,
            missing_head: 0,
            missing_tail: 0,
            total: 0,
            sprinted: 0.0,
            ..*self.told.first()?
        };
        for train in self.told.drain(..) {
            // In which half of the frame the middle of each half of the part is.
            for (missing, quarters) in [(train.missing_head, 1), (train.missing_tail, 3)] {
                let is_head = 2 * (4 * whole.total + quarters * train.total) < 4 * total;
                *(if is_head { &mut whole.missing_head } else { &mut whole.missing_tail }) += missing;
            }
            whole.bits += train.bits;
            whole.sent += train.sent;
            whole.arrived += train.arrived;
            whole.datagrams += train.datagrams;
            whole.lost += train.lost;
            whole.total += train.total;
            whole.sprinted += train.sprinted;
        }
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train(missing_head: u32, missing_tail: u32) -> Train {
        Train {
            bits: 4e5,
            sent: Duration::from_millis(4),
            arrived: Duration::from_millis(5),
            datagrams: 30,
            lost: 1,
            missing_head,
            missing_tail,
            total: 40,
            pace: Some(1e8),
            sprinted: 0.0,
        }
    }

    fn hear(trains: &mut FrameTrains, frame: u32, part: u8, train: Train, is_urgent: bool) -> Vec<Train> {
        let mut told = Vec::new();
        trains.hear(PartId { frame: FrameId::new(frame), part }, 4, train, is_urgent, &mut told);
        told
    }

    #[test]
    fn the_trains_of_all_parts_are_one_and_what_is_missing_is_where_it_is_in_the_frame() {
        let mut trains = FrameTrains::default();
        let missing = [(1, 2), (4, 8), (16, 32), (64, 128)];
        for (part, (head, tail)) in (0..3).zip(missing) {
            assert_eq!(hear(&mut trains, 1, part, train(head, tail), false), []);
        }
        let last = Train { sprinted: 3e5, ..train(64, 128) };
        let whole = Train {
            bits: 16e5,
            sent: Duration::from_millis(16),
            arrived: Duration::from_millis(20),
            datagrams: 120,
            lost: 4,
            missing_head: 15,
            missing_tail: 240,
            total: 160,
            sprinted: 3e5,
            ..last
        };
        assert_eq!(hear(&mut trains, 1, 3, last, false), [whole]);
        assert_eq!(hear(&mut trains, 2, 0, train(0, 0), false), []);
    }

    #[test]
    fn what_is_told_of_a_newer_frame_or_another_pace_or_in_a_hurry_ends_the_one_before() {
        let mut trains = FrameTrains::default();
        hear(&mut trains, 1, 0, train(0, 0), false);
        hear(&mut trains, 1, 1, train(0, 0), false);
        let told = hear(&mut trains, 2, 0, train(0, 0), false);
        assert_eq!(told.iter().map(|train| train.total).collect::<Vec<_>>(), [80]);
        let faster = Train { pace: Some(2e8), ..train(0, 0) };
        assert_eq!(hear(&mut trains, 2, 1, faster, false), [train(0, 0)]);
        let urgent = Train { missing_tail: 20, ..faster };
        let told = hear(&mut trains, 2, 2, urgent, true);
        let halves: Vec<_> = told.iter().map(|told| (told.missing_head, told.missing_tail)).collect();
        assert_eq!(halves, [(0, 20)], "the end of what has come so far");
    }

    #[test]
    fn a_frame_of_one_part_is_its_train() {
        let (mut trains, mut told) = (FrameTrains::default(), Vec::new());
        for frame in 0..3 {
            trains.hear(PartId { frame: FrameId::new(frame), part: 0 }, 1, train(3, 4), false, &mut told);
        }
        assert_eq!(told, [train(3, 4); 3]);
    }
}
