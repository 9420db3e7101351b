//! What all connections share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

use super::access::Access;
use super::connection_limit::{ConnectionLimit, ConnectionPermit};
use super::permit::Permits;
use super::places::{ConnectionPlace, Places};
use super::rendered::Rendering;
use super::response::Sites;
use super::site::Site;
use super::tls::Tls;
use crate::app::page_keys::PageKeys;
use crate::app::web_args::{WebArgs, WebPolicy};
use crate::sys::Stop;

/// What a server is made of.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) args: WebArgs,
    pub(super) policy: WebPolicy,
    pub(super) keys: PageKeys,
    pub(super) tls: Option<Tls>,
}

/// What all connections work with.
pub(super) struct Shared {
    pub(super) site: Arc<dyn Site>,
    /// Names that we are asked for by, beside addresses.
    pub(super) hosts: Vec<String>,
    /// Ends all.
    pub(super) stop: Stop,
    /// What the times that the page is told count from: the same in each run of the program since the computer was
    /// started, so that a page that is open can go on with the next one.
    pub(super) begun: Instant,
    /// For those who watch a stream.
    pub(super) viewers: Places,
    /// Who is let in.
    pub(super) access: Access,
    pub(super) tls: Option<Tls>,
    /// Who may have something saved.
    pub(super) permits: Permits,
    /// Whose pages may show what is answered.
    pub(super) sites: Sites,
    pub(super) rendering: Rendering,
    /// How many may be served.
    pub(super) connections: Places,
    /// Admittance for those who are only told that there is none.
    pub(super) waiting: ConnectionLimit,
}

impl Shared {
    /// What serves this site at this port.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(super) fn new(site: Arc<dyn Site>, port: u16, settings: Settings, stop: &Stop) -> Result<Self> {
        let Settings { args, policy, keys, tls } = settings;
        let access = Access::new(keys, policy.open, site.program(), port)?;
        Ok(Self {
            site,
            hosts: args.hosts,
            stop: stop.clone(),
            begun: start_of_monotonic(),
            viewers: Places::new(usize::from(args.viewers)),
            access,
            tls,
            permits: Permits::new(policy.actions),
            sites: if policy.embed { Sites::All } else { Sites::Own },
            rendering: Rendering::default(),
            connections: Places::new(usize::from(args.viewers) + MOST_BESIDE),
            waiting: ConnectionLimit::new(MOST_REFUSED),
        })
    }
}

/// What a connection has.
pub(super) enum Admittance {
    /// A place among those who are answered.
    Served(ConnectionPlace),
    /// Admittance for as long as it takes to reply that there is no place.
    Refused(#[expect(dead_code, reason = "it is kept, and looked at by nobody")] ConnectionPermit),
}

/// The moment that the monotonic clock counts from, usually when the computer was started.
fn start_of_monotonic() -> Instant {
    let (now, since) = (Instant::now(), clock_gettime(ClockId::Monotonic));
    let since = Duration::try_from(since).unwrap_or_default();
    now.checked_sub(since).unwrap_or(now)
}

/// Connections that ask for anything but the stream. A browser keeps up to six open.
const MOST_BESIDE: usize = 16;
const MOST_REFUSED: usize = 4;
