//! The receiving thread: datagrams in from the socket, whole frames out to whoever wants them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use proto::host::{Console, Seldom, Stop};
use proto::netem::Netem;
use proto::wire::SourceState;
use proto::{Delivery, Fate, RecvEvent, RecvOutput, RecvStream};

use crate::clock::{Agreement, Delays};
use crate::keep::Keeper;
use crate::link::{Link, QUIET, Woken};
use crate::output::{Outputs, Received};
use crate::screen::{Screen, Signal};
use crate::stats::Stats;
use crate::web::Tap;

/// Where a datagram came from, and the address of this computer that it was sent to.
pub type Addresses = (SocketAddr, Option<IpAddr>);

/// What the receiving thread works with.
pub struct Receive {
    /// Where datagrams come from.
    pub link: Link,
    /// The bad network of `--impair`, behind the socket.
    pub netem: Option<Netem<Addresses>>,
    /// What puts frames together.
    pub stream: RecvStream<SocketAddr>,
    /// Where frames go that are not shown.
    pub outputs: Arc<Outputs>,
    /// What is kept of them.
    pub keeper: Arc<Keeper>,
    /// Where frames go that are decoded and shown.
    pub screen: Arc<Screen>,
    /// Where frames go that browsers show.
    pub web: Option<Tap>,
    /// What is counted.
    pub stats: Arc<Stats>,
    /// Ends the thread; requested by it when enough was delivered.
    pub stop: Stop,
    /// How many frames are enough.
    pub most: Option<u64>,
    /// Messages for people.
    pub console: Console,
}

/// What the thread remembers of the sender that it listens to.
struct Sender {
    delays: Delays,
    /// When a datagram of it last came; `None` while it is known to be silent.
    heard: Option<Instant>,
    silence: Silence,
    delivered: u64,
    strangers: Seldom,
    /// When it is to be told next what was dropped here.
    drops: Instant,
    /// The address of this computer that it sends to.
    sent_to: Option<IpAddr>,
    /// When its session began.
    begun: Instant,
}

/// A time without a sender.
struct Silence {
    since: Instant,
    join_again: Instant,
}

impl Silence {
    fn begin(now: Instant) -> Self {
        Self { since: now, join_again: now + JOIN_OFTEN }
    }

    /// Often at first, when somebody misses the picture; seldom later.
    fn is_time_to_join_again(&mut self, now: Instant) -> bool {
        let is_time = self.join_again <= now;
        if is_time {
            let is_long = now.saturating_duration_since(self.since) > LONG;
            self.join_again = now + if is_long { JOIN_SELDOM } else { JOIN_OFTEN };
        }
        is_time
    }
}

impl Receive {
    /// Receives until told to stop, or until enough was delivered.
    ///
    /// # Errors
    /// If the socket cannot be read any more.
    pub fn run(mut self) -> Result<()> {
        let mut sender = Sender {
            delays: Delays::new(),
            heard: None,
            silence: Silence::begin(Instant::now()),
            delivered: 0,
            strangers: Seldom::new(SPEAK_EVERY),
            drops: Instant::now(),
            sent_to: None,
            begun: Instant::now(),
        };
        while self.step(&mut sender)? {}
        self.stream.close();
        self.drain(&mut sender, Instant::now());
        self.stats.lock().stream = *self.stream.stats();
        Ok(())
    }

    /// Waits for something and sees to it; `false` if it is time to end.
    fn step(&mut self, sender: &mut Sender) -> Result<bool> {
        let until = self.drain(sender, Instant::now());
        self.stats.lock().stream = *self.stream.stats();
        if self.has_enough(sender) {
            self.stop.request();
            return Ok(false);
        }
        let quiet = match sender.heard {
            Some(heard) => Some(heard + QUIET),
            None => self.link.is_joined().then_some(sender.silence.join_again),
        };
        let netem = self.netem.as_ref().and_then(|netem| netem.next_due());
        let until = self.stats.pulse.beat([until, quiet, netem].into_iter().flatten().min());
        match self.link.wait(until, &self.stop).context("cannot wait for datagrams")? {
            Woken::Stop => return Ok(false),
            // What came while nobody ran this thread is not overdue.
            Woken::Time | Woken::Datagrams => self.receive(sender)?,
        }
        let now = Instant::now();
        self.note_drops(sender, now);
        self.drain_netem(sender, now);
        self.stream.handle_timeout(now);
        if sender.heard.is_some_and(|heard| heard + QUIET <= now) {
            sender.heard = None;
            sender.silence = Silence::begin(now);
            self.screen.signal(Signal::Silent);
        }
        if sender.heard.is_none() && sender.silence.is_time_to_join_again(now) {
            self.link.join_again();
        }
        Ok(true)
    }

