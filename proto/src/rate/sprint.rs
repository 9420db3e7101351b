//! What the first trains show, whose ends go as fast as anything on a wire.

use super::dispersion::{CEILING, Dispersion, Recent};

/// The first trains of a path of which nothing is known.
///
/// Their last [`SPRINT_BYTES`] go at [`CEILING`]: behind a slower link these arrive at its rate, and so show it, while no
/// more waits before it than a small switch's queue takes. Without them, each train may go only a little faster than the
/// one before. (As a packet train of C. Dovrolis et al. does, see [`PathRate`](super::PathRate); here it is part of a
/// frame.)
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sprint {
    /// The rates at which ends came through, in bits per second.
    through: Recent<f64, 3>,
    /// By how many seconds the trains arrived longer than they were sent.
    excess: Recent<f64, 3>,
    /// Trains that were heard, with such an end or without.
    heard: u32,
    /// Whether a train came as it was sent, neither later nor sooner: chance does not make up for a slower link.
    is_plain: bool,
    is_over: bool,
}

/// What sprints have shown, in bits per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SprintResult {
    /// A link of this rate.
    Limit(f64),
    /// The path seems to carry this, and perhaps more.
    AtLeast(f64),
}

impl Sprint {
    /// Whether trains are to have such ends.
    pub(super) fn is_wanted(&self) -> bool {
        !self.is_over
    }

    /// Takes a train; whether it has such an end, so that it tells nothing of its pace.
    pub(super) fn heard(&mut self, train: Option<&Dispersion>) -> bool {
        self.heard = self.heard.saturating_add(1);
        self.is_over |= self.heard >= PATIENCE;
        let Some(train) = train.filter(|train| train.is_sprint() || train.pace >= FASTEST) else {
            return false;
        };
        self.is_plain |= train.through >= FASTEST && train.excess() > -HELD_UP;
        if !train.is_sprint() {
            // All of it went as fast, for others.
            return false;
        }
        // Of a link that is slower than that the next trains tell.
        self.is_over |= train.through <= train.pace;
        self.through.push(train.through);
        self.excess.push(train.excess());
        true
    }

    /// What the path carries, once a train came just as it was sent, or two of at most three agree; it is given once.
    pub(super) fn verdict(&mut self) -> Option<SprintResult> {
        if self.is_over {
            return None;
        }
        let best = self.through.largest(0).unwrap_or(CEILING);
        // A link delivers nothing faster than it is, unless what was before was held up: so not the best.
        let second = self.through.largest(1).unwrap_or(0.0);
        let agree = second >= best.min(FASTEST) * ALIKE;
        self.is_over = self.is_plain || agree || self.through.len() == 3;
        match second {
            _ if self.is_plain || second >= FASTEST => Some(SprintResult::AtLeast(CEILING)),
            _ if !agree => None,
            _ if best <= SLOW => Some(SprintResult::Limit(second)),
            _ => Some(SprintResult::AtLeast(second * SURELY)),
        }
    }

    /// Seconds by which trains were longer than sent: noise, if the path carries all.
    pub(super) fn excesses(&self) -> impl Iterator<Item = f64> + '_ {
        self.excess.iter()
    }

    /// Something else is known of the path.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }
}

/// Bytes on the wire at the end of a train that go at [`CEILING`]: before a link of a tenth of that nine tenths of them
/// wait, which fits the queue of a small switch (64 KB) beside a late group.
pub(crate) const SPRINT_BYTES: f64 = 40e3;
/// So many trains are heard before those without such an end are to do.
const PATIENCE: u32 = 8;
/// Two that differ by no more agree.
const ALIKE: f64 = 0.8;
/// As good as [`CEILING`]: the difference is as long as what stamps err by.
const FASTEST: f64 = CEILING * 0.75;
/// Seconds by which a train may come sooner than it was sent that was not held up at its beginning.
const HELD_UP: f64 = 100e-6;
/// Up to this rate a sprint is longer behind its link than whatever else delays it.
const SLOW: f64 = 120e6;
/// What is tried of what is less sure: a stamp's error is a tenth of it.
const SURELY: f64 = 0.9;

#[cfg(test)]
mod tests {
    use super::*;

    fn train(through: f64) -> Dispersion {
        // Held up at its beginning, so that one alone tells nothing.
        Dispersion { pace: 90e6, bits: 1e6, sprinted: 0.3e6, as_sent: 8e-3, arrived: 7e-3, through }
    }

    #[test]
    fn two_that_agree_or_the_middle_one_of_three_tell_what_a_path_carries() {
        use SprintResult::{AtLeast, Limit};
        for (through, carried) in [
            (&[900e6, 800e6, 900e6][..], Some(AtLeast(CEILING))),
            (&[300e6, 290e6], Some(AtLeast(261e6))),
            (&[105e6, 100e6], Some(Limit(100e6))),
            (&[300e6], None),
            (&[900e6, 100e6], None),
            (&[900e6, 100e6, 200e6], None),
            (&[200e6, 100e6, 200e6], Some(AtLeast(180e6))),
            (&[900e6, 80e6], None),
        ] {
            let mut sprint = Sprint::default();
            through.iter().for_each(|through| _ = sprint.heard(Some(&train(*through))));
            assert_eq!(sprint.verdict(), carried, "{through:?}");
            assert_eq!(sprint.verdict(), None, "it is given once");
        }
    }

    #[test]
    fn one_that_came_as_it_was_sent_tells_it_alone() {
        let mut sprint = Sprint::default();
        sprint.heard(Some(&Dispersion { arrived: 8e-3, ..train(CEILING) }));
        assert_eq!(sprint.verdict(), Some(SprintResult::AtLeast(CEILING)));
        assert!(!sprint.is_wanted());
    }

    #[test]
    fn who_joins_a_fast_stream_needs_none() {
        let mut sprint = Sprint::default();
        assert!(!sprint.heard(Some(&Dispersion {
            pace: CEILING,
            sprinted: 0.0,
            arrived: 12e-3,
            ..train(CEILING * 0.6)
        })));
        assert_eq!(sprint.verdict(), None);
        assert!(!sprint.heard(Some(&Dispersion {
            pace: CEILING,
            sprinted: 0.0,
            arrived: 8e-3,
            ..train(CEILING)
        })));
        assert_eq!(sprint.verdict(), Some(SprintResult::AtLeast(CEILING)));
    }

    #[test]
    fn it_is_over_when_trains_show_nothing() {
        let mut sprint = Sprint::default();
        for _ in 0..PATIENCE {
            assert!(sprint.is_wanted());
            assert!(!sprint.heard(None));
        }
        assert!(!sprint.is_wanted());
        let mut slow = Sprint::default();
        assert!(slow.heard(Some(&train(50e6))), "its pace alone was too much");
        assert!(!slow.is_wanted());
    }
}
