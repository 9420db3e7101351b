//! The input of a receiver whose lock several sources want.

use proto::wire::Kind;

use crate::datagrams::{OTHER, SESSION, data, frame, header_only, hello, of_frame};
use crate::{Scene, Stage};

pub(crate) fn scenes() -> Vec<Scene> {
    let scene = |name, about, play| Scene { name, about, head: "peer: receiver", play };
    vec![
        scene(
            "lock-restart",
            "Another session of the same source is a restart once nothing has come of the one before for 250 ms, and
            somebody else's before. The session before is over then.",
            restart,
        ),
        scene(
            "lock-goodbye",
            "A goodbye counts when no news of the session has come for 250 ms. Then anybody may begin, also the same
            session, of which nothing is shown twice.",
            goodbye,
        ),
        scene(
            "lock-move",
            "The same session from another source, once the one before is silent: the sender has moved. When the one
            before sends again, it has the lock back.",
            moves,
        ),
        scene(
            "lock-foreign",
            "Another source is foreign while the holder gives signs of life; takes the lock 500 ms after the last; and
            loses it when the one before goes on.",
            foreign,
        ),
        scene(
            "lock-race",
            "Nobody is quicker than a sender that starts: a source that was heard once keeps the lock for 80 ms against others,
            or for 40 ms against one that was heard before.",
            race,
        ),
        scene(
            "lock-barred",
            "A source that has the lock and completes no frame loses it after 500 ms, and displaces nobody for 10 s.",
            barred,
        ),
        scene(
            "lock-leap",
            "An id that leaps ahead contradicts a stream that runs, and is believed after a pause; what two hellos then
            say is still to come is taken back.",
            leap,
        ),
        scene(
            "lock-eight",
            "Eight frames are in flight: a ninth has the oldest of them given up.",
            eight,
        ),
    ]
}

/// A sender's hello at each of these times, in milliseconds.
fn hellos(stage: &mut Stage, from: char, session: u64, next: u32, times: &[u64]) {
    for time in times {
        stage.hear(time * 1000, from, hello(session, next, time * 1000, None));
    }
}

/// A whole frame, at this time in milliseconds.
fn whole(stage: &mut Stage, from: char, session: u64, id: u32, time: u64) {
    stage.hear_all(time * 1000, from, data(session, id, &frame(id), 0));
}

fn restart(stage: &mut Stage) {
    hellos(stage, 'A', SESSION, 7, &[0, 12]);
    whole(stage, 'A', SESSION, 7, 20);
    // Somebody else, in its name; then it goes on.
    hellos(stage, 'A', OTHER, 0, &[100]);
    whole(stage, 'A', SESSION, 8, 120);
    hellos(stage, 'A', OTHER, 0, &[369, 370, 382]);
    whole(stage, 'A', OTHER, 0, 400);
    // Stragglers of the one before, and then the last of it.
    stage.hear(401_000, 'A', data(SESSION, 7, &frame(7), 0)[0].clone());
    stage.until(1_000_000);
}

fn goodbye(stage: &mut Stage) {
    hellos(stage, 'A', SESSION, 7, &[0, 12]);
    whole(stage, 'A', SESSION, 7, 20);
    // In its name: it goes on.
    stage.hear(30_000, 'A', header_only(Kind::Goodbye, SESSION, 8, 30_000));
    stage.hear(40_000, 'A', data(SESSION, 7, &frame(7), 0)[0].clone());
    whole(stage, 'A', SESSION, 8, 60);
    stage.hear(100_000, 'A', header_only(Kind::Goodbye, SESSION, 9, 100_000));
    stage.hear(101_000, 'A', data(SESSION, 8, &frame(8), 0)[0].clone());
    hellos(stage, 'B', OTHER, 0, &[200]);
    stage.until(400_000);
    hellos(stage, 'A', SESSION, 9, &[500, 512]);
    whole(stage, 'A', SESSION, 8, 520);
    whole(stage, 'A', SESSION, 9, 530);
    stage.until(1_000_000);
}

fn moves(stage: &mut Stage) {
    hellos(stage, 'A', SESSION, 7, &[0, 12]);
    whole(stage, 'A', SESSION, 7, 20);
    hellos(stage, 'B', SESSION, 8, &[519, 520, 532]);
    whole(stage, 'B', SESSION, 8, 540);
    stage.hear(550_000, 'A', data(SESSION, 8, &frame(8), 0)[0].clone());
    whole(stage, 'B', SESSION, 9, 573);
    whole(stage, 'A', SESSION, 10, 606);
    whole(stage, 'B', SESSION, 11, 639);
    stage.until(2_000_000);
}

