//! Listens for a while as a receiver does, and lists what arrives.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use proto::app::Checklist;
use proto::diagnosis::{Cause, Counters, explain};
use proto::keys::{KeyId, is_sealed, locked_by};
use proto::names::printable;
use proto::sys::{Interface, Stop};
use proto::wire::SourceState;
use proto::{RecvConfig, RecvEvent, RecvOutput, RecvStream, SessionId};

use super::tally::UselessDatagrams;
use crate::net::{ReceiveSocket, Woken};

/// What is to be checked.
#[derive(Clone, Debug)]
pub struct Checks {
    /// Where senders send to.
    pub listen: SocketAddr,
    /// By which interface; the routes choose if `None`.
    pub interface: Option<String>,
    /// How long to listen.
    pub time: Duration,
}

/// What was heard.
struct Heard {
    stream: RecvStream<SocketAddr>,
    useless: UselessDatagrams,
    sender: Option<(SocketAddr, SessionId)>,
    /// The address of this computer that it sends to.
    sent_to: Option<IpAddr>,
    name: String,
    /// A sender that has a key, and which.
    locked: Option<(SocketAddr, KeyId)>,
    state: Option<SourceState>,
    has_ended: bool,
    /// When the first frame was whole, and the last.
    frames: Option<(Instant, Instant)>,
    bytes: u64,
}

/// Listens, and says what arrived.
pub(super) fn listen(
    list: &mut Checklist<'_>,
    mut socket: ReceiveSocket,
    checks: &Checks,
    stop: &Stop,
) -> Result<()> {
    let seconds = checks.time.as_secs_f64();
    list.section(format_args!("Listening on {} for {seconds} s", checks.listen))?;
    let mut heard = Heard {
        stream: RecvStream::new(RecvConfig { seed: std::process::id().into(), ..RecvConfig::default() }),
        useless: UselessDatagrams::default(),
        sender: None,
        sent_to: None,
        name: String::new(),
        locked: None,
        state: None,
        has_ended: false,
        frames: None,
        bytes: 0,
    };
    let end = Instant::now() + checks.time;
    loop {
        let next = heard.drain(&mut socket, Instant::now());
        let until = next.map_or(end, |next| next.min(end));
        match socket.wait(Some(until), stop).context("cannot wait for datagrams")? {
            Woken::Stop => break,
            Woken::Time => {}
            Woken::Datagrams => heard.receive(&mut socket)?,
        }
        let now = Instant::now();
        heard.stream.handle_timeout(now);
        if now >= end {
            break;
        }
    }
    heard.tell(list, &socket, checks)
}

impl Heard {
    fn receive(&mut self, socket: &mut ReceiveSocket) -> Result<()> {
        let now = Instant::now();
        let read = socket.receive(|from, to, arrived, datagram| {
            if let Some(key) = locked_by(datagram) {
                self.locked = Some((from, key));
            }
            if is_sealed(datagram) {
                return true;
            }
            let outcome = self.stream.handle_datagram_arrived(from, datagram, arrived, now);
            self.useless.note(from, outcome);
            if self.sender.is_none_or(|(sender, _)| sender == from) {
                self.sent_to = to;
            }
            true
        });
        read.context("cannot read the socket")
    }

    /// Takes note of what happened, and answers; returns when there is more to do.
    fn drain(&mut self, socket: &mut ReceiveSocket, now: Instant) -> Option<Instant> {
        loop {
            match self.stream.poll(now) {
                RecvOutput::Wait(until) => return until,
                RecvOutput::Transmit { to, bytes } => {
                    let _ = socket.send(to, self.sent_to, bytes);
                }
                RecvOutput::Event(RecvEvent::Session { source, session }) => {
                    (self.sender, self.has_ended) = (Some((source, session)), false);
                }
                RecvOutput::Event(RecvEvent::Moved { source }) => {
                    self.sender = self.sender.map(|(_, session)| (source, session));
                }
                RecvOutput::Event(RecvEvent::Hello { name, state, .. }) => {
                    (self.name, self.state) = (printable(&name), Some(state));
                }
                RecvOutput::Event(RecvEvent::Goodbye) => self.has_ended = true,
                RecvOutput::Event(RecvEvent::Delivered(delivery)) => {
                    self.frames = Some((self.frames.map_or(now, |(first, _)| first), now));
                    self.bytes += delivery.frame.jpeg.len() as u64;
                }
                RecvOutput::Event(RecvEvent::Part(_) | RecvEvent::Lost(_) | RecvEvent::Contested { .. }) => {}
            }
        }
    }

