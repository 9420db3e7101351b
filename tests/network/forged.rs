//! Datagrams forged in the sender's name, from its own address.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;

use crate::common::clip::Clip;
use crate::common::forgery::{control, packet, raw_socket};
use crate::common::lab::Lab;
use crate::common::running::{Running, count};
use crate::common::viewer::{Viewer, viewing};
use crate::common::{Folder, beside_others, figure, pause};
use proto::wire::{self, Header, Kind};
use proto::{FrameId, MediaTime, SessionId};
use socket2::Socket;

/// Who forges, and in whose name.
struct Forger {
    socket: Socket,
    from: SocketAddrV4,
    to: SocketAddrV4,
    session: SessionId,
}

impl Forger {
    fn of(lab: &Lab, to: &str, viewer: &Running) -> Self {
        let stats = viewer.stats().expect("it has said what it receives");
        let session = u64::from_str_radix(stats["session"].as_str().unwrap(), 16).unwrap();
        Self {
            socket: lab.on("host2", raw_socket),
            from: stats["source"].as_str().unwrap().parse().unwrap(),
            to: to.parse().unwrap(),
            session: SessionId::new(session),
        }
    }

    fn send(&self, datagram: &[u8]) {
        let packet = packet(self.from, self.to, datagram);
        self.socket.send_to(&packet, &SocketAddr::V4(self.to).into()).unwrap();
    }

    fn say(&self, header: Header, body: &[u8]) {
        let mut datagram = vec![0; wire::HEADER_BYTES];
        datagram.extend_from_slice(body);
        wire::emit(&header, &mut datagram);
        self.send(&datagram);
    }

    fn control(&self, kind: Kind, session: SessionId, body: &[u8]) {
        self.send(&control(kind, session, body));
    }

    /// A frame of one chunk, so far ahead of `newest`.
    fn frame(&self, newest: u64, ahead: u32) {
        let frame = FrameId::new(newest as u32 + ahead);
        let header = Header::control(Kind::Data, self.session, frame, MediaTime::from_micros(1));
        self.say(Header { parts: 1, data_chunks: 1, length: 4, ..header }, &[0xff, 0xd8, 0xff, 0xd9]);
    }
}

/// What is forged, given how many frames were sent.
type Trick = fn(&Forger, u64);

#[test]
fn what_is_forged_in_the_senders_name_ends_and_freezes_nothing() {
    forge("10.77.0.2:9000");
}

#[test]
fn what_is_forged_in_the_senders_name_ends_and_freezes_nothing_for_a_group() {
    forge("239.255.10.1:9000");
}

/// Forges all that there is while a sender sends there.
fn forge(to: &str) {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let (folder, clip) = (Folder::new(), Arc::new(Clip::made(60, 320, 240)));
    let file = folder.join("clip.mjpeg");
    clip.write(&file);
    let tricks: [(&str, Trick); 5] = [
        ("a hello of another session", |forger, _| {
            forger.control(Kind::Hello, SessionId::new(0xe1), &[0, 4, b'e', b'v', b'i', b'l']);
        }),
        ("a goodbye", |forger, _| forger.control(Kind::Goodbye, forger.session, &[])),
        ("a goodbye of another session", |forger, _| {
            forger.control(Kind::Goodbye, SessionId::new(0xe1), &[]);
        }),
        ("frames ahead", |forger, newest| (1..9).for_each(|nth| forger.frame(newest, nth * 8))),
        ("frames far ahead", |forger, newest| (1..200).for_each(|nth| forger.frame(newest, nth * 1000))),
    ];
    let viewer = Viewer::on(&lab, "host1", &viewing(to), &clip);
    let sender =
        lab.sender("host0", &["--dest", to, "--source", &file, "--loop", "--fps", "30", "--name", "door"]);
    viewer.collector.wait_for(30, std::time::Duration::from_secs(10)).expect("the stream begins");
    pause(600);
    let forger = Forger::of(&lab, to, &viewer.running);
    for (name, trick) in tricks {
        trick(&forger, count(&sender.stats().unwrap(), "/frames/sent") + 10);
        pause(1000);
        // The second that it may cost is over.
        let before = viewer.collector.count();
        pause(1500);
        let shown = viewer.collector.count() - before;
        figure(&format!("{to}, {name}: frames in the second half of 2.5 s, of 45"), shown);
        assert!(shown >= 30, "{to}, {name}: {shown} of 45: {:?}", viewer.running.stats());
    }
    let sent = sender.interrupt();
    pause(300);
    let received = viewer.running.interrupt();
    let arrivals = viewer.collector.finish();
    let mine = arrivals.iter().filter(|arrival| arrival.number.is_some()).count();
    let total = count(sent.totals(), "/frames/sent");
    figure(&format!("{to}: of {total} frames"), mine);
    assert!(count(received.totals(), "/datagrams/contested") > 0, "nothing was noticed");
    assert!(received.said.contains("somebody speaks in the name of 10.77.0.1"), "nothing was said");
}

#[test]
fn a_packet_of_another_ssrc_in_the_senders_name_ends_no_rtp_stream() {
    let _turn = beside_others();
    let Some(lab) = Lab::up(3) else { return };
    let (folder, clip) = (Folder::new(), Arc::new(Clip::made(60, 320, 240)));
    let file = folder.join("clip.mjpeg");
    clip.write(&file);
    let (to, clip) = ("10.77.0.2:9000", Arc::new(clip.after_rtp()));
    let viewer = Viewer::on(&lab, "host1", &["--listen", to, "--output", "-", "--format", "rtp"], &clip);
    let arguments = ["--dest", to, "--format", "rtp", "--source", &file, "--loop", "--fps", "30"];
    let sender = lab.sender("host0", &arguments);
    viewer.collector.wait_for(30, std::time::Duration::from_secs(10)).expect("the stream begins");
    pause(600);
    let forger = Forger::of(&lab, to, &viewer.running);
    // RTP/JPEG's headers, a byte of a picture, and the marker of its end.
    let mut packet = vec![0x80, 0x80 | 26, 0, 1, 0, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef];
    packet.extend([0, 0, 0, 0, 1, 80, 8, 8, 0]);
    let ssrc = (forger.session.get() as u32).to_be_bytes();
    let bye = [&[0x80, 201, 0, 1][..], &ssrc, &[0x81, 203, 0, 1], &ssrc].concat();
    for (name, forged) in [("another SSRC", packet), ("a goodbye", bye)] {
        forger.send(&forged);
        pause(1000);
        let before = viewer.collector.count();
        pause(1500);
        let shown = viewer.collector.count() - before;
        figure(&format!("RTP, {name}: frames in the second half of 2.5 s, of 45"), shown);
        assert!(shown >= 30, "{name}: {shown} of 45: {:?}", viewer.running.stats());
    }
    sender.interrupt();
    viewer.running.interrupt();
}
