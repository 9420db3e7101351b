//! Makes the streams of one run: all alike, but for their routes.

use std::net::SocketAddr;
use std::time::Instant;

use proto::app::StreamFormat;
use proto::netem::{Impairment, Netem};
use proto::rtp::{RtpSendConfig, RtpSendStream};
use proto::{Clock, FrameId, Pace, SendConfig, SendStream, SessionId};

use super::destination::Destination;
use super::stream::DestinationStream;
use crate::net::{Route, computer_of};

/// What all streams of a run share.
#[derive(Clone, Debug)]
pub(crate) struct StreamFactory {
    format: StreamFormat,
    config: SendConfig,
    clock: Clock,
    impair: Option<Impairment>,
}

impl StreamFactory {
    /// For streams of this format and like this, by a network that is as bad as `impair` says.
    pub(crate) fn new(
        format: StreamFormat,
        config: SendConfig,
        impair: Option<Impairment>,
        clock: Clock,
    ) -> Self {
        Self { format, config, clock, impair }
    }

    /// Their session.
    pub(crate) fn session(&self) -> SessionId {
        self.config.session
    }

    /// Whether they take frames in parts.
    pub(crate) fn take_parts(&self) -> bool {
        self.format == StreamFormat::Chunkcast
    }

    /// A destination that nothing was sent to yet, by the socket with this number; of all frames its first is `first`.
    pub(crate) fn open(&self, socket: usize, route: Route, first: u64) -> Destination {
        let stream = match self.format {
            StreamFormat::Chunkcast => self.chunkcast(&route, FrameId::new(first as u32)),
            StreamFormat::Rtp => self.rtp(&route),
        };
        let netem = self.impair.clone().map(Netem::new);
        Destination::new(stream, socket, route, netem).with_first(first)
    }

    fn chunkcast(&self, route: &Route, first: FrameId) -> DestinationStream {
        let config = SendConfig {
            datagram_bytes: route.datagram_bytes(),
            overhead_bytes: route.overhead_bytes(),
            pace: self.pace(route),
            is_group: route.is_group(),
            ..self.config.clone()
        };
        let mut stream: SendStream<SocketAddr> = SendStream::new(config, self.clock, Instant::now());
        stream.set_next_frame(first);
        stream.set_computers(computer_of);
        stream.into()
    }

    fn rtp(&self, route: &Route) -> DestinationStream {
        // Where RTP begins must be random, as the session is; nobody is kept out by it.
        let random = self.config.session.get();
        let config = RtpSendConfig {
            ssrc: random as u32,
            sequence: (random >> 16) as u16,
            timestamp: (random >> 32) as u32,
            datagram_bytes: route.datagram_bytes(),
            overhead_bytes: route.overhead_bytes(),
            pace: self.pace(route),
            max_bitrate: self.config.max_bitrate,
            reports_to: route.rtcp(),
            name: self.config.name.clone(),
        };
        RtpSendStream::new(config, self.clock).into()
    }

    /// What was chosen for a way, in words.
    pub(crate) fn describe(&self, route: &Route) -> String {
        let pace = match self.pace(route) {
            Pace::Auto if self.format == StreamFormat::Rtp => {
                "paced at 90 Mbit/s, or what the stream needs".to_owned()
            }
            Pace::Off => "each frame at once".to_owned(),
            Pace::Auto => "paced at 90 Mbit/s at first, then at what the path carries".to_owned(),
            Pace::Rate(rate) => format!("paced at {:.1} Mbit/s", rate / 1e6),
        };
        let format = if self.format == StreamFormat::Rtp { " as RTP/JPEG" } else { "" };
        let (to, by, mtu) = (route.to(), &route.interface().name, route.mtu());
        format!("{to}{format} by {by}, MTU {mtu}, {pace}")
    }

    fn pace(&self, route: &Route) -> Pace {
        match self.config.pace {
            Pace::Auto if route.is_local() => Pace::Off,
            chosen => chosen,
        }
    }
}
