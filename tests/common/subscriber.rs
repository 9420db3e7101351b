//! A viewer made of the protocol's own parts: it subscribes at a sender, and notes which frames come.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use proto::{RecvConfig, RecvEvent, RecvOutput, RecvStream, SubscribeOutput, SubscribeState, Subscriber};

/// A viewer that runs; dropping it kills it.
pub(crate) struct SubscribedViewer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// When each frame was whole.
    frames: Mutex<Vec<Instant>>,
    /// Parts that were whole before their frames.
    parts: AtomicUsize,
    is_full: Mutex<bool>,
    order: AtomicU8,
}

impl SubscribedViewer {
    /// One that asks `to` from this socket.
    pub(crate) fn by(socket: UdpSocket, to: SocketAddr) -> Self {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || watch(&socket, to, &shared)
        });
        Self { shared, thread: Some(thread) }
    }

    /// How many frames came so far.
    pub(crate) fn count(&self) -> usize {
        self.shared.frames.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How many parts were whole before their frames so far.
    pub(crate) fn parts(&self) -> usize {
        self.shared.parts.load(Ordering::Relaxed)
    }

    /// Whether it was told that there is no room.
    pub(crate) fn is_full(&self) -> bool {
        *self.shared.is_full.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `more` frames; returns how long that took.
    pub(crate) fn wait_for(&self, more: usize, patience: Duration) -> Option<Duration> {
        let (start, before) = (Instant::now(), self.count());
        while self.count() < before + more {
            if start.elapsed() > patience {
                return None;
            }
            super::pause(2);
        }
        Some(start.elapsed())
    }

    /// Leaves, as whoever closes a window does.
    pub(crate) fn leave(mut self) {
        self.end(LEAVE);
    }

    /// Ends without a word.
    pub(crate) fn kill(mut self) {
        self.end(DIE);
    }

    fn end(&mut self, order: u8) {
        self.shared.order.store(order, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for SubscribedViewer {
    fn drop(&mut self) {
        self.end(DIE);
    }
}

fn watch(socket: &UdpSocket, to: SocketAddr, shared: &Shared) {
    let mut subscriber = Subscriber::new(Instant::now());
    let mut stream = RecvStream::new(RecvConfig::default());
    let mut place = [0; 2000];
    loop {
        match shared.order.load(Ordering::Relaxed) {
            DIE => return,
            LEAVE => subscriber.leave(),
            _ => {}
        }
        let mut wait = Duration::from_millis(20);
        let now = Instant::now();
        loop {
            match subscriber.poll(now) {
                SubscribeOutput::Transmit(ask) => drop(socket.send_to(ask, to)),
                SubscribeOutput::Wait(None) => return,
                SubscribeOutput::Wait(Some(until)) => {
                    wait = wait.min(until.saturating_duration_since(now));
                    break;
                }
            }
        }
        loop {
            match stream.poll(now) {
                RecvOutput::Transmit { bytes, .. } => drop(socket.send_to(bytes, to)),
                RecvOutput::Event(RecvEvent::Delivered(_)) => {
                    shared.frames.lock().unwrap_or_else(PoisonError::into_inner).push(now);
                }
                RecvOutput::Event(RecvEvent::Part(_)) => {
                    shared.parts.fetch_add(1, Ordering::Relaxed);
                }
                RecvOutput::Event(_) => {}
                RecvOutput::Wait(until) => {
                    wait = until.map_or(wait, |until| wait.min(until.saturating_duration_since(now)));
                    break;
                }
            }
        }
        *shared.is_full.lock().unwrap_or_else(PoisonError::into_inner) =
            subscriber.state() == SubscribeState::Full;
        socket.set_read_timeout(Some(wait.max(Duration::from_micros(100)))).unwrap();
        let Ok((length, from)) = socket.recv_from(&mut place) else {
            stream.handle_timeout(Instant::now());
            continue;
        };
        let now = Instant::now();
        if from == to && !subscriber.handle_datagram(&place[..length], now) {
            subscriber.heard(now);
            stream.handle_datagram(from, &mut place[..length], now);
        }
    }
}

const LEAVE: u8 = 1;
const DIE: u8 = 2;
