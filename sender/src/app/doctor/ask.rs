//! Sends hellos without any frames, and waits for feedback.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use proto::app::Checklist;
use proto::sys::{random_bytes, wait_until, wall_clock};
use proto::{SendConfig, SendOutput, SendStream, SessionId};
use rustix::event::{PollFd, PollFlags};

use crate::net::{Peer, Route, SendSocket};

/// What was heard.
struct HelloAnswers {
    /// Who proved that datagrams pass both ways.
    viewers: Vec<SocketAddr>,
    /// Datagrams that nobody can send who was asked.
    strangers: u64,
    /// What the network or the other computer says of what was sent.
    error: Option<io::Error>,
}

/// Asks, and says whether anybody answers.
pub(super) fn ask(list: &mut Checklist<'_>, mut socket: SendSocket, mut route: Route) -> Result<()> {
    list.section(format_args!("Saying hello to {} for up to {} s", route.to(), TIME.as_secs()))?;
    let heard = hear(&mut socket, &mut route)?;
    for viewer in heard.viewers.iter().take(MOST) {
        list.ok(format_args!("{viewer} answers: datagrams pass both ways"))?;
    }
    match heard.viewers.len() {
        0 => {}
        n if n > MOST => list.ok(format_args!("{n} receivers answer in all"))?,
        _ => return Ok(()),
    }
    let port = route.to().port();
    match heard.error.as_ref().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => list.attention(format_args!(
            "that computer answers that no program listens on port {port}: start receiver there, or give the port that it \
             listens on"
        ))?,
        Some(io::ErrorKind::HostUnreachable) => list.attention(
            "no computer answers at that address: is it on, in this network, and is that still its address?",
        )?,
        Some(_) => {
            let error = heard.error.as_ref().map_or_else(String::new, ToString::to_string);
            list.attention(format_args!("cannot send there: {error}"))?;
        }
        None if heard.viewers.is_empty() => list.note(
            "nobody answers. That need not be wrong: a receiver that shows another sender, or runs with --feedback off, \
             says nothing. Otherwise none runs there, or a firewall there forbids UDP on that port or its answers here; \
             receiver doctor on that computer says whether these hellos arrive",
        )?,
        None => {}
    }
    if heard.strangers > 0 {
        list.note(format_args!(
            "{} datagrams came from other addresses than that; only what comes from there counts",
            heard.strangers
        ))?;
    }
    Ok(())
}

fn hear(socket: &mut SendSocket, route: &mut Route) -> Result<HelloAnswers> {
    if !route.is_group() {
        // Only what is connected is told that a port is closed (udp(7)). Where it cannot be, that is not told.
        let _ = rustix::net::connect(socket.as_fd(), &route.to());
    }
    let config = SendConfig {
        datagram_bytes: route.datagram_bytes(),
        name: "sender doctor".into(),
        is_group: route.is_group(),
        ..SendConfig::new(SessionId::new(u64::from_ne_bytes(random_bytes()?).max(1)), random_bytes()?)
    };
    let mut stream = SendStream::new(config, wall_clock(), Instant::now());
    let mut heard = HelloAnswers { viewers: Vec::new(), strangers: 0, error: None };
    let end = Instant::now() + TIME;
    while Instant::now() < end {
        let next = drain(&mut stream, socket, route, &mut heard);
        let until = next.map_or(end, |next| next.min(end));
        wait_until(&mut [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)], Some(until))
            .context("cannot wait for answers")?;
        heard.note_pending(socket);
        let now = Instant::now();
        let read = socket.receive(AT_ONCE, |_, Peer { address, .. }, datagram| {
            if route.is_receiver(address) {
                let _counted = stream.handle_datagram(address, datagram, now);
            }
            route.is_receiver(address)
        });
        heard.error = read.err().or(heard.error);
        let is_refused = heard.error.as_ref().is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused);
        // Of a group, others may still answer.
        if !route.is_group() && (is_refused || stream.viewers().next().is_some()) {
            break;
        }
    }
    heard.viewers = stream.viewers().map(|(address, _)| *address).collect();
    heard.strangers = socket.strangers();
    stream.close();
    drain(&mut stream, socket, route, &mut heard);
    Ok(heard)
}

/// Sends what is due; returns when there is more.
fn drain(
    stream: &mut SendStream<SocketAddr>,
    socket: &mut SendSocket,
    route: &mut Route,
    heard: &mut HelloAnswers,
) -> Option<Instant> {
    loop {
        match stream.poll(Instant::now()) {
            SendOutput::Wait(until) => return until,
            SendOutput::Event(_) => {}
            SendOutput::Transmit(transmit) => {
                heard.note_pending(socket);
                let sent = socket.send(route, &transmit);
                heard.error = sent.err().or_else(|| heard.error.take());
            }
        }
    }
}

impl HelloAnswers {
    /// Notes what came back instead of an answer. It is asked for before the next send or read, which would swallow it.
    fn note_pending(&mut self, socket: &SendSocket) {
        if let Ok(Err(error)) = rustix::net::sockopt::socket_error(socket.as_fd()) {
            self.error = Some(error.into());
        }
    }
}

/// Receivers of a group answer within a tenth of a second; that a host is not there is known after three (arp(7)).
const TIME: Duration = Duration::from_secs(4);
const AT_ONCE: usize = 32;
/// Lines that a person reads.
const MOST: usize = 8;
