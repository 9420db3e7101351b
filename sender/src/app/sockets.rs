//! Opens the sockets before there are pictures: those to send by, and those at which viewers subscribe.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use proto::SessionId;
use proto::app::StreamFormat;
use proto::names::printable;
use proto::sys::{Event, Stop};
use proto::wire::KeyId;

use crate::args::Args;
use crate::capture::{OpenedSource, Sizes};
use crate::net::{Dest, NetworkOptions, Route, SendSocket};
use crate::send::Awaited;
use crate::serve::{self, Announcer, ServeAt, ServiceNotice, USUAL_PORT};

/// The sockets of a sender.
pub(super) struct SenderSockets {
    pub(super) options: NetworkOptions,
    /// Those to what was typed as `--dest`.
    pub(super) opened: Vec<(SendSocket, Route)>,
    /// What cannot be sent to yet: it keeps nobody else from it.
    pub(super) awaited: Vec<Awaited>,
    /// Tells that one of these is to be tried.
    pub(super) bell: Event,
    /// Those at which viewers subscribe, if they may.
    pub(super) served: Option<Vec<SendSocket>>,
}

impl SenderSockets {
    /// Opens them.
    ///
    /// # Errors
    /// If there is a destination that will never be one, or a port is not to be had.
    pub(super) fn open(args: &Args) -> Result<Self> {
        let options = NetworkOptions {
            mtu: args.mtu.0,
            ttl: args.ttl.into(),
            interface: args.interface.clone(),
            dscp: args.dscp,
        };
        let bell = Event::new().context("cannot make an event")?;
        let (mut opened, mut awaited) = (Vec::new(), Vec::new());
        for dest in &args.dest {
            let mut destination = Awaited::new(dest.clone(), &bell);
            match destination.first_try(&options, Instant::now())? {
                Some(there) => opened.push(there),
                None => awaited.push(destination),
            }
        }
        let mut served = args.serve_at().map(|at| at.open(&options)).transpose()?;
        let mut news: Vec<String> = served.iter_mut().flatten().filter_map(SendSocket::find_only).collect();
        news.dedup();
        news.iter().for_each(|news| tracing::warn!("{news}"));
        Ok(Self { options, opened, awaited, bell, served })
    }

    /// Announces a sender that serves, or sends to a group. Where that fails, it is said, and pictures are sent all the
    /// same.
    pub(super) fn announce(
        &self,
        args: &Args,
        source: &OpenedSource,
        session: SessionId,
        key: Option<KeyId>,
        sizes: &Arc<Sizes>,
        stop: &Stop,
    ) -> Option<Announcer> {
        let group = args.dest.iter().filter_map(Dest::address).find(|address| address.ip().is_multicast());
        let served = self.served.as_ref().and_then(|sockets| serve::announced(sockets, args.serve_at()?));
        // RTP is described to players by a file.
        let is_ours = args.format == StreamFormat::Chunkcast;
        if !args.announce || !is_ours || (served.is_none() && group.is_none()) {
            return None;
        }
        let notice = ServiceNotice {
            name: args.name(),
            session,
            fps: source.interval.map(|interval| 1.0 / interval.as_secs_f64()),
            served,
            group,
            key,
            interface: args.interface.clone(),
        };
        let started = Announcer::start(notice, sizes.clone(), stop);
        started.inspect_err(|error| tracing::info!("{error:#}; receivers can still connect by address")).ok()
    }
}

/// Says where receivers can connect, and under which name they find it.
pub(super) fn say_where(args: &Args, sockets: &[SendSocket], session: SessionId) {
    let at = args.serve_at().unwrap_or(ServeAt::Anywhere);
    let addresses = serve::addresses(sockets, at).unwrap_or_default();
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let port = sockets.first().and_then(|socket| socket.port().ok()).unwrap_or_default();
    if at == ServeAt::Anywhere && port != USUAL_PORT {
        tracing::info!("port {USUAL_PORT} is taken: serving at port {port}");
    }
    tracing::info!(
        "serving \"{}\" at {}, at most {} viewers, session {session}",
        printable(&args.name()),
        addresses.join(", "),
        args.max_viewers
    );
}
