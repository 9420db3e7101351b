//! What the two ends of asking to watch are told.

use crate::file::What;
use crate::said::{SESSION, answer, ask, hello};
use crate::{Scene, Stage};

pub(crate) fn scenes() -> Vec<Scene> {
    vec![
        Scene {
            name: "door",
            about: "An ask without the token of its address is told that; one that shows it is let in, if there is room
            for it; whoever has not asked for 2 s is none of its viewers any more.",
            head: "peer: door\nsession: 0123456789abcdef\nplaces: 1",
            play: server,
        },
        Scene {
            name: "asker",
            about: "It asks every 100 ms for 2 s, then every 200 ms; shows a token that it is told at once, but only once
            between two asks in time; every 500 ms while the stream comes, as at the start when that has not come for
            500 ms, every second while there is no room; and leaves.",
            head: "peer: asker",
            play: subscriber,
        },
    ]
}

fn server(stage: &mut Stage) {
    stage.hear(0, 'A', ask([0; 8], false, 0));
    let a = stage.run.token();
    stage.hear(1000, 'A', ask(a, false, 1000));
    stage.hear(2000, 'B', ask(a, false, 0));
    let b = stage.run.token();
    stage.hear(3000, 'B', ask(b, false, 1000));
    stage.hear(501_000, 'A', ask(a, false, 501_000));
    stage.hear(502_000, 'B', ask(a, true, 502_000));
    stage.hear(503_000, 'A', ask(a, true, 503_000));
    stage.hear(1_003_000, 'B', ask(b, false, 1_001_000));
    stage.hear(1_004_000, 'A', ask(a, true, 1_004_000));
    stage.hear(1_005_000, 'C', ask([0; 8], false, 0)[..50].to_vec());
    stage.until(3_500_000);
    stage.hear(3_500_000, 'A', ask(a, false, 3_500_000));
    stage.until(4_000_000);
}

fn subscriber(stage: &mut Stage) {
    stage.until(2_500_000);
    stage.hear(2_500_000, 'S', answer([1; 8], 0, 2_500_000));
    stage.hear(2_510_000, 'S', answer([2; 8], 0, 2_510_000));
    for time in (2_700_000..=3_700_000).step_by(200_000) {
        stage.hear(time, 'S', hello(SESSION, 0, time, None));
    }
    // Nothing more comes.
    stage.until(4_500_000);
    stage.hear(4_500_000, 'S', answer([2; 8], 1, 4_500_000));
    stage.hear(5_510_000, 'S', answer([2; 8], 1, 5_510_000));
    stage.hear(6_700_000, 'S', hello(SESSION, 0, 6_700_000, None));
    stage.tell(6_800_000, What::End);
    stage.until(9_000_000);
}
