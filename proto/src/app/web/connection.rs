//! One connection: requests in, responses out, until either side ends it.

use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::WebClient;
use super::peer::TcpPeer;
use super::places::Caller;
use super::request::{LONGEST_HEAD, Method, Request, no_body};
use super::response::{Response, Sites};
use super::route::{self, WebReply};
use super::shared::{Admittance, Shared};
use super::{guard, stream};

/// Answers requests until the connection ends. One that is not to be served is told so.
pub(super) fn serve(
    stream: Arc<TcpStream>,
    address: IpAddr,
    caller: &Caller,
    shared: &Shared,
    room: &Admittance,
) -> io::Result<()> {
    let mut peer = TcpPeer::new(stream, &shared.stop)?;
    let sites = shared.sites;
    if let Some(tls) = &shared.tls
        && !peer.begin_tls(tls, Instant::now() + HANDSHAKE)?
    {
        return last(peer, &only_https(), sites, false);
    }
    let client = WebClient { address, local: peer.local()?, caller };
    let mut head = RequestBuffer { bytes: vec![0; LONGEST_HEAD], filled: 0, looked_at: 0 };
    loop {
        let mut request = match head.next(&mut peer)? {
            Next::Request(request) => request,
            Next::Refused(response) => return last(peer, &response, sites, false),
            Next::End => return Ok(()),
        };
        if request.body_length > 0 && !shared.access.is_asked() {
            return last(peer, &no_body(), sites, false);
        }
        let is_head = request.method == Method::Head;
        let Admittance::Served(place) = room else { return last(peer, &busy(), sites, is_head) };
        if let Some(host) = request.host.as_deref().filter(|host| !guard::is_us(host, &shared.hosts)) {
            return last(peer, &not_us(host), sites, is_head);
        }
        let Some(body) = head.body(request.body_length, &mut peer)? else {
            return last(peer, &unfinished(), sites, is_head);
        };
        request.body = body;
        request.is_https |= shared.tls.is_some();
        place.idle(None);
        match route::answer(&request, &client, shared) {
            WebReply::Stream(viewer) if is_head => {
                return write(&mut peer, &viewer.head(sites), &[]).map(|()| peer.finish());
            }
            WebReply::Stream(viewer) => return viewer.run(&mut peer, sites),
            WebReply::Whole(response) if request.stays => {
                let body = if is_head { &[] } else { response.body() };
                write(&mut peer, &response.head(true, sites), body)?;
            }
            WebReply::Whole(response) => return last(peer, &response, sites, is_head),
        }
        place.idle(Some(Instant::now()));
    }
}

/// What a peer has said, as far as it was not seen to.
struct RequestBuffer {
    bytes: Vec<u8>,
    filled: usize,
    /// How much there was of it when it was looked at last.
    looked_at: usize,
}

enum Next {
    Request(Request),
    /// It cannot be told what else is to come.
    Refused(Response),
    End,
}

impl RequestBuffer {
    /// The next request. Who says nothing is waited for; who has begun is to come to an end.
    fn next(&mut self, peer: &mut TcpPeer<'_>) -> io::Result<Next> {
        let mut until = Instant::now() + if self.filled == 0 { IDLE } else { HEAD };
        loop {
            if self.is_worth_a_look() {
                self.looked_at = self.filled;
                match Request::parse(&self.bytes[..self.filled]) {
                    Ok(Some((request, length))) => {
                        self.bytes.copy_within(length..self.filled, 0);
                        self.filled -= length;
                        self.looked_at = 0;
                        return Ok(Next::Request(request));
                    }
                    Ok(None) => {}
                    Err(response) => return Ok(Next::Refused(response)),
                }
            }
            match peer.read(&mut self.bytes[self.filled..], until) {
                Ok(0) => return Ok(Next::End),
                Ok(read) => {
                    if self.filled == 0 {
                        until = Instant::now() + HEAD;
                    }
                    self.filled += read;
                }
                Err(error) if error.kind() == ErrorKind::TimedOut && self.filled > 0 => {
                    return Ok(Next::Refused(unfinished()));
                }
                Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(Next::End),
                Err(error) => return Err(error),
            }
        }
    }

    /// The body behind a request's head; `None` if not all of it comes.
    fn body(&mut self, length: usize, peer: &mut TcpPeer<'_>) -> io::Result<Option<Vec<u8>>> {
        let until = Instant::now() + HEAD;
        while self.filled < length {
            match peer.read(&mut self.bytes[self.filled..], until) {
                Ok(0) => return Ok(None),
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let body = self.bytes[..length].to_vec();
        self.bytes.copy_within(length..self.filled, 0);
        self.filled -= length;
        Ok(Some(body))
    }

    /// Whether what has come may be a whole head, or is twice what was no whole one: who sends single bytes has the
    /// head read no more often than others.
    fn is_worth_a_look(&self) -> bool {
        let new = &self.bytes[self.looked_at.saturating_sub(3)..self.filled];
        let may_end =
            new.windows(2).any(|end| end == b"\n\n") || new.windows(4).any(|end| end == b"\r\n\r\n");
        may_end || self.filled >= 2 * self.looked_at || self.filled == LONGEST_HEAD
    }
}

/// Writes an answer behind which the connection ends.
fn last(mut peer: TcpPeer<'_>, response: &Response, sites: Sites, is_head: bool) -> io::Result<()> {
    let body = if is_head { &[] } else { response.body() };
    write(&mut peer, &response.head(false, sites), body)?;
    peer.finish();
    Ok(())
}

fn write(peer: &mut TcpPeer<'_>, head: &str, body: &[u8]) -> io::Result<()> {
    peer.write(&mut [IoSlice::new(head.as_bytes()), IoSlice::new(body)], Instant::now() + stream::PATIENCE)
}

fn busy() -> Response {
    Response::sentence(503, "too many connections are open here; try again in a moment")
        .with("Retry-After: 2")
}

fn unfinished() -> Response {
    Response::sentence(408, "the request did not come to an end")
}

fn only_https() -> Response {
    Response::sentence(
        400,
        "this port speaks HTTPS only: write https:// in front of its address, not http://",
    )
}

fn not_us(host: &str) -> Response {
    let host: String = host.chars().filter(|c| !c.is_control()).take(255).collect();
    Response::sentence(
        421,
        &format!(
            "this is not {host:?}: use an address of this computer, or start with --http-host and that name"
        ),
    )
}

/// How long a connection may stay without a request.
const IDLE: Duration = Duration::from_secs(15);
/// How long a connection may take to become one of TLS.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a request's head may take from its first byte, and its body.
const HEAD: Duration = Duration::from_secs(3);
