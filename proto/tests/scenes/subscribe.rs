//! The input of the two peers of a subscription.

use crate::datagrams::{SESSION, hello, subscribe, subscribe_reply};
use crate::file::What;
use crate::{Scene, Stage};

pub(crate) fn scenes() -> Vec<Scene> {
    vec![
        Scene {
            name: "server",
            about: "A subscribe without the token of its address is answered by that; one that shows it is admitted, if
            there is a place for it; a viewer that has not renewed its subscription for 2 s is gone.",
            head: "peer: server\nsession: 0123456789abcdef\nplaces: 1",
            play: serve,
        },
        Scene {
            name: "subscriber",
            about: "It subscribes every 100 ms for 2 s, then every 200 ms; shows a new token at once, but only once between
            two that are due by time; every 500 ms while the stream comes, as at the start when that has not come for
            500 ms, every second while there is no place; and leaves.",
            head: "peer: subscriber",
            play: watch,
        },
    ]
}

fn serve(stage: &mut Stage) {
    stage.hear(0, 'A', subscribe([0; 8], false, 0));
    let a = stage.run.token();
    stage.hear(1000, 'A', subscribe(a, false, 1000));
    stage.hear(2000, 'B', subscribe(a, false, 0));
    let b = stage.run.token();
    stage.hear(3000, 'B', subscribe(b, false, 1000));
    stage.hear(501_000, 'A', subscribe(a, false, 501_000));
    stage.hear(502_000, 'B', subscribe(a, true, 502_000));
    stage.hear(503_000, 'A', subscribe(a, true, 503_000));
    stage.hear(1_003_000, 'B', subscribe(b, false, 1_001_000));
    stage.hear(1_004_000, 'A', subscribe(a, true, 1_004_000));
    stage.hear(1_005_000, 'C', subscribe([0; 8], false, 0)[..50].to_vec());
    stage.until(3_500_000);
    stage.hear(3_500_000, 'A', subscribe(a, false, 3_500_000));
    stage.until(4_000_000);
}

fn watch(stage: &mut Stage) {
    stage.until(2_500_000);
    stage.hear(2_500_000, 'S', subscribe_reply([1; 8], 0, 2_500_000));
    stage.hear(2_510_000, 'S', subscribe_reply([2; 8], 0, 2_510_000));
    for time in (2_700_000..=3_700_000).step_by(200_000) {
        stage.hear(time, 'S', hello(SESSION, 0, time, None));
    }
    // Nothing more comes.
    stage.until(4_500_000);
    stage.hear(4_500_000, 'S', subscribe_reply([2; 8], 1, 4_500_000));
    stage.hear(5_510_000, 'S', subscribe_reply([2; 8], 1, 5_510_000));
    stage.hear(6_700_000, 'S', hello(SESSION, 0, 6_700_000, None));
    stage.give(6_800_000, What::End);
    stage.until(9_000_000);
}
