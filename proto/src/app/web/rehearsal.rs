//! Connections without sockets, for fuzzing and tests.

use std::net::IpAddr;
use std::sync::Arc;

use super::guard;
use super::places::Caller;
use super::request::{LONGEST_HEAD, Request};
use super::route::{self, WebClient, WebReply};
use super::shared::Shared;
use super::site::Site;
use crate::app::web_args::{WebArgs, WebPolicy};
use crate::sys::Stop;

/// A server that is told what arrives, and says which heads it would answer with.
pub struct Rehearsal {
    shared: Shared,
    local: IpAddr,
}

impl Rehearsal {
    /// One that is asked at the address `local` and by these names.
    ///
    /// # Errors
    /// If the system gives no more files.
    pub fn new(site: Arc<dyn Site>, hosts: Vec<String>, local: IpAddr) -> std::io::Result<Self> {
        let args = WebArgs { address: None, hosts, viewers: 2 };
        Ok(Self { shared: Shared::new(site, args, WebPolicy::default(), &Stop::new()?), local })
    }

    /// The heads of the answers to what arrives on one connection in these pieces, until either side has enough.
    pub fn heads<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let (mut heads, mut arrived) = (Vec::new(), Vec::new());
        let mut pieces = pieces.into_iter();
        loop {
            let request = match Request::parse(&arrived) {
                Ok(Some((request, length))) => {
                    arrived.drain(..length);
                    request
                }
                Ok(None) => {
                    assert!(arrived.len() < LONGEST_HEAD, "a head that is too long is answered");
                    let Some(piece) = pieces.next() else { return heads };
                    let room = LONGEST_HEAD - arrived.len();
                    arrived.extend_from_slice(&piece[..piece.len().min(room)]);
                    continue;
                }
                Err(refused) => {
                    heads.push(refused.head(false, self.shared.sites));
                    return heads;
                }
            };
            if request.host.as_deref().is_some_and(|host| !guard::is_us(host, &self.shared.hosts)) {
                return heads;
            }
            let caller = Caller::new(self.local, None);
            let client = WebClient { address: self.local, local: self.local, caller: &caller };
            match route::answer(&request, &client, &self.shared) {
                WebReply::Stream(viewer) => {
                    heads.push(viewer.head(self.shared.sites));
                    return heads;
                }
                WebReply::Whole(response) => {
                    heads.push(response.head(request.stays, self.shared.sites));
                    if !request.stays {
                        return heads;
                    }
                }
            }
        }
    }
}
