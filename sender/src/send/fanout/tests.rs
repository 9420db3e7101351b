mod keyed;

use super::*;

use std::net::UdpSocket;
use std::sync::Arc;

use clap::Parser;
use proto::Follow;
use proto::wire::{Body, Datagram};
use proto::{Clock, Frame, MediaTime, SessionId, SubscribeOutput, Subscriber};

use super::super::ledger::FrameLedger;
use super::budget::{FOLLOW_SERVED, followed, one_voice_each};
use super::feedback::FEEDBACK_AT_ONCE;
use crate::args::Args;
use crate::net::computer_of;
use crate::serve::ServeAt;

const SESSION: SessionId = SessionId::new(1);
const SECRET: [u8; 16] = [7; 16];

/// Destinations, and what is counted of them.
struct Setup {
    fanout: Fanout,
    ledger: FrameLedger,
    stats: Stats,
}

impl Setup {
    fn new() -> Self {
        let fanout = Fanout::new(streams("auto"), NetworkOptions::default()).unwrap();
        Self { fanout, ledger: FrameLedger::default(), stats: Stats::default() }
    }

    /// A port on this computer at which at most so many may watch.
    fn serving(most: usize) -> (Self, SocketAddr) {
        let mut setup = Self::new();
        let at = ServeAt::Address("127.0.0.1:0".parse().unwrap());
        let sockets = at.open(&NetworkOptions::default()).unwrap();
        let to = (std::net::Ipv4Addr::LOCALHOST, sockets[0].port().unwrap()).into();
        let clock = Clock::new(Instant::now(), MediaTime::default());
        setup
            .fanout
            .serve(sockets, SubscribeServer::new(SESSION, SECRET, most, clock).with_computers(computer_of));
        (setup, to)
    }

    fn receive(&mut self) {
        self.fanout.receive(0, &mut self.ledger, &self.stats, Instant::now());
    }

    fn drain(&mut self) {
        self.fanout.drain(SourceNews::default(), &mut self.ledger, &self.stats);
    }

    fn push(&mut self, captured: u64) {
        let frame = Frame {
            captured: MediaTime::from_micros(captured),
            jpeg: Arc::new(vec![7; 3000]),
            signature: None,
        };
        self.fanout.push(frame.into(), &mut self.ledger, &self.stats, Instant::now()).unwrap();
        self.drain();
    }

    /// Captured frames that were sent, and that nobody watched.
    fn counted(&self) -> (u64, u64) {
        let counters = self.stats.lock();
        (counters.sent, counters.unwatched)
    }
}

/// Streams that are paced like this.
fn streams(pace: &str) -> StreamFactory {
    let args = Args::parse_from(["sender", "--pace", pace]);
    let clock = Clock::new(Instant::now(), MediaTime::default());
    StreamFactory::new(args.format, args.send_config(SESSION, SECRET), None, clock)
}

/// A subscriber.
struct Viewer {
    socket: UdpSocket,
    to: SocketAddr,
    subscriber: Subscriber,
}

impl Viewer {
    fn new(to: SocketAddr) -> Self {
        Self::at("127.0.0.1", to)
    }

