use super::*;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};

use clap::Parser;
use proto::sys::Stop;
use proto::wire::{Body, Datagram};
use proto::{Clock, Frame, MediaTime, Pace, SessionId};

use crate::args::Args;
use crate::net::{NetworkOptions, Route, SendSocket};
use crate::send::StreamFactory;
use crate::stats;

/// A sending thread, and the socket that it sends to.
struct Setup {
    inbox: Arc<FrameInbox>,
    stats: Arc<Stats>,
    stop: Stop,
    receiver: UdpSocket,
    thread: JoinHandle<Result<()>>,
}

impl Setup {
    fn new(pace: Pace, most: Option<u64>) -> Self {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let options = NetworkOptions::default();
        let route = Route::find(receiver.local_addr().unwrap(), &options).unwrap();
        let socket = SendSocket::open(&route, &options).unwrap();
        let rate = match pace {
            Pace::Rate(rate) => format!("{rate}"),
            _ => "off".into(),
        };
        let args = Args::parse_from(["sender", "--pace", &rate]);
        let clock = Clock::new(Instant::now(), MediaTime::default());
        let config = args.send_config(SessionId::new(1), [7; 16]);
        let streams = StreamFactory::new(args.format, config, None, clock);
        let pipeline = Pipeline::new(clock, Stop::new().unwrap(), None).unwrap();
        let Pipeline { inbox, stats, stop, .. } = pipeline.clone();
        inbox.set_interval(INTERVAL);
        let mut fanout = Fanout::new(streams, options).unwrap();
        fanout.add(socket, route, &stats);
        let thread = spawn(move || run(&pipeline, fanout, None, most));
        Self { inbox, stats, stop, receiver, thread }
    }

    fn put(&self, number: u64, bytes: usize) {
        let frame = Frame {
            captured: MediaTime::from_micros(number),
            jpeg: Arc::new(vec![1; bytes]),
            signature: None,
        };
        if self.inbox.put(frame.into()) {
            self.stats.superseded();
        }
    }

    /// Where the first hello comes from.
    fn sender(&self) -> SocketAddr {
        self.receiver.recv_from(&mut [0; 2000]).unwrap().1
    }

    /// Waits for something that must come; how soon is not asked.
    fn wait_for(&self, what: impl Fn(&stats::SendCounters) -> bool) {
        let end = Instant::now() + Duration::from_secs(10);
        while !what(&self.stats.lock()) {
            assert!(Instant::now() < end, "{:?}", self.stats);
            sleep(Duration::from_millis(1));
        }
    }

    fn end(self) {
        self.inbox.close();
        self.thread.join().unwrap().unwrap();
    }
}

#[test]
fn frames_put_wake_the_sender() {
    let setup = Setup::new(Pace::Off, None);
    setup.sender();
    // All of them within the time between two hellos, which wake it too.
    let begun = Instant::now();
    for number in 1..=20 {
        setup.put(number, 1000);
        setup.wait_for(|counters| counters.sent == number);
    }
    assert!(begun.elapsed() < proto::HELLO_INTERVAL * 10, "{:?}", begun.elapsed());
    assert_eq!(setup.stats.lock().superseded, 0);
    setup.end();
}

#[test]
fn feedback_wakes_the_sender() {
    let setup = Setup::new(Pace::Off, None);
    let to = setup.sender();
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    for number in 1..=5 {
        other.send_to(b"other", to).unwrap();
        setup.receiver.send_to(b"feedback", to).unwrap();
        setup.wait_for(|counters| counters.destinations[0].stream.feedback.total() == number);
    }
    assert_eq!(setup.stats.lock().destinations[0].strangers, 5);
    setup.end();
}

#[test]
fn a_flood_of_feedback_holds_up_no_frame() {
    let setup = Setup::new(Pace::Rate(20e6), None);
    let to = setup.sender();
    let (socket, is_over) = (setup.receiver.try_clone().unwrap(), Arc::new(AtomicBool::new(false)));
    let flood = spawn({
        let is_over = is_over.clone();
        move || {
            while !is_over.load(Ordering::Relaxed) {
                socket.send_to(&[7; 100], to).unwrap();
            }
        }
    });
    let heard = || setup.stats.lock().destinations[0].stream.feedback.total();
    // The flood lasts until all have gone, however fast either is here. How much of it is read at once, Fanout's tests
    // show.
    for number in 1..=FRAMES {
        let before = heard();
        setup.put(number, 40_000);
        setup.wait_for(|counters| counters.sent == number);
        setup.wait_for(|counters| counters.destinations[0].stream.feedback.total() > before);
    }
    is_over.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    assert_eq!(setup.stats.lock().superseded, 0);
    setup.end();
}

#[test]
fn enough_is_enough_and_frames_after_it_end_no_wait() {
    let setup = Setup::new(Pace::Rate(20e6), Some(1));
    setup.sender();
    setup.put(1, 400_000);
    setup.wait_for(|counters| counters.destinations[0].stream.data > 0);
    // It stays in the inbox, which is readable from now on, until the first has gone.
    setup.put(2, 1000);
    setup.thread.join().unwrap().unwrap();
    let counters = setup.stats.lock();
    assert_eq!((counters.sent, counters.superseded), (1, 1));
}

#[test]
fn the_end_waits_for_the_last_frame_but_not_for_ever_and_hears_feedback_meanwhile() {
    // Sixteen seconds, if it may take them.
    let setup = Setup::new(Pace::Rate(2e6), None);
    let to = setup.sender();
    setup.put(1, 4_000_000);
    setup.wait_for(|counters| counters.destinations[0].stream.data > 0);
    setup.inbox.close();
    setup.receiver.send_to(b"feedback", to).unwrap();
    setup.wait_for(|counters| counters.destinations[0].stream.feedback.total() == 1);
    assert!(!setup.thread.is_finished());
    setup.stop.request();
    setup.receiver.send_to(b"feedback", to).unwrap();
    setup.wait_for(|counters| counters.destinations[0].stream.feedback.total() == 2);
    let begun = Instant::now();
    setup.thread.join().unwrap().unwrap();
    assert!(begun.elapsed() < GRACE * 5, "{:?}", begun.elapsed());
    let counters = setup.stats.lock();
    assert_eq!((counters.sent, counters.superseded), (0, 1));
}

#[test]
fn frames_captured_at_once_go_out_with_that_time_and_each_ends_once() {
    let setup = Setup::new(Pace::Off, None);
    setup.sender();
    for sent in 1..=2 {
        setup.put(SAME, 1000);
        setup.wait_for(|counters| counters.sent == sent);
    }
    let (receiver, stats) = (setup.receiver.try_clone().unwrap(), setup.stats.clone());
    setup.end();
    let (mut frames, mut place) = (Vec::new(), [0; 2000]);
    while frames.len() < 2 {
        let length = receiver.recv(&mut place).unwrap();
        let read = Datagram::parse(&place[..length]).unwrap();
        if let Body::Data { .. } = read.body {
            frames.push((read.header.frame.get(), read.header.captured.as_micros()));
            frames.dedup();
        }
    }
    assert_eq!(frames, [(0, SAME), (1, SAME)]);
    let counters = stats.lock();
    assert_eq!((counters.sent, counters.superseded, counters.refused, counters.unwatched), (2, 0, 0, 0));
}

const SAME: u64 = 7;
const INTERVAL: Duration = Duration::from_millis(33);
const FRAMES: u64 = 20;
