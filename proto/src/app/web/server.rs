//! Accepts connections, each with a thread of its own, and joins all of them at the end.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::connection;
use super::places::Caller;
use super::shared::{Admittance, Settings, Shared};
use super::site::Site;
use crate::rate_limiter::RateLimiter;
use crate::sys::{Stop, join, spawn};

/// Starts the thread that takes connections.
pub(super) fn start(
    listener: TcpListener,
    port: u16,
    settings: Settings,
    site: Arc<dyn Site>,
    stop: &Stop,
) -> Result<JoinHandle<Result<()>>> {
    let shared = Arc::new(Shared::new(site, port, settings, stop)?);
    spawn("http", stop, move || run(&listener, &shared))
}

fn run(listener: &TcpListener, shared: &Arc<Shared>) -> Result<()> {
    let mut threads: Vec<JoinHandle<Result<()>>> = Vec::new();
    let mut complaints = RateLimiter::new(COMPLAIN_EVERY);
    while !shared.stop.wait_for_input(listener.as_fd()).context("cannot wait for connections")? {
        match listener.accept() {
            Ok((stream, peer)) => threads.extend(admit(stream, peer.ip(), shared)),
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                if complaints.is_due(Instant::now()) {
                    tracing::info!("cannot take an HTTP connection: {error}");
                }
                // Where the system has no more files, it will not have one at once.
                shared.stop.wait(RETRY);
            }
        }
        for ended in threads.extract_if(.., |thread| thread.is_finished()) {
            join(ended)?;
        }
    }
    threads.into_iter().try_for_each(join)
}

/// Gives the connection a thread; closes it where there is no room even for a refusal.
fn admit(stream: TcpStream, peer: IpAddr, shared: &Arc<Shared>) -> Option<JoinHandle<Result<()>>> {
    let stream = Arc::new(stream);
    let caller = Caller::new(peer, Some(&stream));
    shared.connections.wait_for_room(CROWDED);
    let room = match shared.connections.take(&caller, Instant::now()) {
        Some(place) => Admittance::Served(place),
        None => Admittance::Refused(shared.waiting.take()?),
    };
    let work = {
        let shared = shared.clone();
        move || {
            // What a peer does wrong ends its connection, and nothing else.
            let _ = connection::serve(stream, peer, &caller, &shared, &room);
            drop(room);
            Ok(())
        }
    };
    spawn("http peer", &shared.stop, work).ok()
}

/// The peer has left before it was taken, or another call is due.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionAborted | ErrorKind::Interrupted)
}

/// Whoever is made to leave does so at once, unless the computer is very busy.
const CROWDED: Duration = Duration::from_millis(500);
const RETRY: Duration = Duration::from_millis(100);
/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
