//! Runs that once failed, each with a sentence. What they must do is what every run must: see `lan`.
//!
//! A seed that fails anywhere (its network is in the message) becomes a line here.

use std::time::Duration;

use crate::lan::{Lan, Scenario, Setup};
use proto::{Pace, RecvConfig};

#[test]
fn runs_that_once_failed_pass() {
    for (what, scenario) in once_failed() {
        let outcome = scenario.run();
        assert_eq!(outcome.sent.pushed, u64::from(scenario.frames), "{what}");
    }
}

fn once_failed() -> Vec<(&'static str, Scenario)> {
    let over = |network: &str| Scenario { network: network.into(), ..Scenario::default() };
    vec![(
        "more than 64 frames lost in a row were counted again as never seen",
        Scenario { pace: Pace::Off, ..over("loss=10%,seed=1") },
    )]
}

/// A source that was replaced before its first frame was whole was barred, and its successor with it.
#[test]
fn a_sender_that_restarts_over_and_over_is_heard_in_the_end() {
    let mut lan = Lan::new(RecvConfig::default());
    let server = lan.add(Setup { network: "loss=60%,seed=3".into(), ..Setup::default() });
    for _ in 0..10 {
        lan.push(server, 10_000);
        lan.run_for(Duration::from_millis(5));
        lan.restart(server);
    }
    lan.run_for(Duration::from_secs(1));
    assert_eq!(lan.heard(), Some(lan.session(server)));
    lan.finish();
}
