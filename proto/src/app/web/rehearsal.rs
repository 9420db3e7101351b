//! Connections without sockets, for fuzzing and tests.

use std::net::IpAddr;
use std::sync::Arc;

use super::client::WebClient;
use super::guard;
use super::places::Caller;
use super::request::{LONGEST_HEAD, Request, no_body};
use super::route::{self, WebReply};
use super::shared::{Settings, Shared};
use super::site::Site;
use crate::app::page_keys::PageKeys;
use crate::app::web_args::{WebArgs, WebPolicy};
use crate::keys::Key;
use crate::sys::Stop;

/// A server that is told what arrives, and says which heads it would answer with.
pub struct Rehearsal {
    shared: Shared,
    local: IpAddr,
}

impl Rehearsal {
    /// One that is asked at the address `local` and by these names, and for this key, if there is one.
    ///
    /// # Errors
    /// If the system gives no more files, or no random numbers.
    pub fn new(
        site: Arc<dyn Site>,
        hosts: Vec<String>,
        local: IpAddr,
        key: Option<Key>,
    ) -> anyhow::Result<Self> {
        let args = WebArgs { hosts, viewers: 2, ..WebArgs::default() };
        let keys: PageKeys = key.into_iter().collect();
        let settings = Settings { args, policy: WebPolicy::default(), keys, tls: None };
        Ok(Self { shared: Shared::new(site, 0, settings, &Stop::new()?)?, local })
    }

    /// The heads of the answers to what arrives on one connection in these pieces, until either side has enough.
    pub fn heads<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let (mut heads, mut arrived) = (Vec::new(), Vec::new());
        let mut pieces = pieces.into_iter();
        loop {
            let mut request = match Request::parse(&arrived) {
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
            if request.body_length > 0 && !self.shared.access.is_asked() {
                heads.push(no_body().head(false, self.shared.sites));
                return heads;
            }
            if request.host.as_deref().is_some_and(|host| !guard::is_us(host, &self.shared.hosts)) {
                return heads;
            }
            while arrived.len() < request.body_length {
                let Some(piece) = pieces.next() else { return heads };
                arrived.extend_from_slice(piece);
            }
            request.body = arrived.drain(..request.body_length).collect();
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
