//! Both programs on hosts of their own: real footage, loss, a bottleneck, multicast, a pulled cable.

mod changes;
mod sizes;

use std::sync::Arc;
use std::time::Duration;

use crate::common::clip::Clip;
use crate::common::collector::Arrival;
use crate::common::lab::Lab;
use crate::common::running::{Ended, count, sender_adds_up};
use crate::common::viewer::{Viewer, hosts_and_footage, viewing};
use crate::common::{Folder, alone, beside_others, comes_to, figure, pause, seconds};

#[test]
fn real_footage_crosses_a_network_whole() {
    let _alone = alone();
    let Some((lab, file, clip)) = hosts_and_footage(2) else { return };
    for fps in [30, 60] {
        let stream = Stream { fps, to: "10.77.0.2:9000", more: &[] };
        let (_, received, arrivals) = stream.run(&lab, &file, &clip);
        let total = stream.frames();
        figure(&format!("between hosts, 1080p at {fps} fps, delivered of {total}"), arrivals.len());
        assert!(arrivals.len() as f64 >= total as f64 * 0.999 - 1.0, "{}", received.totals());
    }
}

#[test]
fn without_repair_no_damaged_frame_is_delivered_and_what_was_lost_has_a_name() {
    let _turn = beside_others();
    let Some((lab, file, clip)) = hosts_and_footage(2) else { return };
    lab.netlab(&["loss", "host1", "10"]);
    let stream = Stream { fps: 30, to: "10.77.0.2:9000", more: &["--fec", "off", "--resend", "off"] };
    let (_, received, arrivals) = stream.run(&lab, &file, &clip);
    let totals = received.totals();
    let lost = count(totals, "/frames/lost");
    figure(&format!("1 % random loss, delivered of {}", stream.frames()), arrivals.len());
    figure("1 % random loss, lost by name", &totals["lost"]);
    assert!(lost > 0 && count(totals, "/datagrams/missing") >= lost, "{totals}");
    assert!(arrivals.len() as u64 + lost <= stream.frames(), "{totals}");
    assert!(arrivals.len() as u64 + lost + 5 >= stream.frames(), "a frame was lost without a name: {totals}");
}

#[test]
fn through_a_bottleneck_with_a_small_queue_the_stream_is_paced() {
    let _alone = alone();
    let Some((lab, file, clip)) = hosts_and_footage(2) else { return };
    lab.netlab(&["rate", "host1", "100mbit", "65536"]);
    let stream = Stream { fps: 30, to: "10.77.0.2:9000", more: &[] };
    let (_, received, arrivals) = stream.run(&lab, &file, &clip);
    figure(&format!("100 Mbit/s, 64 KB queue, delivered of {}", stream.frames()), arrivals.len());
    assert!(arrivals.len() as f64 >= stream.frames() as f64 * 0.999 - 1.0, "{}", received.totals());
}

