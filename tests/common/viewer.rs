//! Receivers on a lab's hosts, whose every frame is looked at.

use std::path::PathBuf;
use std::sync::Arc;

use super::clip::{Clip, footage};
use super::collector::{Arrival, Collector, assert_whole_and_in_order};
use super::lab::Lab;
use super::running::{Ended, Running, count, receiver_adds_up};

/// A receiver, and what it delivers.
pub(crate) struct Viewer {
    pub(crate) running: Running,
    pub(crate) collector: Collector,
}

impl Viewer {
    /// A receiver on `host`, listening before this returns; `arguments` hold `--output -`.
    pub(crate) fn on(lab: &Lab, host: &str, arguments: &[&str], clip: &Arc<Clip>) -> Self {
        Self::of(lab.receiver(host, arguments), clip)
    }

    /// The same with a receiver that runs already.
    pub(crate) fn of(mut running: Running, clip: &Arc<Clip>) -> Self {
        let collector = Collector::of(&mut running, clip);
        Self { running, collector }
    }

    /// Ends it. What came is whole, in order and not twice, and what it counted adds up.
    pub(crate) fn finish(self, clip: &Clip) -> (Ended, Vec<Arrival>) {
        let received = self.running.interrupt();
        let arrivals = self.collector.finish();
        assert_whole_and_in_order(&arrivals, clip);
        receiver_adds_up(received.totals());
        // Where two frames become whole at once, or this computer is busy, the pipe has only the newer one.
        let (delivered, passed_over) =
            (count(received.totals(), "/frames/delivered"), count(received.totals(), "/outputs/0/dropped"));
        assert_eq!(delivered, arrivals.len() as u64 + passed_over, "{}", received.totals());
        assert!(passed_over <= delivered / 20, "{}", received.totals());
        (received, arrivals)
    }
}

/// The arguments of a receiver at this address, which may be a group.
pub(crate) fn viewing(at: &str) -> Vec<&str> {
    let mut arguments = vec!["--listen", at, "--output", "-"];
    if at.starts_with("239.") || at.starts_with("[ff") {
        arguments.extend(["--interface", "eth0"]);
    }
    arguments
}

/// So many hosts, and the 1080p clip; `None`, said aloud, where that is not possible.
pub(crate) fn hosts_and_footage(hosts: usize) -> Option<(Lab, PathBuf, Arc<Clip>)> {
    let lab = Lab::up(hosts)?;
    let file = footage("bbb1080.mjpeg")?;
    let clip = Arc::new(Clip::read(&file));
    Some((lab, file, clip))
}
