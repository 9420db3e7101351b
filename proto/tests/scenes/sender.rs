//! The input of a sender.

use proto::wire::Kind;

use crate::datagrams::{OTHER, SESSION, frame, of_receiver, ping, report, request};
use crate::file::What;
use crate::run::MEDIA_TIME;
use crate::{Scene, Stage};

const ONE: &str =
    "peer: sender\nsession: 0123456789abcdef\nname: bench\ngroup: no\nparity: off\nlargest datagram: 46";
const GROUP: &str =
    "peer: sender\nsession: 0123456789abcdef\nname: bench\ngroup: yes\nparity: off\nlargest datagram: 46";
const XOR: &str =
    "peer: sender\nsession: 0123456789abcdef\nname: bench\ngroup: no\nparity: 20\nlargest datagram: 46";

pub(crate) fn scenes() -> Vec<Scene> {
    let scene = |name, about, head, play| Scene { name, about, head, play };
    vec![
        scene(
            "sender-hellos",
            "Hellos after 12, 24, 48, 96, 192 and every 200 ms, and one at once when the source goes; two frames, each
            of five chunks and their XOR; the end.",
            XOR,
            hellos,
        ),
        scene(
            "sender-feedback",
            "A ping is answered by a pong with the token of its address, and a report that shows it by another. What
            does not show it, is of another session or of no receiver's kind is not answered.",
            ONE,
            feedback,
        ),
        scene(
            "sender-requests",
            "Chunks are retransmitted, no more than are needed; what was never sent cannot be requested, and what is too old is
            gone. A sender that ends goes on answering for 60 ms after its last datagram.",
            ONE,
            requests,
        ),
        scene(
            "sender-group",
            "In a group requests for a frame are put together for 1 ms: the same chunk is sent again once for all who
            miss it; parity that was not sent before makes up for different ones.",
            GROUP,
            group,
        ),
    ]
}

fn give(stage: &mut Stage, time: u64, id: u32) {
    stage.give(time, What::Frame(MEDIA_TIME + time, frame(id)));
}

fn hellos(stage: &mut Stage) {
    give(stage, 100_000, 0);
    give(stage, 133_000, 1);
    stage.give(600_000, What::State(false));
    stage.until(1_100_000);
    stage.give(1_100_000, What::End);
    stage.until(2_000_000);
}

fn feedback(stage: &mut Stage) {
    give(stage, 0, 0);
    stage.hear(1000, 'A', ping(SESSION, [0; 8], 500));
    let token = stage.run.token();
    stage.hear(2000, 'A', report(SESSION, 0, token, [1, 0, 0, 0, 5, 0, 0, 0, 0], 1500));
    stage.hear(3000, 'B', report(SESSION, 0, token, [1, 0, 0, 0, 5, 0, 0, 0, 0], 1500));
    stage.hear(3001, 'B', ping(OTHER, [0; 8], 500));
    stage.hear(3002, 'B', of_receiver(Kind::Goodbye, SESSION, 0, 500, &[]));
    stage.hear(3003, 'B', b"Ck".to_vec());
    stage.hear(3004, 'B', request(0, [0; 8], 1, &[(0, 1)], 500));
    stage.hear(3005, 'B', crate::datagrams::subscribe([0; 8], false, 500));
    stage.until(4000);
}

fn requests(stage: &mut Stage) {
    stage.hear(0, 'A', ping(SESSION, [0; 8], 0));
    let token = stage.run.token();
    give(stage, 1000, 0);
    stage.hear(2000, 'A', request(0, token, 3, &[(1, 2), (4, 1)], 2000));
    stage.hear(2500, 'A', request(0, token, 1, &[(1, 1)], 2500));
    stage.hear(2600, 'A', request(1, token, 1, &[(1, 1)], 2600));
    // One that names nothing, one that names a chunk twice, and one that names more than it needs.
    stage.hear(2700, 'A', request(0, token, 1, &[], 2700));
    stage.hear(2800, 'A', request(0, token, 2, &[(1, 2), (2, 1)], 2800));
    stage.hear(2900, 'A', request(0, token, 2, &[(0, 1), (2, 3)], 2900));
    give(stage, 34_000, 1);
    give(stage, 67_000, 2);
    give(stage, 160_000, 3);
    stage.hear(160_100, 'A', request(0, token, 1, &[(1, 1)], 160_100));
    stage.hear(160_200, 'A', request(2, token, 1, &[(0, 1)], 160_200));
    stage.give(161_000, What::End);
    stage.hear(200_000, 'A', request(3, token, 1, &[(4, 1)], 200_000));
    stage.until(1_000_000);
}

fn group(stage: &mut Stage) {
    stage.hear(0, 'A', ping(SESSION, [0; 8], 0));
    let a = stage.run.token();
    stage.hear(0, 'B', ping(SESSION, [0; 8], 0));
    let b = stage.run.token();
    give(stage, 1000, 0);
    stage.hear(2000, 'A', request(0, a, 1, &[(1, 1)], 2000));
    stage.hear(2300, 'B', request(0, b, 1, &[(1, 1)], 2300));
    // These have crossed the retransmission.
    stage.hear(3200, 'A', request(0, a, 1, &[(1, 1)], 3200));
    give(stage, 34_000, 1);
    stage.hear(35_000, 'A', request(1, a, 1, &[(0, 1)], 35_000));
    stage.hear(35_300, 'B', request(1, b, 2, &[(2, 1), (4, 1)], 35_300));
    stage.until(40_000);
}