#[test]
fn an_unpaced_frame_goes_out_whole_also_by_an_interface_that_takes_it_slower() {
    let _alone = alone();
    let Some(lab) = Lab::up(2) else { return };
    // Unlike at a switch's port, nothing is dropped here: the socket's buffer fills, many times in a frame.
    let slow = ["tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "400mbit", "burst", "128k"];
    lab.run("host0", &[&slow[..], &["limit", "100000000"]].concat());
    let (folder, clip) = (Folder::new(), Arc::new(Clip::made(4, 2560, 1440)));
    let file = folder.join("clip.mjpeg");
    clip.write(&file);
    assert!(clip.frames.iter().all(|frame| frame.len() > 500_000), "larger than what a socket has room for");
    let viewer = Viewer::on(&lab, "host1", &viewing("10.77.0.2:9000"), &clip);
    let fixed = ["--dest", "10.77.0.2:9000", "--source", &file, "--loop", "--fps", "5", "--frames", "20"];
    let more = ["--pace", "off", "--fec", "off", "--resend", "off"];
    let sent = lab.sender("host0", &[&fixed[..], &more].concat()).end_within(15);
    pause(300);
    let (received, arrivals) = viewer.finish(&clip);
    figure("unpaced by an interface of 400 Mbit/s, delivered of 20", arrivals.len());
    figure("unpaced by an interface of 400 Mbit/s, ms of sending", &sent.totals()["ms"]["send"]);
    assert_eq!(count(sent.totals(), "/errors/send"), 0, "{}", sent.totals());
    assert!(arrivals.len() >= 19, "{}", received.totals());
}

#[test]
fn several_hosts_watch_one_group_and_each_may_come_late_and_leave() {
    let _alone = alone();
    let Some((lab, file, clip)) = hosts_and_footage(4) else { return };
    for (group, hex) in [("239.255.10.1:9000", "239.255.10.1"), ("[ff15::c4a1]:9000", "ff15::c4a1")] {
        let early = ["host1", "host2"].map(|host| Viewer::on(&lab, host, &viewing(group), &clip));
        let file = file.to_str().unwrap();
        let sender = lab.sender(
            "host0",
            &["--dest", group, "--interface", "eth0", "--source", file, "--loop", "--fps", "30"],
        );
        for viewer in &early {
            assert!(
                viewer.collector.wait_for(20, Duration::from_secs(5)).is_some(),
                "{}",
                viewer.running.said()
            );
        }
        let late = Viewer::on(&lab, "host3", &viewing(group), &clip);
        let waited =
            late.collector.wait_for(1, Duration::from_secs(5)).expect("a late viewer sees the stream");
        figure(&format!("{group}: a late viewer sees a picture after ms"), waited.as_millis());
        assert!(waited < Duration::from_secs(1), "a late viewer waited {waited:?}");
        late.collector.wait_for(20, Duration::from_secs(5)).expect("it goes on");
        assert!(lab.run("host3", &["ip", "maddr", "show", "dev", "eth0"]).contains(hex), "host3 is a member");
        late.finish(&clip);
        assert!(!lab.run("host3", &["ip", "maddr", "show", "dev", "eth0"]).contains(hex), "host3 has left");
        pause(u64::from(seconds()) * 200);
        let sent = sender.interrupt();
        pause(300);
        let total = count(sent.totals(), "/frames/sent");
        for viewer in early {
            let (_, arrivals) = viewer.finish(&clip);
            figure(&format!("{group}: delivered of {total}"), arrivals.len());
            assert!(arrivals.len() as u64 + 2 >= total, "{} of {total}", arrivals.len());
        }
    }
}

#[test]
fn two_groups_on_one_port_do_not_mix() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    for [one, two] in [["239.255.10.1:9000", "239.255.10.2:9000"], ["[ff15::a]:9000", "[ff15::b]:9000"]] {
        let folder = Folder::new();
        let clips = [30, 40].map(|count| Arc::new(Clip::made(count, 320, 240)));
        // The frames of the second begin where the first's noise does, so only those past it are told apart.
        let clips =
            [Arc::new(Clip::of(&clips[0].bytes())), Arc::new(Clip::of(&clips[1].frames[30..].concat()))];
        let viewers = [(one, &clips[0]), (two, &clips[1])].map(|(group, clip)| {
            let viewer = Viewer::on(&lab, "host1", &viewing(group), clip);
            pause(300);
            viewer
        });
        let senders =
            [(one, &clips[0], "one.mjpeg"), (two, &clips[1], "two.mjpeg")].map(|(group, clip, name)| {
                let file = folder.join(name);
                clip.write(&file);
                lab.sender(
                    "host0",
                    &["--dest", group, "--interface", "eth0", "--source", &file, "--loop", "--fps", "20"],
                )
            });
        pause(2000);
        for sender in senders {
            sender.interrupt();
        }
        for (viewer, clip) in viewers.into_iter().zip(&clips) {
            let (received, arrivals) = viewer.finish(clip);
            assert!(arrivals.len() > 20, "{} frames", arrivals.len());
            assert_eq!(count(received.totals(), "/datagrams/foreign"), 0, "{}", received.totals());
        }
    }
}

#[test]
fn a_group_without_a_route_is_explained() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(1) else { return };
    lab.run("host0", &["ip", "route", "del", "default"]);
    let arguments = ["--dest", "239.255.10.1:9000", "--source", "pattern"];
    let waiting = lab.sender("host0", &arguments);
    let way_out = || ["no route to the group 239.255.10.1", "--interface", "tried again"];
    let explains = |said: &str| way_out().iter().all(|word| said.contains(word));
    assert!(comes_to(|| explains(&waiting.said())), "{}", waiting.said());
    let ended = waiting.interrupt();
    assert!(ended.status.success(), "{}", ended.said);
    // With the interface named, no route is needed.
    let sender = lab.sender("host0", &[&arguments[..], &["--interface", "eth0", "--frames", "10"]].concat());
    assert!(sender.end_within(5).status.success());
}

