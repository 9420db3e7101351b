//! One receiver of a group has a bad path: it gets repair, and the others do not notice.

use crate::common::journey::{EACH_FRAME, Journey, LEARNING_SECONDS, is_long, late, transits};
use crate::common::running::{count, sender_adds_up};
use crate::common::viewer::{Viewer, hosts_and_footage, viewing};
use crate::common::{alone, figure, pause, seconds, side_by_side};

#[test]
fn one_lossy_receiver_of_a_group_costs_the_others_nothing() {
    let _alone = alone();
    let [Some(whole), Some(lossy)] = side_by_side([0, 50].map(|loss| move || watch(loss))) else { return };
    for (number, (with, without)) in lossy.iter().zip(&whole).enumerate() {
        let who = if number == LOSSY { "the one with 5 % loss" } else { "one of the others" };
        figure(&format!("group of three, {who}: delivered of {}", with.sent), with.delivered);
        assert_eq!(without.delivered, without.sent, "without loss, receiver {number}: {}", without.account);
        if number == LOSSY {
            // A frame may be lost before the receiver is known to the sender: in a short run that is more than 0.1 %.
            let least = if is_long() { with.sent as f64 * 0.999 } else { with.sent as f64 - 2.0 };
            assert!(with.delivered as f64 >= least, "{}", with.account);
        } else {
            assert_eq!(with.delivered, with.sent, "receiver {number}: {}", with.account);
        }
    }
    let others = |watched: &[Watched]| late(watched[..LOSSY].iter().flat_map(|one| one.transits.clone()));
    let [with, without] = [&lossy, &whole].map(|watched| others(watched));
    figure("group of three, the others: late, and without loss, ms", format!("{with:.1} {without:.1}"));
    assert!(with <= without + 2.0, "{with:.1} for {without:.1} ms: {}", lossy[0].account);
}

/// What came to one receiver.
struct Watched {
    sent: u64,
    delivered: u64,
    /// From capture to last chunk, once the path is known, in milliseconds.
    transits: Vec<f64>,
    account: String,
}

/// Sends to a group of three, of whom one loses so many of a thousand datagrams.
fn watch(loss: u32) -> Option<Vec<Watched>> {
    const GROUP: &str = "239.255.10.1:9000";
    let (lab, file, clip) = hosts_and_footage(4)?;
    lab.netlab(&["loss", "host3", &loss.to_string()]);
    let arguments = [&viewing(GROUP)[..], &["--stats-interval", EACH_FRAME]].concat();
    let viewers = ["host1", "host2", "host3"].map(|host| Viewer::on(&lab, host, &arguments, &clip));
    // The switch has to hear of the last member.
    pause(300);
    let (file, frames) = (file.to_str().unwrap(), Journey::frames().to_string());
    let source = ["--source", file, "--loop", "--fps", "30", "--frames", &frames];
    let sender = lab.sender("host0", &[&["--dest", GROUP, "--interface", "eth0"], &source[..]].concat());
    let sent = sender.end_within(u64::from(seconds()) * 2 + 10);
    pause(300);
    sender_adds_up(sent.totals());
    let watched = viewers.into_iter().map(|viewer| {
        let (received, _) = viewer.finish(&clip);
        let transits = transits(&received.stats);
        let settled = transits.iter().filter(|transit| transit.at > LEARNING_SECONDS.into());
        Watched {
            sent: count(sent.totals(), "/frames/sent"),
            delivered: count(received.totals(), "/frames/delivered"),
            transits: settled.map(|transit| transit.ms).collect(),
            account: format!("sender: {}\nreceiver: {}", sent.totals(), received.totals()),
        }
    });
    Some(watched.collect())
}

/// The one on host3.
const LOSSY: usize = 2;
