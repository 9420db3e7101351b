//! A steady stream allocates nothing: not when sending, receiving, delivering, repairing, losing or superseding a
//! frame, nor for what goes back. The same as RTP/JPEG. And the largest frame is repaired within the memory that it may
//! take.
#![allow(unsafe_code, reason = "only a global allocator sees every allocation, and the trait is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::jpegs;
use proto::netem::Netem;
use proto::rtp::{RtpRecvConfig, RtpRecvStream, RtpSendConfig, RtpSendStream};
use proto::{
    Clock, Fec, Frame, MAX_FRAME_BYTES, MediaTime, Pace, Pool, Random, RecvConfig, RecvEvent, RecvOutput,
    RecvStats, RecvStream, RepairedBy, SendConfig, SendOutput, SendStats, SendStream, SessionId,
};

#[test]
fn a_clean_stream_allocates_nothing() {
    let steady = steady(Stream { pace: Pace::Off, least_bytes: 170_000, ..Stream::default() });
    assert_eq!((steady.allocations, steady.delivered), (0, 300));
}

#[test]
fn frames_of_changing_size_allocate_nothing() {
    let steady = steady(Stream::default());
    assert_eq!((steady.allocations, steady.delivered), (0, 300));
}

#[test]
fn lost_late_double_damaged_and_disordered_chunks_allocate_nothing() {
    let network = "loss=1%,burst=60/3000,jitter=3ms,reorder=5%/20ms,dup=3%,corrupt=0.2%";
    let steady = steady(Stream { network, ..Stream::default() });
    assert_eq!(steady.allocations, 0);
    assert!((30..200).contains(&steady.delivered), "{} of 300", steady.delivered);
}

#[test]
fn superseded_frames_allocate_nothing() {
    let steady = steady(Stream { pace: Pace::Rate(20e6), ..Stream::default() });
    assert_eq!(steady.allocations, 0);
    assert!((50..200).contains(&steady.delivered), "{} of 300", steady.delivered);
}

#[test]
fn parity_made_and_used_allocates_nothing() {
    let fec = Fec::Percent(10);
    let steady = steady(Stream { network: "loss=2%", fec, ..Stream::default() });
    assert_eq!(steady.allocations, 0);
    assert!(steady.delivered > 295 && steady.by_parity > 200, "{steady:?}");
}

#[test]
fn requests_answers_and_reports_allocate_nothing() {
    let network = "loss=1%,burst=20/2000,jitter=1ms,dup=1%";
    let steady = steady(Stream { network, feedback: true, ..Stream::default() });
    assert_eq!(steady.allocations, 0);
    assert!(steady.delivered > 295 && steady.by_resend > 100 && steady.reports > 50, "{steady:?}");
}

#[test]
fn parity_that_follows_reported_loss_allocates_nothing() {
    let stream = Stream { network: "loss=3%", fec: Fec::Auto, feedback: true, ..Stream::default() };
    let steady = steady(stream);
    assert_eq!(steady.allocations, 0);
    assert!(steady.delivered > 295 && steady.by_parity > 100 && steady.reports > 50, "{steady:?}");
}

#[test]
fn answers_to_a_group_allocate_nothing() {
    let stream = Stream { network: "loss=2%", feedback: true, is_group: true, ..Stream::default() };
    let steady = steady(stream);
    assert_eq!(steady.allocations, 0);
    assert!(steady.delivered > 290 && steady.by_resend > 100, "{steady:?}");
}

#[test]
fn rtp_and_its_losses_allocate_nothing() {
    let steady = steady_rtp();
    assert_eq!(steady.allocations, 0);
    assert!((100..300).contains(&steady.delivered), "{steady:?}");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "some instant to count from")]