    fn tell(&self, list: &mut Checklist<'_>, socket: &ReceiveSocket, checks: &Checks) -> Result<()> {
        let stats = *self.stream.stats();
        let way = match (&checks.interface, self.sender) {
            (None, Some((source, _))) => Interface::towards(source).ok(),
            _ => socket.interface().cloned(),
        };
        let counters = Counters {
            kernel_dropped: socket.kernel_dropped(),
            buffer: Some(socket.buffer()),
            is_wireless: way.is_some_and(|way| way.is_wireless()),
            is_group: checks.listen.ip().is_multicast(),
            port: checks.listen.port(),
            ..Counters::of_stream(&stats)
        };
        if let Some((source, session)) = self.sender {
            let name = if self.name.is_empty() { String::new() } else { format!(" {:?}", self.name) };
            list.ok(format_args!("a sender{name} at {source}, session {session}"))?;
            self.tell_frames(list, &counters)?;
            list.note("it has no key: everybody on this network can look at it, and speak in its name")?;
        }
        if let Some((from, key)) = self.locked {
            list.ok(format_args!(
                "a sender at {from}, locked with key {key}: a receiver shows it by --key-file, or asks for its code"
            ))?;
        }
        for datagrams in self.useless.iter() {
            list.note(datagrams)?;
        }
        // What is sealed is not counted, and does arrive.
        let is_only_locked = self.locked.is_some() && self.sender.is_none();
        let is_told = |cause: &Cause| !(is_only_locked && matches!(cause, Cause::NothingArrives { .. }));
        for cause in explain(&counters).into_iter().filter(is_told) {
            if cause.needs_attention() {
                list.attention(cause)?;
            } else {
                list.note(cause)?;
            }
        }
        Ok(())
    }

    /// What came of the sender's frames, and how it is reached.
    fn tell_frames(&self, list: &mut Checklist<'_>, counters: &Counters) -> Result<()> {
        let stats = self.stream.stats();
        if self.has_ended {
            list.note("it has ended its stream")?;
        } else if self.state == Some(SourceState::Gone) {
            list.attention("it has no pictures: its camera is gone, and it waits for that to come back")?;
        } else if counters.delivered + counters.lost + counters.announced == 0 {
            list.attention("it sends no frames: see what it says of its source")?;
        }
        if let Some((first, last)) = self.frames.filter(|(first, last)| first < last) {
            let seconds = (last - first).as_secs_f64();
            let (fps, mbps) =
                ((counters.delivered - 1) as f64 / seconds, self.bytes as f64 * 8.0 / seconds / 1e6);
            list.ok(format_args!(
                "{} frames arrived whole, {fps:.1} a second, {mbps:.1} Mbit/s; {} were lost",
                counters.delivered, counters.lost
            ))?;
            let (repair, guard) = (stats.repair, self.stream.reordering());
            let order = if guard > IN_ORDER {
                format!("out of order by up to {:.1} ms", guard.as_secs_f64() * 1000.0)
            } else {
                "in order".into()
            };
            let sent = repair.arrived + repair.missing;
            list.ok(match repair.missing {
                0 => format!("all of their {sent} datagrams arrived, {order}"),
                missing => format!(
                    "of their {sent} datagrams, {missing} did not arrive when they were first sent, the others {order}; \
                     {} frames were repaired by parity, {} by resending",
                    repair.by_parity, repair.by_resend
                ),
            })?;
        }
        let now = Instant::now();
        match self.stream.clock(now) {
            Some(clock) => {
                let error = clock.error_at(now).as_secs_f64() * 1000.0;
                list.ok(format_args!("it answers; its clock is known to within {error:.2} ms"))?;
            }
            None if stats.questions == 0 && !self.has_ended => {
                list.note("it takes no feedback, so that nothing is sent back to it")?;
            }
            None => {}
        }
        Ok(())
    }
}

/// What is waited for overtaken datagrams where none were.
const IN_ORDER: Duration = Duration::from_micros(1_100);