    fn at(from: &str, to: SocketAddr) -> Self {
        let socket = UdpSocket::bind((from, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        Self { socket, to, subscriber: Subscriber::new(Instant::now()) }
    }

    /// Asks, shows the token, and has the sender take both in.
    fn join(&mut self, setup: &mut Setup) {
        for _ in 0..2 {
            self.say();
            setup.receive();
            let mut place = [0; 2000];
            while let Ok(length) = self.socket.recv(&mut place)
                && self.subscriber.handle_datagram(&place[..length], Instant::now())
            {}
        }
    }

    fn say(&mut self) {
        while let SubscribeOutput::Transmit(subscribe) = self.subscriber.poll(Instant::now()) {
            self.socket.send_to(subscribe, self.to).unwrap();
        }
    }

    /// The frames that came, each once.
    fn frames(&self) -> Vec<u32> {
        let (mut frames, mut place) = (Vec::new(), [0; 2000]);
        while let Ok(length) = self.socket.recv(&mut place) {
            let read = Datagram::parse(&place[..length]).unwrap();
            if let Body::Data { .. } = read.body {
                frames.push(read.header.frame.get());
            }
        }
        frames.dedup();
        frames
    }
}

#[test]
fn what_is_due_goes_before_more_than_a_batch_of_feedback_is_read() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let options = NetworkOptions::default();
    let route = Route::find(receiver.local_addr().unwrap(), &options).unwrap();
    let mut setup = Setup::new();
    setup.fanout.add(SendSocket::open(&route, &options).unwrap(), route, &setup.stats);
    // The hello tells where to answer.
    setup.drain();
    let to = receiver.recv_from(&mut [0; 2000]).unwrap().1;
    for _ in 0..FEEDBACK_AT_ONCE + 3 {
        receiver.send_to(b"feedback", to).unwrap();
    }
    for read in [FEEDBACK_AT_ONCE, FEEDBACK_AT_ONCE + 3] {
        setup.receive();
        assert_eq!(setup.fanout.destinations[0].stream.stats().feedback.total(), read as u64);
    }
}

#[test]
fn of_many_destinations_only_those_that_are_due_are_looked_at() {
    let receivers: Vec<UdpSocket> = (0..16).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let (mut setup, options) = (Setup::new(), NetworkOptions::default());
    for (receiver, pace) in receivers.iter().zip(4..) {
        setup.fanout.streams = streams(&format!("{pace}mbit"));
        let route = Route::find(receiver.local_addr().unwrap(), &options).unwrap();
        setup.fanout.add(SendSocket::open(&route, &options).unwrap(), route, &setup.stats);
    }
    // All are given a frame, each in its own pace.
    setup.push(1);
    assert_eq!(setup.fanout.touched.len(), receivers.len());
    let due_by = |mut due_times: DueTimes, now| {
        let mut due = Vec::new();
        due_times.take(&mut due, now);
        due
    };
    let mut touched = 0;
    while setup.ledger.outstanding() > 0 {
        let (due_times, begun) = (setup.fanout.due_times.clone(), Instant::now());
        setup.drain();
        let (surely, perhaps) = (due_by(due_times.clone(), begun), due_by(due_times, Instant::now()));
        assert!(surely.iter().all(|number| setup.fanout.touched.contains(number)));
        assert!(setup.fanout.touched.iter().all(|number| perhaps.contains(number)));
        touched += setup.fanout.touched.len();
    }
    assert!(touched > receivers.len());

    // One has something to say.
    (0..receivers.len()).for_each(|number| setup.fanout.due_times.set(number, None));
    let to = receivers[5].recv_from(&mut [0; 2000]).unwrap().1;
    receivers[5].send_to(b"feedback", to).unwrap();
    setup.fanout.receive(5, &mut setup.ledger, &setup.stats, Instant::now());
    setup.drain();
    assert_eq!(setup.fanout.touched, [5]);
    let heard = setup.stats.lock().destinations.iter().map(|d| d.stream.feedback.total()).sum::<u64>();
    assert_eq!(heard, 1);
    setup.drain();
    assert_eq!(setup.fanout.touched, [0_usize; 0]);
}

#[test]
fn who_comes_sees_the_newest_picture_at_once_and_each_picture_ends_once() {
    let (mut setup, to) = Setup::serving(2);
    for captured in 1..=5 {
        setup.push(captured);
    }
    assert_eq!((setup.counted(), setup.fanout.is_watched()), ((0, 4), false));
    let mut viewers = [Viewer::new(to), Viewer::new(to)];
    viewers[0].join(&mut setup);
    setup.drain();
    assert_eq!((setup.counted(), setup.fanout.is_watched()), ((1, 4), true));
    viewers[1].join(&mut setup);
    setup.push(6);
    assert_eq!(setup.counted(), (2, 4));
    assert_eq!(viewers[0].frames().len(), 2);
    assert_eq!(viewers[1].frames().len(), 1);

    let mut third = Viewer::new(to);
    third.join(&mut setup);
    assert_eq!(third.subscriber.state(), proto::SubscribeState::Full);
    assert_eq!(setup.stats.lock().asks.full, 1);
}

#[test]
fn who_leaves_is_sent_nothing_more_and_comes_back_beyond_what_it_saw() {
    let (mut setup, to) = Setup::serving(2);
    let mut viewer = Viewer::new(to);
    viewer.join(&mut setup);
    for captured in 1..=3 {
        setup.push(captured);
    }
    assert_eq!(viewer.frames(), [0, 1, 2]);
    let before = setup.stats.lock().destinations[0].stream.bytes;
    viewer.subscriber.leave();
    viewer.say();
    setup.receive();
    setup.push(4);
    assert_eq!(viewer.frames(), [0_u32; 0]);
    {
        let counters = setup.stats.lock();
        assert!(counters.destinations.is_empty() && counters.departed.bytes >= before);
    }
    // The same socket, and a receiver that remembers.
    viewer.subscriber = Subscriber::new(Instant::now());
    viewer.join(&mut setup);
    setup.drain();
    setup.push(5);
    assert_eq!(viewer.frames(), [3, 4]);
    setup.fanout.forget_unwatched(&setup.stats);
    assert_eq!(setup.counted(), (5, 0));
}

#[test]
fn who_asks_while_the_last_frames_go_holds_up_no_end() {
    let (mut setup, to) = Setup::serving(2);
    let (mut viewer, mut late) = (Viewer::new(to), Viewer::new(to));
    viewer.join(&mut setup);
    setup.push(1);
    setup.fanout.close();
    late.join(&mut setup);
    assert_eq!(late.subscriber.state(), proto::SubscribeState::Full);
    let end = Instant::now() + Duration::from_secs(5);
    while !setup.fanout.is_done() {
        assert!(Instant::now() < end, "{:?}", setup.stats);
        setup.drain();
    }
    assert_eq!((setup.counted(), setup.fanout.destinations.len()), ((1, 0), 1));
}

#[test]
fn of_viewers_who_asked_the_slower_half_is_not_waited_for() {
    let budget = |budgets: &[usize]| followed(&mut budgets.to_vec(), FOLLOW_SERVED);
    assert_eq!(budget(&[]), None);
    assert_eq!(budget(&[30]), Some(30));
    assert_eq!(budget(&[5, 30]), Some(30));
    assert_eq!(budget(&[30, 5, 20]), Some(20));
    assert_eq!(followed(&mut [30, 5, 20], Follow::Slowest), Some(5));
}

#[test]
fn many_viewers_of_one_computer_are_one_voice() {
    let followed_of = |voices: &[(u128, usize)]| {
        let (mut voices, mut budgets) = (voices.to_vec(), Vec::new());
        one_voice_each(&mut voices, &mut budgets);
        followed(&mut budgets, FOLLOW_SERVED)
    };
    assert_eq!(followed_of(&[(1, 5), (1, 6), (1, 4), (2, 30)]), Some(30));
    assert_eq!(followed_of(&[(1, 5), (2, 30), (1, 6), (3, 20)]), Some(20));
    assert_eq!(followed_of(&[(1, 5), (1, 6)]), Some(6));
    assert_eq!(followed_of(&[]), None);
}

#[test]
fn whose_place_another_computer_gets_is_sent_nothing_more() {
    // Each of this computer's addresses is taken for another computer's.
    let (mut setup, to) = Setup::serving(2);
    let mut viewers = ["127.0.0.2", "127.0.0.2", "127.0.0.3"].map(|from| Viewer::at(from, to));
    viewers.iter_mut().for_each(|viewer| viewer.join(&mut setup));
    setup.push(1);
    assert_eq!(setup.fanout.destinations.len(), 2);
    let came = viewers.each_ref().map(|viewer| viewer.frames().len());
    assert_eq!(came, [1, 0, 1]);
    viewers[1].say();
    setup.receive();
    assert_eq!(setup.stats.lock().destinations.len(), 2);
}