fn the_largest_frame_is_repaired_within_its_memory() {
    let now = Instant::now();
    let said = of_the_largest_frame(now);
    let is_data = |datagram: &[u8]| datagram[3] == 1;
    let data = said.iter().filter(|datagram| is_data(datagram)).count();
    assert!(data > 15_000 && said.len() - data > LOST, "{data} of {}", said.len());
    let config = RecvConfig { feedback: false, ..RecvConfig::default() };
    let mut receiver: RecvStream<u8> = RecvStream::new(config);
    let (most, repair) = most_held(|| {
        for (index, datagram) in said.iter().enumerate() {
            // Some chunks are lost, from all over the frame.
            if !is_data(datagram) || index % 8 != 3 || index / 8 >= LOST {
                receiver.handle_datagram(1, &mut datagram.clone(), now);
            }
        }
        loop {
            match receiver.poll(now) {
                RecvOutput::Event(RecvEvent::Delivered(delivery)) => break delivery.repair,
                RecvOutput::Event(_) => {}
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!(repair, Some(RepairedBy::Parity));
    // What is put together, what is repaired in, and the tables.
    assert!(most <= (32 << 20) + (32 << 20) + 9_000_000, "{} MB", most / 1_000_000);
}

#[test]
fn the_counter_counts() {
    let before = allocations();
    let (most, ()) = most_held(|| drop(std::hint::black_box(vec![0_u8; 100])));
    assert_eq!((allocations() - before, most), (1, 100));
}

/// All datagrams of a frame that is as large as one may be, with parity for 12 % of it.
fn of_the_largest_frame(now: Instant) -> Vec<Vec<u8>> {
    let config = SendConfig {
        pace: Pace::Off,
        fec: Fec::Percent(12),
        datagram_bytes: 1100,
        ..SendConfig::new(SessionId::new(1), [7; 16])
    };
    let mut sender: SendStream<u8> = SendStream::new(config, Clock::new(now, MediaTime::default()), now);
    let mut jpeg = vec![0; MAX_FRAME_BYTES];
    Random::new(3).fill(&mut jpeg);
    sender.push_frame(
        Frame { captured: MediaTime::from_micros(1), jpeg: Arc::new(jpeg), signature: None },
        now,
    );
    let mut said = Vec::new();
    loop {
        match sender.poll(now) {
            SendOutput::Transmit(sent) => said.extend(sent.bytes.chunks(sent.segment).map(<[u8]>::to_vec)),
            SendOutput::Event(_) => {}
            SendOutput::Wait(_) => return said,
        }
    }
}

/// What is streamed.
struct Stream {
    network: &'static str,
    pace: Pace,
    fec: Fec,
    /// Whether the receiver says anything.
    feedback: bool,
    is_group: bool,
    /// Of the smallest frame; the largest has 170 000.
    least_bytes: u64,
}

impl Default for Stream {
    fn default() -> Self {
        let (network, pace, fec) = ("", Pace::Auto, Fec::Off);
        Self { network, pace, fec, feedback: false, is_group: false, least_bytes: 120_000 }
    }
}

/// What came of it, once it was warm.
#[derive(Debug, Default)]
struct Steady {
    allocations: u64,
    delivered: u64,
    by_parity: u64,
    by_resend: u64,
    /// What the sender took in.
    reports: u64,
}

/// Streams [`WARM`] frames and then [`COUNTED`] more, which count.
#[allow(clippy::disallowed_methods, reason = "some instant to count from")]
fn steady(stream: Stream) -> Steady {
    let begin = Instant::now();
    let config = SendConfig {
        pace: stream.pace,
        interval: Some(INTERVAL),
        fec: stream.fec,
        is_group: stream.is_group,
        ..SendConfig::new(SessionId::new(1), [7; 16])
    };
    let mut sender = SendStream::new(config, Clock::new(begin, MediaTime::default()), begin);
    let mut receiver = RecvStream::new(RecvConfig { feedback: stream.feedback, ..RecvConfig::default() });
    let mut network = Netem::new(stream.network.parse().unwrap());
    let (mut pool, mut random) = (Pool::new(4), Random::new(5));
    // The largest comes first, so that what is warm is warm enough.
    let mut bytes = MOST_BYTES as usize;
    let (mut allocated, mut before) = (0, (RecvStats::default(), SendStats::default()));
    for number in 0..WARM + COUNTED {
        if number == WARM {
            before = (*receiver.stats(), *sender.stats());
        }
        let allocations_before = allocations();
        let captured = begin + INTERVAL * number;
        let mut jpeg = pool.take();
        Arc::get_mut(&mut jpeg).unwrap().resize(bytes, number as u8);
        let frame = Frame {
            captured: MediaTime::from_micros(number.into()),
            jpeg: pool.share(jpeg),
            signature: None,
        };
        sender.push_frame(frame, captured);
        let mut now = captured;
        while now < captured + INTERVAL {
            // What one end says may have the other say something at once.
            let waits = loop {
                let sending = send(&mut sender, &mut network, now);
                let (receiving, has_spoken) = receive(&mut receiver, &mut sender, &mut network, now);
                if !has_spoken {
                    break [sending, receiving, network.next_due()];
                }
            };
            let end = captured + INTERVAL;
            now = waits.into_iter().flatten().fold(end, Instant::min);
        }
        if number >= WARM {
            allocated += allocations() - allocations_before;
        }
        bytes = (stream.least_bytes + random.below(MOST_BYTES - stream.least_bytes + 1)) as usize;
    }
    let (received, sent) = (receiver.stats(), sender.stats());
    Steady {
        allocations: allocated,
        delivered: received.delivered - before.0.delivered,
        by_parity: received.repair.by_parity - before.0.repair.by_parity,
        by_resend: received.repair.by_resend - before.0.repair.by_resend,
        reports: sent.feedback.accepted - before.1.feedback.accepted,
    }
}

/// The same as RTP/JPEG, of which every 200th packet is lost.
#[allow(clippy::disallowed_methods, reason = "some instant to count from")]
fn steady_rtp() -> Steady {
    let begin = Instant::now();
    let config = RtpSendConfig {
        ssrc: 1,
        sequence: 2,
        timestamp: 3,
        datagram_bytes: 1472,
        overhead_bytes: 28,
        pace: Pace::Auto,
        max_bitrate: None,
        reports_to: Some(9),
        name: "camera".to_owned(),
    };
    let clock = Clock::new(begin, MediaTime::default());
    let mut sender = RtpSendStream::new(config, clock);
    let mut receiver = RtpRecvStream::new(RtpRecvConfig { deadline: 3 * INTERVAL, clock });
    // The largest comes first.
    let sizes = (0..10).map(|step| 640 - 32 * step);
    let jpegs: Vec<_> = sizes
        .map(|width| Arc::new(jpegs::picture(width, 480, [90, 120, 200], turbojpeg::Subsamp::Sub2x2)))
        .collect();
    let (mut steady, mut delivered_before, mut packets) = (Steady::default(), 0, 0);
    for number in 0..WARM + COUNTED {
        if number == WARM {
            delivered_before = receiver.stats().delivered;
        }
        let before = allocations();
        let captured = begin + INTERVAL * number;
        let jpeg = jpegs[number as usize % jpegs.len()].clone();
        sender.push_frame(Frame { captured: clock.at(captured), jpeg, signature: None }, captured);
        let mut now = captured;
        while now < captured + INTERVAL {
            let until = loop {
                match sender.poll(now) {
                    SendOutput::Transmit(transmit) => {
                        for packet in transmit.bytes.chunks(transmit.segment) {
                            packets += 1;
                            if packets % 200 > 0 {
                                receiver.handle_datagram_arrived(1, packet, now, now);
                            }
                        }
                    }
                    SendOutput::Event(_) => {}
                    SendOutput::Wait(until) => break until,
                }
            };
            receiver.handle_timeout(now);
            while receiver.next_event().is_some() {}
            now = until.map_or(captured + INTERVAL, |until| until.min(captured + INTERVAL));
        }
        if number >= WARM {
            steady.allocations += allocations() - before;
        }
    }
    steady.delivered = receiver.stats().delivered - delivered_before;
    steady
}

fn send(sender: &mut SendStream<u8>, network: &mut Netem, now: Instant) -> Option<Instant> {
    loop {
        match sender.poll(now) {
            SendOutput::Transmit(transmit) => {
                // What the network takes for itself is not the stream's.
                let before = allocations();
                for datagram in transmit.bytes.chunks(transmit.segment) {
                    network.push(datagram, now);
                }
                ALLOCATIONS.set(before);
            }
            SendOutput::Event(_) => {}
            SendOutput::Wait(until) => return until,
        }
    }
}

/// Takes in what has come. The way back loses nothing; whether something went there is told.
fn receive(
    receiver: &mut RecvStream<u8>,
    sender: &mut SendStream<u8>,
    network: &mut Netem,
    now: Instant,
) -> (Option<Instant>, bool) {
    while let Some(datagram) = network.pop(now) {
        receiver.handle_datagram(1, datagram, now);
    }
    receiver.handle_timeout(now);
    let mut has_spoken = false;
    loop {
        match receiver.poll(now) {
            RecvOutput::Transmit { bytes, .. } => {
                has_spoken = true;
                sender.handle_datagram(2, bytes, now);
            }
            RecvOutput::Event(_) => {}
            RecvOutput::Wait(until) => return (until, has_spoken),
        }
    }
}

const MOST_BYTES: u64 = 170_000;
const INTERVAL: Duration = Duration::from_millis(33);
/// Long enough that as many frames were on their way at once as ever will be.
const WARM: u32 = 1000;
const COUNTED: u32 = 300;
/// Chunks of the largest frame.
const LOST: usize = 1800;

/// Counts what a thread allocates: tests run beside each other.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Bytes that are held, and the most that were.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

/// The most bytes that were held during `work`, beyond those of before.
fn most_held<R>(work: impl FnOnce() -> R) -> (isize, R) {
    let (before, _) = HELD.get();
    HELD.set((before, before));
    let result = work();
    (HELD.get().1 - before, result)
}

fn count() {
    // Nobody looks any more when a thread is so far gone that its counter is.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

/// Notes that so many bytes more are held, or less.
fn hold(bytes: isize) {
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        held.set((now + bytes, most.max(now + bytes)));
    });
}

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the promises of `GlobalAlloc`;
// counting allocates nothing, since the counter is a `const` thread-local without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        hold(layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        hold(layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        hold(size as isize - layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        hold(-(layout.size() as isize));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) }
    }
}
