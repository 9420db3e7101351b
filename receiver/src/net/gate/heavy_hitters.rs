//! Counts who sends most, in bounded memory.

use std::net::SocketAddr;

/// Counts by address. Whoever sends more than one in [`MOST`] is surely in it, and is counted at least as often as is
/// beyond that.
#[derive(Debug)]
pub(super) struct HeavyHitters(Vec<(SocketAddr, u32)>);

impl Default for HeavyHitters {
    fn default() -> Self {
        Self(Vec::with_capacity(MOST))
    }
}

impl HeavyHitters {
    pub(super) fn add(&mut self, source: SocketAddr) {
        if let Some((_, count)) = self.0.iter_mut().find(|(known, _)| *known == source) {
            *count += 1;
        } else if self.0.len() < MOST {
            self.0.push((source, 1));
        } else {
            // One of each, which are all different (Misra and Gries).
            self.0.retain_mut(|(_, count)| {
                *count -= 1;
                *count > 0
            });
        }
    }

    /// All that are left, with their counts.
    pub(super) fn heaviest(&self) -> impl Iterator<Item = (SocketAddr, u32)> {
        self.0.iter().copied()
    }

    /// Who sends most.
    pub(super) fn most(&self) -> Option<SocketAddr> {
        self.0.iter().max_by_key(|(_, count)| count).map(|&(source, _)| source)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Addresses counted at a time.
const MOST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_much_is_found_among_ever_new_ones() {
        let source = |n: u32| SocketAddr::from((n.to_be_bytes(), 9000));
        let mut tally = HeavyHitters::default();
        for n in 0..4000 {
            tally.add(source(if n % 4 == 0 { 1 } else { 1000 + n }));
            assert!(tally.0.len() <= MOST);
        }
        assert_eq!(tally.most(), Some(source(1)));
        assert!(tally.heaviest().any(|(who, count)| who == source(1) && count > 700));
        tally.clear();
        assert_eq!(tally.most(), None);
    }
}
