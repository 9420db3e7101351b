//! How often somebody may be wrong: few times a minute from one address, and not many from all.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Wrong passwords of the last minute. An address is that of a [`Caller`](super::places::Caller).
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// The oldest first.
    wrong: VecDeque<(Instant, Option<IpAddr>)>,
    /// Who was right, the latest last: others' tries do not hold him up.
    right: VecDeque<Option<IpAddr>>,
}

impl Tries {
    /// How long somebody is to wait before he tries again; `None` if he need not.
    pub(super) fn wait(&mut self, whose: Option<IpAddr>, now: Instant) -> Option<Duration> {
        let age = |at: Instant| now.saturating_duration_since(at);
        while self.wrong.front().is_some_and(|(at, _)| age(*at) >= WINDOW) {
            self.wrong.pop_front();
        }
        let mut his = self.wrong.iter().filter(|(_, by)| *by == whose);
        let oldest = if his.clone().count() >= MOST_OF_ONE {
            his.next()
        } else if self.wrong.len() >= MOST && whose.is_some() && !self.right.contains(&whose) {
            self.wrong.front()
        } else {
            None
        };
        oldest.map(|(at, _)| WINDOW - age(*at))
    }

    /// Somebody was wrong, who had not to wait.
    pub(super) fn wrong(&mut self, whose: Option<IpAddr>, now: Instant) {
        self.wrong.push_back((now, whose));
    }

    /// Somebody was right. What he did wrong is not forgotten: somebody else at his address may have done it.
    pub(super) fn right(&mut self, whose: Option<IpAddr>) {
        self.right.retain(|other| *other != whose);
        self.right.push_back(whose);
        if self.right.len() > MOST_REMEMBERED {
            self.right.pop_front();
        }
    }
}

const WINDOW: Duration = Duration::from_secs(60);
/// For whoever mistypes.
const MOST_OF_ONE: usize = 5;
/// However many addresses somebody has. A phrase of 40 bits, the weakest there is, lasts for 30,000 years.
const MOST: usize = 60;
const MOST_REMEMBERED: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> Option<IpAddr> {
        Some([192, 0, 2, n].into())
    }

    #[test]
    fn an_address_has_five_tries_a_minute_and_others_have_theirs() {
        let (mut tries, t0) = (Tries::default(), Instant::now());
        let at = |seconds| t0 + Duration::from_secs(seconds);
        for second in 0..5 {
            assert_eq!(tries.wait(address(1), at(second)), None);
            tries.wrong(address(1), at(second));
        }
        assert_eq!(tries.wait(address(1), at(5)), Some(Duration::from_secs(55)));
        assert_eq!(tries.wait(address(2), at(5)), None);
        assert_eq!(tries.wait(None, at(5)), None);
        assert_eq!(tries.wait(address(1), at(60)), None, "one a minute ago");
        tries.wrong(address(1), at(60));
        assert_eq!(tries.wait(address(1), at(60)), Some(Duration::from_secs(1)));
    }

    #[test]
    fn all_addresses_together_have_sixty_and_who_was_right_before_is_not_held_up() {
        let (mut tries, t0) = (Tries::default(), Instant::now());
        tries.right(address(200));
        let mut done = 0;
        for n in 0..=199 {
            while tries.wait(address(n), t0).is_none() {
                tries.wrong(address(n), t0);
                done += 1;
            }
        }
        assert_eq!(done, MOST);
        assert_eq!(tries.wait(address(201), t0), Some(WINDOW));
        assert_eq!((tries.wait(address(200), t0), tries.wait(None, t0)), (None, None));
        let own = (0..9).filter(|_| {
            tries.wait(address(200), t0).is_none().then(|| tries.wrong(address(200), t0)).is_some()
        });
        assert_eq!(own.count(), MOST_OF_ONE);
        assert_eq!(tries.wait(address(201), t0 + WINDOW), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut tries, t0) = (Tries::default(), Instant::now());
        for n in 0..=255 {
            tries.right(address(n));
            for _ in 0..9 {
                if tries.wait(address(n), t0).is_none() {
                    tries.wrong(address(n), t0);
                }
            }
        }
        assert!(tries.right.len() == MOST_REMEMBERED && tries.right.back() == Some(&address(255)));
        // Each of these knew the password.
        assert_eq!(tries.wrong.len(), 256 * MOST_OF_ONE);
        assert_eq!((tries.wait(None, t0 + WINDOW), tries.wrong.len()), (None, 0));
    }
}
