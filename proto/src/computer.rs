//! Viewers counted by computer: one with many addresses or ports has a share of the places, and counts once.

use std::time::Instant;

/// Which computer a source is on, as far as the shell can tell: for UDP, by its IP address, and of IPv6 by the
/// network's part of it, as the rest is anybody's to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Computer {
    /// Another for each.
    pub key: u128,
    /// Whether it is the sender's own, whose programs may have all places that nobody else wants.
    pub is_own: bool,
}

/// Tells the computer of a source. In the order of sources, those of one computer must stand next to each other.
pub type ComputerOf<S> = fn(&S) -> Computer;

/// Somebody who has a place: where, on which computer if that is known, and since when.
pub(crate) type Placed<S> = (S, Option<Computer>, Instant);

/// Whether there is a place for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vacancy<S> {
    /// There is.
    Free,
    /// In the place of this one.
    Instead(S),
    /// There is none.
    Full,
}

/// Whether there is a place for a `new` one where `most` have one each.
///
/// A computer has at most a quarter of the places, or two if that is less. When all are taken, one that has none gets
/// that of the computer with the most: its newest.
pub(crate) fn room<S: Copy>(
    new: Option<Computer>,
    all: impl Iterator<Item = Placed<S>> + Clone,
    most: usize,
) -> Vacancy<S> {
    let count = all.clone().count();
    let Some(new) = new else { return if count < most { Vacancy::Free } else { Vacancy::Full } };
    let own = all.clone().filter(|(_, computer, _)| computer.is_some_and(|c| c.key == new.key)).count();
    if own >= (most / SHARE).max(LEAST_SHARE) && !new.is_own {
        return Vacancy::Full;
    }
    if count < most {
        return Vacancy::Free;
    }
    match newest_of_most(all) {
        Some((source, places)) if own == 0 && places > 1 => Vacancy::Instead(source),
        _ => Vacancy::Full,
    }
}

/// The newest source of the computer that has the most places, and how many it has.
fn newest_of_most<S: Copy>(all: impl Iterator<Item = Placed<S>>) -> Option<(S, usize)> {
    let mut most: Option<(S, usize)> = None;
    // The computer that is being counted, its newest, and how many.
    let mut run: Option<(u128, S, Instant, usize)> = None;
    for (source, computer, since) in all {
        let Some(Computer { key, .. }) = computer else { continue };
        let next = match run {
            Some((of, _, newest, count)) if of == key && since >= newest => (key, source, since, count + 1),
            Some((of, before, newest, count)) if of == key => (key, before, newest, count + 1),
            _ => (key, source, since, 1),
        };
        run = Some(next);
        if most.is_none_or(|(_, count)| next.3 >= count) {
            most = Some((next.1, next.3));
        }
    }
    most
}

/// One place in so many is a computer's.
const SHARE: usize = 4;
/// But so many in any case: a window and a recording.
const LEAST_SHARE: usize = 2;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::t0;

    fn on(key: u128) -> Option<Computer> {
        Some(Computer { key, is_own: key == 0 })
    }

    /// One place for each computer that is named, the later the newer.
    fn placed(computers: &[u128]) -> Vec<Placed<usize>> {
        let at = |number: usize| t0() + Duration::from_secs(number as u64);
        let mut all: Vec<_> = computers.iter().enumerate().map(|(n, &key)| (n, on(key), at(n))).collect();
        all.sort_by_key(|(_, computer, _)| computer.unwrap().key);
        all
    }

    fn room_for(key: u128, computers: &[u128], most: usize) -> Vacancy<usize> {
        room(on(key), placed(computers).into_iter(), most)
    }

    #[test]
    fn a_computer_has_a_quarter_of_the_places_and_at_least_two() {
        assert_eq!(room_for(1, &[1; 3], 16), Vacancy::Free);
        assert_eq!(room_for(1, &[1; 4], 16), Vacancy::Full);
        assert_eq!(room_for(2, &[1; 4], 16), Vacancy::Free);
        assert_eq!([1, 2].map(|places| room_for(1, &vec![1; places], 4)), [Vacancy::Free, Vacancy::Full]);
        assert_eq!(room_for(0, &[0; 15], 16), Vacancy::Free, "its own may have all");
        assert_eq!(room_for(0, &[0; 16], 16), Vacancy::Full);
    }

    #[test]
    fn where_all_are_taken_who_has_none_gets_the_newest_of_who_has_most() {
        assert_eq!(room_for(9, &[1, 2, 2, 3], 4), Vacancy::Instead(2));
        assert_eq!(room_for(9, &[2, 1, 2, 1, 1, 3], 6), Vacancy::Instead(4));
        assert_eq!(room_for(9, &[0; 16], 16), Vacancy::Instead(15), "also of its own");
        assert_eq!(room_for(9, &[1, 2, 3, 4], 4), Vacancy::Full, "each has one");
        assert_eq!(room_for(3, &[1, 1, 2, 3], 4), Vacancy::Full, "it has one");
    }

    #[test]
    fn where_computers_are_not_told_apart_there_is_room_until_it_is_full() {
        let all = || (0..3).map(|source| (source, None, t0()));
        assert_eq!((room(None, all(), 4), room(None, all(), 3)), (Vacancy::Free, Vacancy::Full));
    }
}
