//! Forged receivers: they send requests and pings, with any token and from any address.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use proto::wire::{self, Body, Datagram, HEADER_BYTES, Header, Kind};
use proto::{FrameId, MediaTime, SessionId};
use socket2::{Domain, Protocol, Socket, Type};

use super::running::Running;

/// Somebody who sends to where a stream comes from.
pub(crate) struct Attacker {
    way: Way,
    to: SocketAddrV4,
    session: SessionId,
    /// Bytes of datagrams that it sent.
    pub(crate) fired: u64,
    /// Bytes of datagrams that came back to it.
    pub(crate) back: u64,
}

enum Way {
    /// From an address of its own.
    Own(UdpSocket),
    /// In somebody else's name.
    Forged(Socket, SocketAddrV4),
}

/// A member of a group who only listens.
pub(crate) struct Tap {
    newest: Arc<AtomicU32>,
    over: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

/// What is sent back to a sender.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Feedback {
    /// Asks for all of a frame.
    Request(u32, u64),
    /// Asks for the time and a token.
    Ping,
}

impl Attacker {
    /// One with this socket, who knows of a stream what a receiver of it knows.
    pub(crate) fn new(socket: UdpSocket, receiver: &Running) -> Self {
        socket.set_nonblocking(true).unwrap();
        Self::with(Way::Own(socket), receiver)
    }

    /// One who writes `name` where its own address belongs; it needs a [`raw_socket`].
    pub(crate) fn forging(socket: Socket, name: SocketAddrV4, receiver: &Running) -> Self {
        Self::with(Way::Forged(socket, name), receiver)
    }

    fn with(way: Way, receiver: &Running) -> Self {
        let stats = receiver.stats().expect("the receiver has said what it receives");
        let session = u64::from_str_radix(stats["session"].as_str().unwrap(), 16).unwrap();
        let to = stats["source"].as_str().unwrap().parse().unwrap();
        Self { way, to, session: SessionId::new(session), fired: 0, back: 0 }
    }

    /// Sends what `next` says until then, at [`RATE`].
    pub(crate) fn flood(&mut self, until: Instant, mut next: impl FnMut(u64) -> Feedback) {
        let (start, mut count) = (Instant::now(), 0);
        while Instant::now() < until {
            while (count as f64) < start.elapsed().as_secs_f64() * RATE {
                self.fire(next(count));
                count += 1;
            }
            self.drain(|_| {});
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Asks for a token as a receiver does, and waits for it.
    pub(crate) fn prove(&mut self) -> u64 {
        let (until, mut token) = (Instant::now() + Duration::from_secs(2), None);
        self.fire(Feedback::Ping);
        while token.is_none() {
            assert!(Instant::now() < until, "a ping was not answered");
            self.drain(|datagram| {
                if let Ok(Datagram { body: Body::Pong(_), .. }) = Datagram::parse(datagram) {
                    let field = datagram[HEADER_BYTES..].first_chunk().unwrap();
                    token = Some(u64::from_be_bytes(*field));
                }
            });
            super::pause(1);
        }
        token.unwrap()
    }

    fn fire(&mut self, feedback: Feedback) {
        let mut datagram = vec![0; HEADER_BYTES];
        let (kind, frame) = match feedback {
            Feedback::Request(frame, token) => {
                datagram.extend(token.to_be_bytes());
                // As many as it has at most; one range, from the first on.
                for field in [CHUNKS, 1, 0, CHUNKS] {
                    datagram.extend(field.to_be_bytes());
                }
                (Kind::Resend, frame)
            }
            Feedback::Ping => {
                datagram.extend([0; 24]);
                (Kind::Ping, 0)
            }
        };
        let header = Header {
            length: (datagram.len() - HEADER_BYTES) as u32,
            ..Header::control(kind, self.session, FrameId::new(frame), MediaTime::from_micros(1))
        };
        wire::emit(&header, &mut datagram);
        let sent = match &self.way {
            Way::Own(socket) => socket.send_to(&datagram, self.to).is_ok(),
            Way::Forged(socket, name) => {
                socket.send_to(&packet(*name, self.to, &datagram), &SocketAddr::V4(self.to).into()).is_ok()
            }
        };
        self.fired += if sent { datagram.len() as u64 } else { 0 };
    }

    /// Reads what came back.
    pub(crate) fn drain(&mut self, mut look: impl FnMut(&[u8])) {
        let Way::Own(socket) = &self.way else { return };
        let mut buffer = [0; 2048];
        while let Ok(length) = socket.recv(&mut buffer) {
            self.back += length as u64;
            look(&buffer[..length]);
        }
    }
}

/// A datagram of a kind that carries no picture, with this body.
pub(crate) fn control(kind: Kind, session: SessionId, body: &[u8]) -> Vec<u8> {
    let header = Header::control(kind, session, FrameId::new(0), MediaTime::from_micros(1));
    let mut datagram = [&[0; HEADER_BYTES], body].concat();
    wire::emit(&Header { length: body.len() as u32, ..header }, &mut datagram);
    datagram
}

/// A socket whose packets are written whole, IPv4 header and all.
pub(crate) fn raw_socket() -> Socket {
    Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(IPPROTO_RAW))).unwrap()
}

impl Tap {
    /// Listens on this socket, which is in the group.
    pub(crate) fn of(socket: UdpSocket) -> Self {
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let (newest, over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let (told, ends) = (Arc::clone(&newest), Arc::clone(&over));
        let listening = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !ends.load(Ordering::Relaxed) {
                let Ok(length) = socket.recv(&mut buffer) else { continue };
                if let Ok(Datagram { header: Header { kind: Kind::Data, frame, .. }, .. }) =
                    Datagram::parse(&buffer[..length])
                {
                    told.store(frame.get(), Ordering::Relaxed);
                }
            }
        });
        Self { newest, over, listening: Some(listening) }
    }

    /// The frame that came last.
    pub(crate) fn newest(&self) -> u32 {
        self.newest.load(Ordering::Relaxed)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

/// A datagram in UDP (RFC 768) in IPv4 (RFC 791). The system writes IPv4's length and checksum; UDP's is left out.
pub(crate) fn packet(from: SocketAddrV4, to: SocketAddrV4, datagram: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
    packet.extend(Ipv4Addr::octets(from.ip()));
    packet.extend(Ipv4Addr::octets(to.ip()));
    for field in [from.port(), to.port(), datagram.len() as u16 + 8, 0] {
        packet.extend(field.to_be_bytes());
    }
    packet.extend(datagram);
    packet
}

/// Datagrams a second: a thousand times as many as a receiver sends, and what leaves both cores time for the stream.
const RATE: f64 = 10_000.0;
/// More than a frame of the clip has.
const CHUNKS: u16 = 200;
const IPPROTO_RAW: i32 = 255;