    /// Takes in a batch of what has arrived. Not more: however much comes, deadlines and the request to stop are seen to
    /// in between.
    fn receive(&mut self, sender: &mut Sender) -> Result<()> {
        let Self { link, stream, netem, outputs, keeper, screen, web, stats, most, console, .. } = self;
        let now = Instant::now();
        let mut shell = Shell { outputs, keeper, screen, web: web.as_ref(), stats, most: *most, console };
        let read = link.receive(|from, to, arrived, datagram| {
            match netem {
                Some(netem) => netem.push_with((from, to), datagram, now),
                None => shell.take_in(stream, sender, (from, to), datagram, arrived, now),
            }
            !shell.has_enough(sender)
        });
        read.context("cannot read the socket")
    }

    /// Takes in what the bad network of `--impair` lets through now.
    fn drain_netem(&mut self, sender: &mut Sender, now: Instant) {
        let Self { stream, netem: Some(netem), outputs, keeper, screen, web, stats, most, console, .. } =
            self
        else {
            return;
        };
        let mut shell = Shell { outputs, keeper, screen, web: web.as_ref(), stats, most: *most, console };
        while !shell.has_enough(sender)
            && let Some((from, datagram)) = netem.pop_with(now)
        {
            shell.take_in(stream, sender, from, datagram, now, now);
        }
    }

    /// Sees to what happened and sends what is to be said to the sender; returns when there is more to do.
    fn drain(&mut self, sender: &mut Sender, now: Instant) -> Option<Instant> {
        let Self { link, stream, outputs, keeper, screen, web, stats, most, console, .. } = self;
        let mut shell = Shell { outputs, keeper, screen, web: web.as_ref(), stats, most: *most, console };
        loop {
            match stream.poll(now) {
                RecvOutput::Wait(until) => return until,
                RecvOutput::Event(_) if shell.has_enough(sender) => {}
                RecvOutput::Event(event) => shell.handle(event, sender),
                RecvOutput::Transmit { to, bytes } => {
                    // What cannot be said now is said with the next report.
                    let _ = link.send(to, sender.sent_to, bytes);
                }
            }
        }
    }

    /// Has the reports say what was dropped on this computer.
    fn note_drops(&mut self, sender: &mut Sender, now: Instant) {
        if sender.drops <= now {
            sender.drops = now + NOTE_DROPS_EVERY;
            let counters = self.stats.lock();
            let (decode, display) = (counters.undecoded + counters.refused, counters.unshown);
            drop(counters);
            self.stream.set_drops(self.link.kernel_dropped(), decode, display);
        }
    }

    fn has_enough(&self, sender: &Sender) -> bool {
        self.most.is_some_and(|most| sender.delivered >= most)
    }
}

/// What surrounds the stream.
struct Shell<'a> {
    outputs: &'a Outputs,
    keeper: &'a Keeper,
    screen: &'a Screen,
    web: Option<&'a Tap>,
    stats: &'a Stats,
    most: Option<u64>,
    console: &'a Console,
}

