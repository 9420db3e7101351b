//! Messages about senders that are found, or not.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::names::as_shell_word;

use super::super::browser::FoundSender;
use super::Finder;
use super::state::{FinderState, LASTING};

impl Finder {
    /// Says once of each who is received that somebody else says that he is called so.
    pub(super) fn warn_of_doubles(&self, state: &mut FinderState, found: &[FoundSender], now: Instant) {
        let of = |instance: &str| -> Vec<SocketAddr> {
            let same = found.iter().filter(|found| found.instance == instance);
            let mut first: Vec<SocketAddr> = Vec::new();
            for other in same {
                let is_same = |address: &SocketAddr| first.iter().any(|known| known.ip() == address.ip());
                if !other.addresses.iter().any(is_same) {
                    first.extend(other.addresses.first());
                }
            }
            first
        };
        state.doubles.retain(|(instance, _, is_said)| *is_said || of(instance).len() > 1);
        for taken in state.taken.iter().filter(|taken| !taken.is_any) {
            let addresses = of(&taken.instance);
            if addresses.len() < 2 {
                continue;
            }
            let at = state.doubles.iter().position(|(instance, ..)| *instance == taken.instance);
            let at = at.unwrap_or_else(|| {
                state.doubles.push((taken.instance.clone(), now, false));
                state.doubles.len() - 1
            });
            let (_, since, is_said) = &mut state.doubles[at];
            // One that has gone to another computer is still announced by the old one for a moment.
            if !*is_said && now >= *since + LASTING {
                *is_said = true;
                let all: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                tracing::warn!(
                    "{} is announced at several addresses, {}: who is heard is stayed with. Two senders may have one \
                     name (give each its own by --name), or somebody makes one up",
                    taken.instance,
                    all.join(" and ")
                );
            }
        }
    }

    /// Lists several senders to choose from: in the window too, where there is one. Where there is none, one is taken,
    /// since anybody can have others announced.
    pub(super) fn offer(&self, state: &mut FinderState, several: &[FoundSender]) {
        let names: Vec<String> = several.iter().map(|found| found.instance.clone()).collect();
        let (all, example) = (names.join(", "), as_shell_word(&names[0]));
        if self.threads.shared.feeds.have_window() {
            if names != state.offered {
                tracing::info!("several senders: {all}");
                tracing::info!("choose in the window, or by name: receiver {example}");
            }
        } else if state.offered.is_empty() {
            tracing::warn!(
                "there are several senders: {all}; name those to be shown, such as: receiver {example}; until then it is \
                 the first that is heard"
            );
        }
        state.offered = names;
    }

    /// Says once, after a while, that nobody was found; returns when it is time to.
    pub(super) fn say_nobody(
        &self,
        state: &mut FinderState,
        names: &[&str],
        now: Instant,
    ) -> Option<Instant> {
        let due = self.began + PATIENCE;
        if state.has_said_nobody {
            return None;
        }
        if now < due {
            return Some(due);
        }
        state.has_said_nobody = true;
        let whom = if names.is_empty() {
            "no sender".to_owned()
        } else {
            format!("no sender called {}", names.join(", "))
        };
        tracing::info!(
            "{whom} was found yet; still looking. Where multicast DNS is blocked: receiver --connect HOST"
        );
        None
    }
}

/// After so long without anybody, people wonder.
const PATIENCE: Duration = Duration::from_secs(3);
