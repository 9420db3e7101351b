//! The sending end of the protocol alone.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use proto::wire::SourceState;
use proto::{Clock, Frame, MediaTime, Pace, SendConfig, SendEvent, SendOutput, SendStream, SessionId};

/// Sends whatever it is given.
pub(crate) struct Wire {
    socket: UdpSocket,
    stream: SendStream<SocketAddr>,
    begun: Instant,
}

impl Wire {
    pub(crate) fn to(address: &str) -> Self {
        Self::called("", 7, "127.0.0.1", address)
    }

    /// One of a name and a session, which sends from this address of this computer.
    pub(crate) fn called(name: &str, session: u64, from: &str, to: &str) -> Self {
        let begun = Instant::now();
        Self { socket: socket(from, to), stream: stream(name, session, begun), begun }
    }

    /// Begins another session from where it is, as by a restart.
    pub(crate) fn restart(&mut self, name: &str, session: u64) {
        self.begun = Instant::now();
        self.stream = stream(name, session, self.begun);
    }

    /// Sends from there from now on, as after a change of networks.
    pub(crate) fn move_to(&mut self, from: &str) {
        self.socket = socket(from, &self.peer());
    }

    /// Where it sends to.
    pub(crate) fn peer(&self) -> String {
        self.socket.peer_addr().unwrap().to_string()
    }

    /// Where it sends from.
    pub(crate) fn address(&self) -> String {
        self.socket.local_addr().unwrap().to_string()
    }

    /// Sends one frame that was taken now, down to its last datagram.
    pub(crate) fn send(&mut self, jpeg: &[u8]) {
        let captured = 1 + self.begun.elapsed().as_micros() as u64;
        self.send_taken(captured, jpeg);
    }

    /// Sends one frame that was taken then, in microseconds.
    pub(crate) fn send_taken(&mut self, captured: u64, jpeg: &[u8]) {
        let (captured, now) = (MediaTime::from_micros(captured), Instant::now());
        self.stream.push_frame(Frame { captured, jpeg: Arc::new(jpeg.to_vec()), signature: None }, now);
        loop {
            match self.stream.poll(Instant::now()) {
                SendOutput::Transmit(transmit) => {
                    transmit.bytes.chunks(transmit.segment).for_each(|datagram| {
                        self.socket.send(datagram).unwrap();
                    });
                }
                SendOutput::Event(SendEvent::Sent { .. }) => break,
                SendOutput::Event(event) => panic!("{event:?}"),
                SendOutput::Wait(until) => {
                    let until = until.unwrap().saturating_duration_since(Instant::now());
                    std::thread::sleep(until);
                }
            }
        }
    }

    /// Says how the source of the pictures is.
    pub(crate) fn say(&mut self, state: SourceState) {
        self.stream.set_state(state, Instant::now());
        while let SendOutput::Transmit(transmit) = self.stream.poll(Instant::now()) {
            self.socket.send(transmit.bytes).unwrap();
        }
    }
}

fn stream(name: &str, session: u64, begun: Instant) -> SendStream<SocketAddr> {
    let config = SendConfig {
        // A large picture is not to fill the receiver's buffer at once.
        pace: Pace::Rate(1e9),
        name: name.to_owned(),
        ..SendConfig::new(SessionId::new(session), [7; 16])
    };
    SendStream::new(config, Clock::new(begun, MediaTime::from_micros(1)), begun)
}

fn socket(from: &str, to: &str) -> UdpSocket {
    let socket = UdpSocket::bind((from, 0)).unwrap();
    socket.connect(to).unwrap();
    socket
}
