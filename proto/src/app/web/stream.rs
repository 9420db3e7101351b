//! MJPEG for browsers and players: multipart/x-mixed-replace.

use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use super::peer::TcpPeer;
use super::places::{Caller, ConnectionPlace};
use super::request::Request;
use super::response::{self, Response, Sites};
use super::shared::Shared;
use super::site::WebFeed;
use crate::app::broadcast::{BroadcastSubscription, Shot};
use crate::app::page_keys::PageKeys;
use crate::jpeg;
use crate::sys::Event;

/// Somebody who watches one stream or all.
///
/// He is written one picture at a time. Whatever came meanwhile but the newest is not for him, so that he is never
/// behind by more than the picture that is on its way, and costs nobody else anything.
pub(super) struct WebViewer {
    wake: Event,
    subscriptions: Vec<(usize, BroadcastSubscription)>,
    begun: Instant,
    keys: PageKeys,
    /// How many of these there were when he was let in.
    keys_then: usize,
    _place: ConnectionPlace,
}

impl WebViewer {
    /// Takes a viewer's place for somebody who was let in while there were so many keys.
    ///
    /// # Errors
    /// What to answer if there is none, or not that stream.
    pub(super) fn new(
        request: &Request,
        caller: &Caller,
        keys_then: usize,
        shared: &Shared,
    ) -> Result<Self, Response> {
        let feeds = wanted(request, shared.site.feeds())?;
        let none = || Response::sentence(503, &full(shared.viewers.most())).with("Retry-After: 5");
        let place = shared.viewers.take(caller, Instant::now()).ok_or_else(none)?;
        // He is at it until he leaves.
        place.idle(None);
        let wake = Event::new().map_err(|error| Response::sentence(503, &error.to_string()))?;
        let subscribe = |(number, feed): (usize, WebFeed)| (number, feed.newest.subscribe(&wake));
        let subscriptions = feeds.into_iter().map(subscribe).collect();
        // What is there already is given out too.
        wake.raise();
        let keys = shared.access.keys().clone();
        Ok(Self { wake, subscriptions, begun: shared.begun, keys, keys_then, _place: place })
    }

    /// The answer's head.
    pub(super) fn head(&self, sites: Sites) -> String {
        response::head(200, KIND, sites, "Connection: close\r\n")
    }

    /// Writes pictures until the viewer leaves, takes nothing for too long, another key is asked for, or the program
    /// ends.
    pub(super) fn run(mut self, peer: &mut TcpPeer<'_>, sites: Sites) -> io::Result<()> {
        let head = self.head(sites) + PART_BEGIN;
        peer.write(&mut [IoSlice::new(head.as_bytes())], Instant::now() + PATIENCE)?;
        loop {
            peer.wait_for(&self.wake)?;
            self.wake.clear();
            // One of each before a second of any.
            while self.write_each(peer)? {}
            if self.keys.count() != self.keys_then {
                return Ok(());
            }
        }
    }

    /// Writes the newest picture of each stream that has one; whether any had.
    fn write_each(&mut self, peer: &mut TcpPeer<'_>) -> io::Result<bool> {
        let mut any = false;
        for (number, subscription) in &mut self.subscriptions {
            // What is seen now may be another key's, and he may not have it.
            if self.keys.count() != self.keys_then {
                return Ok(false);
            }
            // One that shows what no longer is would be taken for what is.
            if let Some(shot) = subscription.take().filter(|shot| shot.is_fresh(Instant::now())) {
                write_part(peer, *number, &shot, self.begun)?;
                any = true;
            }
        }
        Ok(any)
    }
}

/// The streams that `?sender=` asks for: a number, `all`, or the first.
fn wanted(request: &Request, feeds: Vec<WebFeed>) -> Result<Vec<(usize, WebFeed)>, Response> {
    let all = feeds.into_iter().enumerate();
    let number = match request.value("sender") {
        Some("all") => return Ok(all.collect()),
        _ => request.number("sender")?.unwrap_or(0),
    };
    let there = all.len();
    let wanted: Vec<_> = all.filter(|(at, _)| *at == number).collect();
    if wanted.is_empty() {
        let status = if there == 0 { 503 } else { 404 };
        return Err(Response::sentence(status, &format!("there is no sender {number}: there are {there}")));
    }
    Ok(wanted)
}

/// Writes one picture. The boundary behind it goes with it: browsers show a picture when they see that it has ended.
fn write_part(peer: &mut TcpPeer<'_>, number: usize, shot: &Shot, begun: Instant) -> io::Result<()> {
    let jpeg = whole(&shot.frame.jpeg);
    let length: usize = jpeg.iter().map(|piece| piece.len()).sum();
    let fields = fields(number, shot, begun);
    let head = format!("Content-Type: image/jpeg\r\nContent-Length: {length}\r\n{fields}\r\n");
    let [first, tables, rest] = jpeg.map(IoSlice::new);
    let end = IoSlice::new(PART_END.as_bytes());
    let slices = &mut [IoSlice::new(head.as_bytes()), first, tables, rest, end];
    peer.write(slices, Instant::now() + PATIENCE)
}

/// What is said of a picture beside it: whose it is, which, and when it was taken, by the sender's clock in
/// microseconds since the Unix epoch and by ours in milliseconds since the server began.
pub(super) fn fields(number: usize, shot: &Shot, begun: Instant) -> String {
    format!(
        "X-Chunkcast-Sender: {number}\r\nX-Chunkcast-Frame: {}\r\nX-Chunkcast-Captured: {}\r\n\
         X-Chunkcast-Captured-Ms: {:.1}\r\n",
        shot.id,
        shot.frame.captured.as_micros(),
        millis_between(begun, shot.captured)
    )
}

/// Milliseconds from `begun` to `at`, which may be before it.
pub(super) fn millis_between(begun: Instant, at: Instant) -> f64 {
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    at.checked_duration_since(begun).map_or_else(|| -millis(begun - at), millis)
}

/// A JPEG in pieces that browsers can decode: they know no Huffman tables but those that it brings.
pub(super) fn whole(jpeg: &[u8]) -> [&[u8]; 3] {
    match jpeg::scan_head(jpeg) {
        Ok(head) => jpeg::with_huffman_tables(jpeg, &head),
        // What is wrong with it, whoever decodes it says.
        Err(_) => [jpeg, &[], &[]],
    }
}

fn full(most: usize) -> String {
    format!("{most} viewers watch already; give --http-viewers to allow more")
}

/// How long a viewer may take for one answer or picture.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
const KIND: &str = "multipart/x-mixed-replace; boundary=chunkcast";
const PART_BEGIN: &str = "--chunkcast\r\n";
const PART_END: &str = "\r\n--chunkcast\r\n";
