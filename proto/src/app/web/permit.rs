//! Who may save something, and how often: a request costs nothing, and fills a disk.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::client::is_here;
use super::guard;
use super::request::Request;
use super::response::Response;
use super::site::WebAction;
use crate::app::web_args::Actions;
use crate::rate_limiter::RateLimiter;

/// Gives leave to act.
#[derive(Debug)]
pub(super) struct Permits {
    who: Actions,
    /// For each kind of action.
    last: Mutex<[RateLimiter; WebAction::ALL.len()]>,
}

impl Permits {
    pub(super) fn new(who: Actions) -> Self {
        Self { who, last: Mutex::new([RateLimiter::new(EVERY); WebAction::ALL.len()]) }
    }

    /// Whether somebody may act at all who asks from this address, at our address `local`.
    pub(super) fn is_for(&self, peer: IpAddr, local: IpAddr, is_forwarded: bool) -> bool {
        match self.who {
            Actions::Off => false,
            Actions::Local => !is_forwarded && is_here(peer, local),
            Actions::On => true,
        }
    }

    /// Whether this request may act.
    ///
    /// # Errors
    /// What to answer if not.
    pub(super) fn check(&self, request: &Request, peer: IpAddr, local: IpAddr) -> Result<(), Response> {
        if !guard::may_act(request) {
            return Err(Response::sentence(403, "another page's request to act is refused"));
        }
        if self.is_for(peer, local, request.is_forwarded) {
            return Ok(());
        }
        Err(Response::sentence(
            403,
            match self.who {
                Actions::Off => "nothing is saved for browsers here: --http-actions is off",
                _ => {
                    "only who is at this computer may have something saved; start with --http-actions on to let others"
                }
            },
        ))
    }

    /// Takes leave to do this now.
    ///
    /// # Errors
    /// What to answer if it was done just now.
    pub(super) fn take(&self, action: WebAction, now: Instant) -> Result<(), Response> {
        let kind = WebAction::ALL.iter().position(|known| *known == action).unwrap_or_default();
        if self.last.lock().unwrap_or_else(PoisonError::into_inner)[kind].is_due(now) {
            return Ok(());
        }
        let wait = EVERY.as_secs();
        let why = format!("a {action} was requested just now; one a second is enough");
        Err(Response::sentence(429, &why).with(&format!("Retry-After: {wait}")))
    }
}

/// As often as a person presses a button.
const EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_at_this_computer_may_act_and_others_if_it_is_said() {
        let [here, there, local]: [IpAddr; 3] =
            ["127.0.0.1", "192.0.2.9", "192.0.2.7"].map(|address| address.parse().unwrap());
        let may = |who, peer, is_forwarded| Permits::new(who).is_for(peer, local, is_forwarded);
        assert!(may(Actions::Local, here, false) && may(Actions::Local, local, false));
        assert!(may(Actions::Local, "::ffff:127.0.0.1".parse().unwrap(), false));
        assert!(!may(Actions::Local, there, false));
        assert!(!may(Actions::Local, here, true), "a proxy asks for somebody else");
        assert!(may(Actions::On, there, false) && may(Actions::On, here, true));
        assert!(!may(Actions::Off, here, false));
        let request = Request { is_forwarded: true, ..Request::default() };
        let refused = Permits::new(Actions::Local).check(&request, here, here).unwrap_err();
        assert_eq!(refused.status(), 403);
        assert!(String::from_utf8_lossy(refused.body()).contains("--http-actions on"));
    }

    #[test]
    fn one_of_each_kind_a_second() {
        let (permits, t0) = (Permits::new(Actions::On), Instant::now());
        let taken = |action, millis| permits.take(action, t0 + Duration::from_millis(millis)).is_ok();
        assert!(taken(WebAction::Snapshot, 0) && taken(WebAction::Replay, 0));
        assert!(!taken(WebAction::Snapshot, 1) && !taken(WebAction::Replay, 999));
        assert!(
            taken(WebAction::Snapshot, 1000)
                && !taken(WebAction::Snapshot, 1500)
                && taken(WebAction::Replay, 1500)
        );
        let refused = permits.take(WebAction::Replay, t0 + Duration::from_millis(1501)).unwrap_err();
        assert!(refused.head(true, super::super::response::Sites::Own).contains("\r\nRetry-After: 1\r\n"));
    }
}