impl Shell<'_> {
    fn take_in(
        &mut self,
        stream: &mut RecvStream<SocketAddr>,
        sender: &mut Sender,
        (from, to): Addresses,
        datagram: &mut [u8],
        arrived: Instant,
        now: Instant,
    ) {
        match stream.handle_datagram_arrived(from, datagram, arrived, now) {
            Fate::Accepted | Fate::Control => {
                sender.heard = Some(now);
                sender.sent_to = to;
            }
            Fate::Foreign => self.speak_of_stranger(sender, from, now),
            _ => {}
        }
        while let Some(event) = stream.next_event() {
            if !self.has_enough(sender) {
                if matches!(event, RecvEvent::Delivered(_)) {
                    sender.delays.set(stream.clock(now));
                }
                self.handle(event, sender);
            }
        }
    }

    fn handle(&mut self, event: RecvEvent<SocketAddr>, sender: &mut Sender) {
        match event {
            RecvEvent::Session { source, session } => {
                sender.delays.reset();
                sender.begun = Instant::now();
                self.console.say(format_args!("receiving from {source}, session {session}"));
                let mut counters = self.stats.lock();
                counters.session = Some(session.to_string());
                counters.source = Some(source.to_string());
                counters.is_over = false;
                drop(counters);
                self.screen.signal(Signal::Source(source));
            }
            RecvEvent::Hello { name, state } => {
                let name = printable(&name);
                let mut counters = self.stats.lock();
                counters.name.clone_from(&name);
                counters.is_over = state == SourceState::Gone;
                drop(counters);
                if state == SourceState::Gone {
                    self.console.say("the sender's source is gone; it waits for it to come back");
                }
                self.keeper.set_name(&name);
                self.screen.signal(Signal::Name(name));
                self.screen.signal(if state == SourceState::Gone {
                    Signal::SourceGone
                } else {
                    Signal::SourceBack
                });
            }
            RecvEvent::Goodbye => {
                self.console.say("the sender has ended the stream; waiting for another");
                sender.heard = None;
                sender.silence = Silence::begin(Instant::now());
                self.stats.lock().is_over = true;
                self.screen.signal(Signal::Ended);
            }
            RecvEvent::Delivered(delivery) => self.deliver(delivery, sender),
            RecvEvent::Lost(_) => {}
        }
    }

    fn deliver(&mut self, delivery: Delivery, sender: &mut Sender) {
        let Delivery { id, frame, first, last, .. } = delivery;
        sender.delivered += 1;
        let transit = sender.delays.learn(frame.captured, last);
        let mut counters = self.stats.lock();
        counters.reassemble.add(last - first);
        // Absolute delays and relative ones are not counted together, and a sender's clock is known after a moment.
        let agreement = sender.delays.agreement();
        if agreement == Agreement::Shared || sender.begun.elapsed() > CLOCK_KNOWN_WITHIN {
            if counters.clock != agreement {
                counters.forget_delays(agreement);
            }
            counters.transit.add(transit);
        }
        if let Some(error) = sender.delays.error() {
            counters.clock_error.add(error);
        }
        drop(counters);
        let received = Received { id, frame };
        self.outputs.offer(&received);
        self.keeper.offer(&received);
        if let Some(web) = self.web {
            web.put(&received, &sender.delays);
        }
        if self.screen.show(received, sender.delays) {
            self.stats.lock().undecoded += 1;
        }
    }

    fn has_enough(&self, sender: &Sender) -> bool {
        self.most.is_some_and(|most| sender.delivered >= most)
    }

    fn speak_of_stranger(&self, sender: &mut Sender, from: SocketAddr, now: Instant) {
        if sender.strangers.is_due(now) {
            self.console.warn(format_args!(
                "{from} also sends here and is not shown; give each sender a port or group of its own"
            ));
        }
    }
}

/// A name from the network as it can be shown: a control character ends a window's title, and does worse to a terminal.
pub(crate) fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// No report is sent much more often; each time costs a system call.
const NOTE_DROPS_EVERY: Duration = Duration::from_millis(100);
/// After so long without it, the sender's clock is not going to be known.
const CLOCK_KNOWN_WITHIN: Duration = Duration::from_secs(1);
/// How soon after a cable is in again a group's picture is back.
const JOIN_OFTEN: Duration = Duration::from_millis(500);
const JOIN_SELDOM: Duration = Duration::from_secs(10);
/// A silence in which nobody waits for the picture to come back.
const LONG: Duration = Duration::from_secs(60);
/// Often enough to be seen, rarely enough to be read.
const SPEAK_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_a_title_or_command_a_terminal() {
        assert_eq!(printable("Tür 3\0\u{1b}[2J\n"), "Tür 3\u{fffd}\u{fffd}[2J\u{fffd}");
    }
}
