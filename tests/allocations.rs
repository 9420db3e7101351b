//! A steady stream allocates nothing: not when sending, nor receiving, delivering, losing or superseding a frame.
#![allow(missing_docs, clippy::unwrap_used)]
#![allow(unsafe_code, reason = "only a global allocator sees every allocation, and the trait is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::netem::Netem;
use proto::{
    Clock, Frame, MediaTime, Pace, Pool, Random, RecvConfig, RecvEvent, RecvOutput, RecvStream, SendConfig,
    SendOutput, SendStream, SessionId,
};

#[test]
fn a_clean_stream_allocates_nothing() {
    let (allocations, delivered) = steady("", Pace::Off, (170_000, 170_000));
    assert_eq!((allocations, delivered), (0, 300));
}

#[test]
fn frames_of_changing_size_allocate_nothing() {
    let (allocations, delivered) = steady("", Pace::Auto, (120_000, 170_000));
    assert_eq!((allocations, delivered), (0, 300));
}

#[test]
fn lost_late_double_damaged_and_disordered_chunks_allocate_nothing() {
    let network = "loss=1%,burst=60/3000,jitter=3ms,reorder=5%/20ms,dup=3%,corrupt=0.2%";
    let (allocations, delivered) = steady(network, Pace::Auto, (120_000, 170_000));
    assert_eq!(allocations, 0);
    assert!((30..200).contains(&delivered), "{delivered} of 300");
}

#[test]
fn superseded_frames_allocate_nothing() {
    let (allocations, delivered) = steady("", Pace::Rate(20e6), (120_000, 170_000));
    assert_eq!(allocations, 0);
    assert!((50..200).contains(&delivered), "{delivered} of 300");
}

#[test]
fn the_counter_counts() {
    let before = allocations();
    std::hint::black_box(vec![0_u8; 100]);
    assert_eq!(allocations() - before, 1);
}

/// Streams [`WARM`] frames and then [`COUNTED`] more; returns the allocations made and frames delivered during those.
#[allow(clippy::disallowed_methods, reason = "some instant to count from")]
fn steady(network: &str, pace: Pace, (least, most): (u64, u64)) -> (u64, u64) {
    let begin = Instant::now();
    let config = SendConfig {
        session: SessionId::new(1),
        datagram_bytes: 1472,
        overhead_bytes: 66,
        pace,
        interval: Some(INTERVAL),
        name: "steady".into(),
    };
    let mut sender = SendStream::new(config, Clock::new(begin, MediaTime::default()), begin);
    let mut receiver = RecvStream::new(RecvConfig::default());
    let mut network = Netem::new(network.parse().unwrap());
    let (mut pool, mut random) = (Pool::new(4), Random::new(5));
    // The largest comes first, so that what is warm is warm enough.
    let mut bytes = most as usize;
    let (mut allocated, mut delivered) = (0, 0);
    for number in 0..WARM + COUNTED {
        let before = allocations();
        let captured = begin + INTERVAL * number;
        let mut jpeg = pool.take();
        Arc::get_mut(&mut jpeg).unwrap().resize(bytes, number as u8);
        let frame = Frame { captured: MediaTime::from_micros(number.into()), jpeg: pool.share(jpeg) };
        sender.push_frame(frame, captured);
        let mut now = captured;
        let mut whole = 0;
        while now < captured + INTERVAL {
            let next = send(&mut sender, &mut network, now);
            whole += receive(&mut receiver, &mut network, now);
            let end = captured + INTERVAL;
            now = next.into_iter().chain(network.next_due()).min().map_or(end, |next| next.min(end));
        }
        if number >= WARM {
            allocated += allocations() - before;
            delivered += whole;
        }
        bytes = (least + random.below(most - least + 1)) as usize;
    }
    (allocated, delivered)
}

fn send(sender: &mut SendStream, network: &mut Netem, now: Instant) -> Option<Instant> {
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

fn receive(receiver: &mut RecvStream<u8>, network: &mut Netem, now: Instant) -> u64 {
    while let Some(datagram) = network.pop(now) {
        receiver.handle_datagram(1, datagram, now);
    }
    receiver.handle_timeout(now);
    let mut whole = 0;
    while let RecvOutput::Event(event) = receiver.poll(now) {
        whole += u64::from(matches!(event, RecvEvent::Delivered(_)));
    }
    whole
}

const INTERVAL: Duration = Duration::from_millis(33);
/// Long enough that as many frames were on their way at once as ever will be.
const WARM: u32 = 1000;
const COUNTED: u32 = 300;

/// Counts what a thread allocates: tests run beside each other.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

fn count() {
    // Nobody looks any more when a thread is so far gone that its counter is.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the promises of `GlobalAlloc`;
// counting allocates nothing, since the counter is a `const` thread-local without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) }
    }
}
