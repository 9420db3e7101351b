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
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        let begun = Instant::now();
        let config = SendConfig {
            // A large picture is not to fill the receiver's buffer at once.
            pace: Pace::Rate(1e9),
            ..SendConfig::new(SessionId::new(7), [7; 16])
        };
        let stream = SendStream::new(config, Clock::new(begun, MediaTime::from_micros(1)), begun);
        Self { socket, stream, begun }
    }

    /// Sends one frame that was taken now, down to its last datagram.
    pub(crate) fn send(&mut self, jpeg: &[u8]) {
        let captured = 1 + self.begun.elapsed().as_micros() as u64;
        self.send_taken(captured, jpeg);
    }

    /// Sends one frame that was taken then, in microseconds.
    pub(crate) fn send_taken(&mut self, captured: u64, jpeg: &[u8]) {
        let (captured, now) = (MediaTime::from_micros(captured), Instant::now());
        self.stream.push_frame(Frame { captured, jpeg: Arc::new(jpeg.to_vec()) }, now);
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