#[test]
fn the_picture_is_back_within_a_second_after_a_cut_cable_and_a_killed_end() {
    let _turn = beside_others();
    let Some((lab, file, clip)) = hosts_and_footage(2) else { return };
    let file = file.to_str().unwrap();
    let sending = ["--dest", "10.77.0.2:9000", "--source", file, "--loop", "--fps", "30"];
    let mut viewer = Viewer::on(&lab, "host1", &viewing("10.77.0.2:9000"), &clip);
    let mut sender = lab.sender("host0", &sending);
    let back = |viewer: &Viewer, after: &str| {
        let back =
            viewer.collector.wait_for(1, Duration::from_secs(10)).unwrap_or_else(|| panic!("after {after}"));
        figure(&format!("after {after}: back after ms"), back.as_millis());
        assert!(back < Duration::from_secs(1), "after {after} the picture came back after {back:?}");
    };
    viewer.collector.wait_for(20, Duration::from_secs(5)).expect("it begins");
    for cut in ["host0", "host1"] {
        lab.netlab(&["cut", cut]);
        pause(5000);
        lab.netlab(&["join", cut]);
        back(&viewer, &format!("{cut}'s cable was out for 5 s"));
        viewer.collector.wait_for(20, Duration::from_secs(5)).expect("it goes on");
    }
    sender.kill();
    sender = lab.sender("host0", &sending);
    back(&viewer, "the sender was killed");
    viewer.running.kill();
    assert!(viewer.collector.finish().iter().all(|arrival| arrival.number.is_some()));
    viewer = Viewer::on(&lab, "host1", &viewing("10.77.0.2:9000"), &clip);
    back(&viewer, "the receiver was killed");
    sender_adds_up(sender.interrupt().totals());
    viewer.finish(&clip);
}

#[test]
fn the_picture_of_a_group_is_back_soon_after_a_cut_cable_and_a_switch_that_forgot_who_joined() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(2) else { return };
    let folder = Folder::new();
    let clip = Clip::made(400, 160, 120);
    let file = folder.join("clip.mjpeg");
    clip.write(&file);
    let clip = Arc::new(clip);
    for group in ["239.255.10.1:9000", "[ff15::77]:9000"] {
        let viewer = Viewer::on(&lab, "host1", &viewing(group), &clip);
        let source = ["--source", &file, "--loop", "--fps", "30"];
        let sender = lab.sender("host0", &[&["--dest", group, "--interface", "eth0"], &source[..]].concat());
        viewer.collector.wait_for(30, Duration::from_secs(5)).expect("it begins");
        lab.netlab(&["cut", "host1"]);
        pause(2500);
        lab.netlab(&["join", "host1"]);
        let back = viewer.collector.wait_for(1, Duration::from_secs(10)).expect("it comes back");
        figure(&format!("{group} after a cut cable: back after ms"), back.as_millis());
        assert!(back < Duration::from_secs(1), "{group} came back after {back:?}");
        // The sender answers what the receiver says to it all the while: that is no sign that the group comes.
        let forget = || {
            lab.netlab(&["forget", "host1"]);
            pause(300);
            viewer.collector.wait_for(1, Duration::from_millis(500)).is_none()
        };
        // A report that answers a query of before may come meanwhile.
        assert!((0..5).any(|_| forget()), "{group} still comes, so this shows nothing");
        let back = viewer.collector.wait_for(1, Duration::from_secs(10)).expect("it is joined again");
        figure(&format!("{group} after the switch forgot: back after 800 ms and"), back.as_millis());
        assert!(back < Duration::from_secs(3), "{group} came back after {back:?}");
        sender.interrupt();
        viewer.finish(&clip);
    }
}

/// A stream of real footage from host0 to one receiver on host1.
struct Stream<'a> {
    fps: u32,
    to: &'a str,
    more: &'a [&'a str],
}

impl Stream<'_> {
    fn frames(&self) -> u64 {
        u64::from(self.fps * seconds())
    }

    /// Runs it to its end. What came is whole, in order and not twice, and what both ends counted adds up.
    fn run(&self, lab: &Lab, file: &std::path::Path, clip: &Arc<Clip>) -> (Ended, Ended, Vec<Arrival>) {
        let viewer = Viewer::on(lab, "host1", &viewing(self.to), clip);
        let (fps, frames) = (self.fps.to_string(), self.frames().to_string());
        let fixed = ["--dest", self.to, "--source", file.to_str().unwrap(), "--loop", "--fps", &fps];
        let sender = lab.sender("host0", &[&fixed[..], &["--frames", &frames], self.more].concat());
        let sent = sender.end_within(u64::from(seconds()) * 2 + 5);
        pause(300);
        let (received, arrivals) = viewer.finish(clip);
        sender_adds_up(sent.totals());
        (sent, received, arrivals)
    }
}