fn foreign(stage: &mut Stage) {
    hellos(stage, 'A', SESSION, 7, &[0, 12]);
    whole(stage, 'A', SESSION, 7, 20);
    hellos(stage, 'B', OTHER, 0, &[30]);
    whole(stage, 'B', OTHER, 0, 40);
    hellos(stage, 'A', SESSION, 8, &[212]);
    hellos(stage, 'B', OTHER, 1, &[711, 712, 724]);
    whole(stage, 'B', OTHER, 1, 740);
    stage.hear(800_000, 'A', data(SESSION, 7, &frame(7), 0)[0].clone());
    stage.hear(801_000, 'A', header_only(Kind::Goodbye, SESSION, 8, 801_000));
    hellos(stage, 'A', SESSION, 8, &[900]);
    whole(stage, 'B', OTHER, 2, 910);
    whole(stage, 'A', SESSION, 8, 920);
    stage.until(2_000_000);
}

fn race(stage: &mut Stage) {
    hellos(stage, 'A', SESSION, 0, &[0]);
    hellos(stage, 'B', OTHER, 0, &[1, 2]);
    whole(stage, 'B', OTHER, 0, 3);
    hellos(stage, 'A', SESSION, 0, &[12]);
    whole(stage, 'A', SESSION, 0, 20);
    stage.hear(30_000, 'A', header_only(Kind::Goodbye, SESSION, 1, 30_000));
    stage.until(300_000);
    // Again, with one that is not heard again.
    hellos(stage, 'C', 3, 0, &[300]);
    hellos(stage, 'B', OTHER, 0, &[301, 339, 340]);
    stage.hear(350_000, 'B', header_only(Kind::Goodbye, OTHER, 0, 350_000));
    stage.until(700_000);
    hellos(stage, 'C', 3, 0, &[700]);
    hellos(stage, 'D', 4, 0, &[780]);
    stage.until(1_000_000);
}

fn barred(stage: &mut Stage) {
    hellos(stage, 'B', OTHER, 0, &[0, 12, 200, 400]);
    hellos(stage, 'A', SESSION, 7, &[499, 500, 512]);
    whole(stage, 'A', SESSION, 7, 520);
    // It is silent, but speaks.
    for time in (700..1400).step_by(100) {
        stage.hear(time * 1000, 'A', data(SESSION, 8, &frame(8), 0)[0].clone());
    }
    hellos(stage, 'B', OTHER, 0, &[1310]);
    hellos(stage, 'C', 3, 0, &[1311, 1312]);
    stage.until(2_000_000);
}

fn leap(stage: &mut Stage) {
    hellos(stage, 'A', SESSION, 7, &[0, 12]);
    whole(stage, 'A', SESSION, 7, 20);
    // 64 and one for each millisecond since.
    stage.hear(30_000, 'A', data(SESSION, 82, &frame(82), 0)[0].clone());
    stage.hear(30_000, 'A', data(SESSION, 81, &frame(81), 0)[0].clone());
    whole(stage, 'A', SESSION, 8, 40);
    whole(stage, 'A', SESSION, 5000, 150);
    whole(stage, 'A', SESSION, 9, 160);
    hellos(stage, 'A', SESSION, 10, &[200, 400]);
    whole(stage, 'A', SESSION, 10, 410);
    stage.until(1_000_000);
}

fn eight(stage: &mut Stage) {
    hellos(stage, 'A', SESSION, 10, &[0, 12]);
    for id in 10..19 {
        stage.hear(20_000, 'A', data(SESSION, id, &frame(id), 0)[0].clone());
    }
    stage.hear(21_000, 'A', data(SESSION, 10, &frame(10), 0)[1].clone());
    // Older than all.
    stage.hear(22_000, 'A', data(SESSION, 5, &frame(5), 0)[0].clone());
    // One of another cut is contradicted.
    stage.hear(23_000, 'A', of_frame(Kind::Data, SESSION, 18, 1, 12, 0, &[0; 2]));
    stage.hear_all(24_000, 'A', data(SESSION, 18, &frame(18), 0));
    stage.until(600_000);
}
