//! The viewers of a stream, how well each receives, and which are followed.

pub(super) mod viewer;
mod witness;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use crate::computer::{ComputerOf, Vacancy, room};
use crate::rate::{Follow, PaceControl, Train};
use crate::seq::FrameId;
use crate::wire::ReportCounts;
use viewer::Viewer;

/// All of them, by address.
#[derive(Debug)]
pub(crate) struct Viewers<S> {
    all: BTreeMap<S, Viewer>,
    pace: PaceControl,
    computer: Option<ComputerOf<S>>,
    /// Until when new viewers are not followed before they have kept up: one was, for nothing.
    wary: Option<Instant>,
    /// Kept for its memory.
    voices: Vec<f64>,
}

impl<S: Copy + Debug + Ord> Viewers<S> {
    /// `follow` says whose path decides.
    pub(crate) fn new(follow: Follow) -> Self {
        Self {
            all: BTreeMap::new(),
            pace: PaceControl::new(follow),
            computer: None,
            wary: None,
            voices: Vec::new(),
        }
    }

    /// Tells computers apart from now on: each has a share of the places, and one voice.
    pub(crate) fn set_computers(&mut self, computer: ComputerOf<S>) {
        self.computer = Some(computer);
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&S, &Viewer)> {
        self.all.iter()
    }

    pub(crate) fn find(&mut self, source: S) -> Option<&mut Viewer> {
        self.all.get_mut(&source)
    }

    /// The viewer at an address that was proven; `None` if there are too many.
    pub(crate) fn admit(&mut self, source: S, streamed: u64, now: Instant) -> Option<&mut Viewer> {
        if !self.all.contains_key(&source) {
            let computer = self.computer.map(|computer| computer(&source));
            let placed = self.all.iter().map(|(source, viewer)| (*source, viewer.computer, viewer.since));
            match room(computer, placed, MOST_VIEWERS) {
                Vacancy::Free => {}
                Vacancy::Instead(other) => {
                    self.all.remove(&other);
                    let reason = "its place is for a computer with fewer";
                    tracing::debug!(viewer = ?other, reason, "viewer forgotten");
                }
                Vacancy::Full => return None,
            }
            self.all.insert(source, Viewer::new(computer, streamed, now));
            let (viewers, reason) = (self.all.len(), "it has shown its token");
            tracing::debug!(viewer = ?source, viewers, reason, "viewer admitted");
        }
        let viewer = self.all.get_mut(&source)?;
        viewer.heard = now;
        Some(viewer)
    }

    /// Takes in a report when `next` is the frame that will be sent next; returns how many first-time chunks arrived
    /// and how many did not since the one before.
    pub(crate) fn report(
        &mut self,
        source: S,
        counts: ReportCounts,
        next: FrameId,
        trains: &[Train],
        now: Instant,
    ) -> (u64, u64) {
        let Some(viewer) = self.all.get_mut(&source) else { return (0, 0) };
        viewer.path.heard(trains, now);
        let was_healthy = viewer.is_healthy();
        let chunks = viewer.report(counts, next, now);
        if was_healthy != viewer.is_healthy() {
            let (loss, reason) =
                (viewer.loss, if was_healthy { "it does not keep up" } else { "it keeps up" });
            tracing::debug!(viewer = ?source, is_followed = !was_healthy, loss, reason, "viewer judged");
        }
        if was_healthy && !viewer.is_healthy() && viewer.was_followed_in_vain() {
            self.wary = Some(now + WARY);
        }
        chunks
    }

    /// Forgets those of whom nothing was heard for `silence`.
    pub(crate) fn forget(&mut self, silence: Duration, now: Instant) {
        self.wary = self.wary.filter(|until| *until > now);
        let wary = &mut self.wary;
        self.all.retain(|source, viewer| {
            let silent = now.saturating_duration_since(viewer.heard);
            let stays = silent < silence;
            if !stays {
                let silent_ms = silent.as_millis() as u64;
                tracing::debug!(viewer = ?source, silent_ms, reason = "silence", "viewer forgotten");
            }
            if !stays && viewer.is_healthy() && viewer.was_followed_in_vain() {
                *wary = Some(now + WARY);
            }
            stays
        });
    }

    /// At how many bits per second to send, by those whose word counts; `None` if there are none.
    pub(crate) fn rate(&mut self, now: Instant) -> Option<f64> {
        self.follow(|viewer| viewer.path.rate(now))
    }

    /// Whether the ends of frames are to show what a path carries, after `sent` frames of the stream; also before
    /// anybody has reported, but not for long, as perhaps nobody will.
    pub(crate) fn want_sprints(&self, sent: u64) -> bool {
        let mut followed = followed(&self.all, self.wary.is_some()).peekable();
        if followed.peek().is_none() {
            return sent < UNTOLD_SPRINTS;
        }
        followed.any(|viewer| viewer.path.wants_sprints())
    }

