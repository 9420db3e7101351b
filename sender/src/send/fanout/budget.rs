//! The frame budget: how large frames may be, so that the paths that are followed carry the stream.

use proto::Follow;

use super::super::destination::Destination;
use super::Fanout;
use crate::net::computer_of;

impl Fanout {
    /// How many bytes a picture may have, so that the paths of those who are followed carry the stream. If nobody was
    /// named to be followed, that is the slowest destination, and of the subscribers the slower half is not waited for;
    /// one computer is one of them, however many of its ports subscribe.
    pub(crate) fn frame_budget(&mut self, follow: Option<Follow>) -> Option<usize> {
        if !std::mem::take(&mut self.budgets_changed) {
            return self.frame_budget;
        }
        let Self { destinations, served, budgets, voices, .. } = self;
        let is_served =
            |destination: &Destination| served.as_ref().is_some_and(|s| s.has(destination.socket));
        let mut least = usize::MAX;
        for (of_served, usual) in [(false, Follow::Slowest), (true, FOLLOW_SERVED)] {
            let own = destinations.iter().filter(|destination| is_served(destination) == of_served);
            voices.clear();
            voices.extend(own.enumerate().map(|(number, destination)| {
                // Where somebody is to be sent to in any case, each counts.
                let key = if of_served { computer_of(&destination.route().to()).key } else { number as u128 };
                (key, destination.budget().unwrap_or(usize::MAX))
            }));
            one_voice_each(voices, budgets);
            least = followed(budgets, follow.unwrap_or(usual)).map_or(least, |budget| budget.min(least));
        }
        self.frame_budget = Some(least).filter(|&bytes| bytes < usize::MAX);
        self.frame_budget
    }
}

/// Of each computer the largest budget, since its viewers share a path.
pub(super) fn one_voice_each(voices: &mut [(u128, usize)], budgets: &mut Vec<usize>) {
    voices.sort_unstable();
    budgets.clear();
    budgets
        .extend(voices.chunk_by(|a, b| a.0 == b.0).filter_map(|own| own.last()).map(|&(_, budget)| budget));
}

/// The budget of the one that is followed.
pub(super) fn followed(budgets: &mut [usize], follow: Follow) -> Option<usize> {
    budgets.sort_unstable();
    let at = match follow {
        Follow::Slowest => 0,
        Follow::Percentile(percentile) => budgets.len() * usize::from(percentile) / 100,
    };
    budgets.get(at.min(budgets.len().saturating_sub(1))).copied()
}

/// Anybody may subscribe, also from behind a slow path: that lowers the quality for the others only where most have
/// one.
pub(super) const FOLLOW_SERVED: Follow = Follow::Percentile(50);
