//! Which numbers came already: a window of bits behind the highest (RFC 6479).

/// Remembers the numbers of datagrams that were found genuine. They begin with 1.
#[derive(Clone, Debug)]
pub(super) struct ReplayWindow {
    highest: u64,
    /// A ring of words: number `n` is bit `n % 64` of word `n / 64 % WORDS`.
    seen: [u64; WORDS],
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self { highest: 0, seen: [0; WORDS] }
    }
}

impl ReplayWindow {
    /// Whether a number may still come: it has not, and is not too old to tell.
    pub(super) fn is_new(&self, number: u64) -> bool {
        if number > self.highest {
            return true;
        }
        let is_known = self.highest - number < REACH && number > 0;
        is_known && self.seen[word(number)] & bit(number) == 0
    }

    /// Notes a number that is new, once its datagram was found genuine.
    pub(super) fn note(&mut self, number: u64) {
        if number > self.highest {
            let (from, to) = (self.highest / 64, number / 64);
            (from + 1..=to).take(WORDS).for_each(|passed| self.seen[(passed % WORDS as u64) as usize] = 0);
            if to - from > WORDS as u64 {
                self.seen = [0; WORDS];
            }
            self.highest = number;
        }
        self.seen[word(number)] |= bit(number);
    }
}

fn word(number: u64) -> usize {
    (number / 64 % WORDS as u64) as usize
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

/// 20 ms of reordering at 200,000 datagrams a second. One word more is held, which is being filled.
const REACH: u64 = 4096;
const WORDS: usize = (REACH / 64) as usize + 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn numbers_end_where_a_word_does() {
        let mut window = ReplayWindow::default();
        window.note(u64::MAX);
        assert!(!window.is_new(u64::MAX) && !window.is_new(u64::MAX - REACH));
        assert!(window.is_new(u64::MAX - 1) && window.is_new(u64::MAX - (REACH - 1)));
    }

    #[test]
    fn each_number_is_new_once_in_any_order_within_the_reach() {
        let mut random = Random::new(7);
        let (mut window, mut seen) = (ReplayWindow::default(), std::collections::HashSet::new());
        let mut highest = 0_u64;
        for _ in 0..200_000 {
            let number = match random.below(10) {
                0 => highest + 1 + random.below(10_000),
                1 => highest.saturating_sub(random.below(12_000)),
                _ => (highest + 8).saturating_sub(random.below(64)),
            };
            let expected = number > 0 && number + REACH > highest && !seen.contains(&number);
            assert_eq!(window.is_new(number), expected, "{number} behind {highest}");
            if expected {
                window.note(number);
                seen.insert(number);
                highest = highest.max(number);
            }
        }
    }
}