    /// Whether frames may go in several parts: all who are known take them, and somebody is. Who has no room here is not
    /// known.
    pub(crate) fn take_parts(&self) -> bool {
        (1..MOST_VIEWERS).contains(&self.all.len()) && self.all.values().all(|viewer| viewer.takes_parts)
    }

    /// How many bits per second the paths carry, by those whose word counts; `None` if none has shown a limit.
    pub(crate) fn limit(&mut self) -> Option<f64> {
        self.follow(|viewer| viewer.limit().unwrap_or(f64::INFINITY)).filter(|limit| limit.is_finite())
    }

    /// Whether there is nothing more to learn of any path.
    pub(crate) fn are_settled(&self) -> bool {
        self.all.values().all(|viewer| viewer.path.is_settled())
    }

    /// Whether the next reports may show that a path carries more; also before there are any.
    pub(crate) fn are_rising(&self) -> bool {
        self.all.is_empty() || self.all.values().any(|viewer| viewer.path.is_rising())
    }

    /// Whether the viewer with the most loss is this one, of those whose word counts.
    pub(crate) fn is_worst(&self, source: S) -> bool {
        let Some(own) = self.all.get(&source) else { return false };
        let followed = || followed(&self.all, self.wary.is_some());
        followed().any(|viewer| std::ptr::eq(viewer, own)) && followed().all(|viewer| viewer.loss <= own.loss)
    }

    /// What the one says whose path decides. A computer has one voice: the best of its receivers', since they share its
    /// path.
    fn follow(&mut self, rate: impl Fn(&Viewer) -> f64) -> Option<f64> {
        self.voices.clear();
        let mut before = None;
        for viewer in followed(&self.all, self.wary.is_some()) {
            let (key, rate) = (viewer.computer.map(|computer| computer.key), rate(viewer));
            match self.voices.last_mut() {
                Some(voice) if key.is_some() && key == before => *voice = voice.max(rate),
                _ => self.voices.push(rate),
            }
            before = key;
        }
        self.pace.follow(self.voices.iter().copied())
    }
}

/// Whose word counts: who has reported and keeps up; of new ones, where one was followed in vain, only who has kept up.
/// Where that is nobody, all of them.
fn followed<S>(all: &BTreeMap<S, Viewer>, is_wary: bool) -> impl Iterator<Item = &Viewer> {
    let counts = move |viewer: &Viewer| viewer.is_healthy() && (viewer.kept_up || !is_wary);
    let none = !all.values().any(counts);
    all.values().filter(move |viewer| viewer.reported && (counts(viewer) || none))
}

/// Reports of the first frame come before the fourth.
const UNTOLD_SPRINTS: u64 = 3;
/// As many as a class C network has hosts, four times. Each takes half a kilobyte.
const MOST_VIEWERS: usize = 1024;
/// A path that a new viewer only claims to have slows the others for two seconds in so many.
const WARY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::t0;

    /// A report after so many frames.
    fn report(
        viewers: &mut Viewers<u8>,
        source: u8,
        [delivered, lost, missing]: [u32; 3],
        frames: u32,
        now: Instant,
    ) {
        let before = viewers.admit(source, 0, now).unwrap().counts;
        let counts = ReportCounts {
            delivered: before.delivered + delivered,
            lost: before.lost + lost,
            arrived: before.arrived + 100 - missing,
            missing: before.missing + missing,
            ..before
        };
        viewers.report(source, counts, FrameId::new(frames), &[], now);
    }

    #[test]
    fn the_worst_is_one_whose_word_counts() {
        let (t0, mut viewers) = (t0(), Viewers::new(Follow::Slowest));
        for millis in (0..3000_u32).step_by(100) {
            let frames = millis * 3 / 100;
            let now = t0 + Duration::from_millis(millis.into());
            report(&mut viewers, 1, [3, 0, 1], frames, now);
            report(&mut viewers, 2, [3, 0, 5], frames, now);
            report(&mut viewers, 3, [0, 3, 60], frames, now);
            let worst = [1, 2, 3].map(|source| viewers.is_worst(source));
            let is_ill = millis >= 2000;
            assert_eq!(worst, [false, is_ill, !is_ill], "{millis} ms");
        }
        viewers.forget(Duration::ZERO, t0 + Duration::from_secs(9));
        assert!(!viewers.is_worst(3), "nobody is known");
    }

    #[test]
    fn there_are_only_so_many_and_who_falls_silent_makes_room() {
        let (mut viewers, now) = (Viewers::<u32>::new(Follow::Slowest), t0());
        for source in 0..5000 {
            assert_eq!(viewers.admit(source, 0, now).is_some(), (source as usize) < MOST_VIEWERS, "{source}");
        }
        assert_eq!(viewers.len(), MOST_VIEWERS);
        let later = now + Duration::from_secs(9);
        assert!(viewers.admit(7, 0, later).is_some(), "who is there stays");
        viewers.forget(Duration::from_secs(5), later);
        assert_eq!(viewers.len(), 1);
        assert!(viewers.admit(5000, 0, later).is_some());
    }
}
