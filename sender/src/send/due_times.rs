//! When each destination is due, the soonest first.

use std::time::Instant;

/// The destinations' times, by their numbers, in a binary heap: to find who is due, nobody else is looked at. It
/// allocates nothing but for a destination that is added.
#[derive(Clone, Debug, Default)]
pub(super) struct DueTimes {
    /// By number; `None` if there is nothing to do before something comes.
    times: Vec<Option<Instant>>,
    /// All numbers. Each is due no sooner than the one at half its place.
    heap: Vec<usize>,
    /// Where in the heap each number is.
    places: Vec<usize>,
}

impl DueTimes {
    /// One more destination, behind the others, is due at `time`.
    pub(super) fn add(&mut self, time: Instant) {
        let number = self.times.len();
        self.times.push(None);
        self.heap.push(number);
        self.places.push(number);
        self.set(number, Some(time));
    }

    /// Takes a destination out: those behind it have the number before theirs from now on.
    pub(super) fn remove(&mut self, number: usize) {
        self.times.remove(number);
        self.heap.pop();
        self.places.pop();
        for number in 0..self.times.len() {
            (self.heap[number], self.places[number]) = (number, number);
        }
        (0..self.times.len() / 2).rev().for_each(|place| self.sink(place));
    }

    /// This destination is due at another time.
    pub(super) fn set(&mut self, number: usize, time: Option<Instant>) {
        self.times[number] = time;
        self.rise(self.places[number]);
        self.sink(self.places[number]);
    }

    /// All are due at `time`.
    pub(super) fn set_all(&mut self, time: Instant) {
        self.times.fill(Some(time));
    }

    /// When the first of them is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.first().and_then(|&number| self.times[number])
    }

    /// Adds to `due` those who are due now, the first to have been so in front. They are not due again before that is
    /// [`set`](Self::set).
    pub(super) fn take(&mut self, due: &mut Vec<usize>, now: Instant) {
        while let Some(&number) = self.heap.first()
            && self.times[number].is_some_and(|time| time <= now)
        {
            due.push(number);
            self.set(number, None);
        }
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.is_sooner(place, (place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let mut soonest = place;
            for below in [2 * place + 1, 2 * place + 2] {
                if below < self.heap.len() && self.is_sooner(below, soonest) {
                    soonest = below;
                }
            }
            if soonest == place {
                return;
            }
            self.swap(place, soonest);
            place = soonest;
        }
    }

    fn is_sooner(&self, place: usize, other: usize) -> bool {
        match (self.times[self.heap[place]], self.times[self.heap[other]]) {
            (Some(time), Some(other)) => time < other,
            (time, other) => time.is_some() && other.is_none(),
        }
    }

    fn swap(&mut self, place: usize, other: usize) {
        self.heap.swap(place, other);
        (self.places[self.heap[place]], self.places[self.heap[other]]) = (place, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Random;
    use std::time::Duration;

    #[test]
    fn whatever_is_set_who_is_due_is_found_in_order_and_nobody_else() {
        let (mut random, t0) = (Random::new(1), Instant::now());
        let (mut due_times, mut plain, mut due) = (DueTimes::default(), Vec::new(), Vec::new());
        for step in 0..20_000 {
            let time = t0 + Duration::from_micros(random.below(1000));
            let number = random.below(plain.len().max(1) as u64) as usize;
            match random.below(20) {
                0 | 1 if plain.len() < 40 => {
                    due_times.add(time);
                    plain.push(Some(time));
                }
                _ if plain.is_empty() => {}
                2 => {
                    due_times.remove(number);
                    plain.remove(number);
                }
                3 if step % 50 == 0 => {
                    due_times.set_all(time);
                    plain.fill(Some(time));
                }
                4 => {
                    due_times.take(&mut due, time);
                    assert!(due.windows(2).all(|pair| plain[pair[0]] <= plain[pair[1]]));
                    due.sort_unstable();
                    let is_due = |number: &usize| plain[*number].is_some_and(|at| at <= time);
                    assert_eq!(due, (0..plain.len()).filter(is_due).collect::<Vec<_>>());
                    due.drain(..).for_each(|number| plain[number] = None);
                }
                other => {
                    let time = (other != 5).then_some(time);
                    due_times.set(number, time);
                    plain[number] = time;
                }
            }
            assert_eq!(due_times.next(), plain.iter().flatten().min().copied());
        }
    }
}
