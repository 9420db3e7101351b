//! The input of a receiver.

use proto::wire::Kind;

use crate::datagrams::{
    OTHER, SESSION, TOKEN, again, data, frame, header_only, hello, of_frame, ping, pong, sent, subscribe, xor,
};
use crate::{Scene, Stage};

const RECEIVER: &str = "peer: receiver";

pub(crate) fn scenes() -> Vec<Scene> {
    let scene = |name, about, play| Scene { name, about, head: RECEIVER, play };
    vec![
        scene(
            "receiver-ordinary",
            "A stream without an invitation: chunks in order, out of order, twice and late; a frame is lost as a newer
            one is whole, and one of which nothing came is only known by its number; the source goes; goodbye.",
            ordinary,
        ),
        scene(
            "receiver-parity",
            "Frames of five chunks: the XOR makes up for one; Reed-Solomon chunks for as many as they are, in any order
            and without a datagram of data; and one is repaired to something that its checksum does not fit.",
            parity,
        ),
        scene(
            "receiver-parity-many",
            "A frame of 40 chunks and 20 of parity, of which 15 and 5 are lost: any 40 make it whole.",
            parity_of_many,
        ),
        scene(
            "receiver-request",
            "A sender that answers requests. A ping is answered; then reports. What is missing is requested when the guard
            has passed since a later chunk, or the end is overdue, and again; not after a gone.",
            request,
        ),
        scene(
            "receiver-pings",
            "Pings are repeated until one is answered, ever more rarely. The invitation of the first hello counts once
            the second datagram has come; when a hello comes without one, the receiver falls silent.",
            pings,
        ),
        scene(
            "receiver-token",
            "When the sender answers reports no more, the receiver pings again, and shows the token of the pong.",
            token,
        ),
        scene(
            "receiver-train",
            "How trains of 40 chunks arrived: one whole, in the next report; one that lost much of its end, reported as
            soon as the next frame begins; and one of which the first quarter is late, and another chunk lost.",
            train,
        ),
        scene(
            "receiver-mute",
            "A receiver that hears nothing for 3 s says nothing, and goes on with the next hello.",
            mute,
        ),
        scene(
            "receiver-wrap",
            "Frame ids wrap. 4294967294 is older than 1, and of two ids that are 2^31 apart neither is newer.",
            wrap,
        ),
        scene(
            "receiver-refused",
            "What is no datagram of this version, or of no use to a receiver, changes nothing.",
            refused,
        ),
        scene(
            "receiver-deadline",
            "A frame of which a chunk is missing is given up 500 ms after its first; more of it is late, or spare.",
            deadline,
        ),
    ]
}

fn ordinary(stage: &mut Stage) {
    stage.hear(0, 'A', hello(SESSION, 1, 0, None));
    stage.hear(12_000, 'A', hello(SESSION, 1, 12_000, None));
    stage.hear_all(33_000, 'A', data(SESSION, 1, &frame(1), 0));
    let two = data(SESSION, 2, &frame(2), 0);
    for index in [1, 0, 4, 4, 3, 2, 0] {
        stage.hear(66_000, 'A', two[index].clone());
    }
    // Of frame 3 a chunk is missing, of frame 4 everything.
    stage.hear_all(99_000, 'A', data(SESSION, 3, &frame(3), 0).into_iter().skip(1));
    stage.hear_all(165_000, 'A', data(SESSION, 5, &frame(5), 0));
    stage.hear(165_100, 'A', data(SESSION, 3, &frame(3), 0)[0].clone());
    let gone = proto::wire::Hello {
        state: proto::wire::SourceState::Gone,
        name: "bench",
        invitation: None,
        interval: None,
        signer: None,
        capture_error: None,
    };
    stage.hear(200_000, 'A', crate::datagrams::hello_as(SESSION, 6, 200_000, &gone));
    stage.hear(400_000, 'A', crate::datagrams::hello_as(SESSION, 6, 400_000, &gone));
    stage.hear(500_000, 'A', header_only(Kind::Goodbye, SESSION, 6, 500_000));
    stage.hear(500_100, 'A', two[0].clone());
    stage.until(2_000_000);
}

fn parity(stage: &mut Stage) {
    stage.hear(0, 'A', hello(SESSION, 1, 0, None));
    // The third of frame 1 is lost.
    let one = data(SESSION, 1, &frame(1), 1);
    stage.hear_all(1000, 'A', [0, 1, 3, 4].map(|index| one[index].clone()));
    stage.hear(1100, 'A', xor(SESSION, 1, &frame(1), crc32fast::hash(&frame(1))));
    // Two parity chunks, for two that are lost; four, for all but one.
    let two = &sent(2, &[frame(2)], 40)[0];
    stage.hear_all(34_000, 'A', [0, 3, 4, 6, 5].map(|index| two[index].clone()));
    stage.hear(34_100, 'A', two[1].clone());
    let three = &sent(3, &[frame(3)], 50)[0];
    stage.hear_all(67_000, 'A', [7, 6, 1, 5, 0].map(|index| three[index].clone()));
    // Parity of another frame than it says.
    let four = data(SESSION, 4, &frame(4), 1);
    stage.hear_all(100_000, 'A', [0, 1, 2, 3].map(|index| four[index].clone()));
    stage.hear(100_100, 'A', xor(SESSION, 4, &frame(5), crc32fast::hash(&frame(4))));
    stage.hear(100_200, 'A', four[4].clone());
    stage.hear(100_300, 'A', xor(SESSION, 4, &frame(4), crc32fast::hash(&frame(4))));
    // Two that contradict each other.
    let five = data(SESSION, 5, &frame(5), 2);
    stage.hear_all(133_000, 'A', [0, 1].map(|index| five[index].clone()));
    let parity = |checksum: u32, index| {
        let payload = [checksum.to_be_bytes().to_vec(), vec![0; 2]].concat();
        of_frame(Kind::Parity, SESSION, 5, index, 10, 2, &payload)
    };
    stage.hear(133_000, 'A', parity(1, 6));
    stage.hear(133_000, 'A', parity(2, 7));
    stage.hear(133_000, 'A', parity(1, 6));
    stage.hear_all(133_000, 'A', [2, 3, 4].map(|index| five[index].clone()));
    stage.until(1_000_000);
}

fn parity_of_many(stage: &mut Stage) {
    stage.hear(0, 'A', hello(SESSION, 1, 0, None));
    let bytes = (0..79_u8).map(|i| i.wrapping_mul(7)).collect();
    let train = &sent(1, &[bytes], 50)[0];
    assert_eq!(train.len(), 60);
    let is_lost = |&place: &usize| place % 3 == 0 && place < 45 || (45..50).contains(&place);
    let order = (0..60).map(|i| i * 37 % 60).filter(|place| !is_lost(place));
    stage.hear_all(1000, 'A', order.map(|place| train[place].clone()));
    stage.until(100_000);
}

fn request(stage: &mut Stage) {
    stage.hear(0, 'A', hello(SESSION, 1, 0, Some(100)));
    stage.hear(12_000, 'A', hello(SESSION, 1, 12_000, Some(100)));
    stage.until(12_400);
    let asked = stage.run.sent(Kind::Ping);
    stage.hear(12_400, 'A', pong(SESSION, 1, TOKEN, asked, 12_200));
    // A pong to no ping of its own changes nothing.
    stage.hear(33_500, 'A', pong(SESSION, 1, [9; 8], 77, 33_500));
    // Of frame 1 the third chunk is lost, requested, and comes.
    stage.hear_all(50_000, 'A', data(SESSION, 1, &frame(1), 0).into_iter().take(2));
    stage.hear_all(50_200, 'A', data(SESSION, 1, &frame(1), 0).into_iter().skip(3));
    stage.until(52_500);
    stage.hear(52_500, 'A', again(1, &frame(1), 0, 2));
    // Of frame 2 the last two are, and come never; frame 3 brings hope; then it is gone.
    stage.hear_all(83_000, 'A', data(SESSION, 2, &frame(2), 0).into_iter().take(3));
    stage.until(116_000);
    stage.hear_all(116_000, 'A', data(SESSION, 3, &frame(3), 0).into_iter().take(4));
    stage.until(118_000);
    stage.hear(118_000, 'A', header_only(Kind::Gone, SESSION, 2, 118_000));
    stage.hear(125_000, 'A', data(SESSION, 3, &frame(3), 0)[4].clone());
    stage.until(250_000);
}

fn token(stage: &mut Stage) {
    stage.hear(0, 'A', hello(SESSION, 1, 0, Some(100)));
    stage.hear_all(1000, 'A', data(SESSION, 1, &frame(1), 0));
    stage.until(1300);
    stage.hear(1300, 'A', pong(SESSION, 2, TOKEN, 1000, 1200));
    stage.until(1500);
    stage.hear(1500, 'A', pong(SESSION, 2, TOKEN, 1300, 1400));
    // Reports after 100 ms and so on are not answered.
    stage.hear(200_000, 'A', hello(SESSION, 2, 200_000, Some(100)));
    stage.hear(400_000, 'A', hello(SESSION, 2, 400_000, Some(100)));
    stage.until(402_000);
    let asked = stage.run.sent(Kind::Ping);
    stage.hear(402_000, 'A', pong(SESSION, 2, [0xbe; 8], asked, 401_900));
    stage.until(403_000);
    let asked = stage.run.sent(Kind::Report);
    stage.hear(430_000, 'A', pong(SESSION, 2, [0xbe; 8], asked, 429_900));
    stage.until(480_000);
}

fn train(stage: &mut Stage) {
    let chunks = |id| data(SESSION, id, &(0..80).collect::<Vec<u8>>(), 0);
    stage.hear(0, 'A', hello(SESSION, 1, 0, Some(1000)));
    stage.hear(1000, 'A', hello(SESSION, 1, 1000, Some(1000)));
    stage.hear(1200, 'A', pong(SESSION, 1, TOKEN, 1000, 1100));
    for (place, chunk) in chunks(1).into_iter().enumerate() {
        stage.hear(50_000 + 100 * place as u64, 'A', chunk);
    }
    for (place, chunk) in chunks(2).into_iter().enumerate().take(30) {
        stage.hear(83_000 + 100 * place as u64, 'A', chunk);
    }
    let three = chunks(3);
    for place in (10..40).filter(|&place| place != 25) {
        stage.hear(87_000 + 100 * place as u64, 'A', three[place].clone());
    }
    for place in 0..10 {
        stage.hear(91_200, 'A', three[place as usize].clone());
    }
    stage.until(600_000);
}

fn mute(stage: &mut Stage) {
    stage.hear(0, 'A', hello(SESSION, 1, 0, Some(1000)));
    stage.hear_all(1000, 'A', data(SESSION, 1, &frame(1), 0));
    stage.hear(1300, 'A', pong(SESSION, 2, TOKEN, 1000, 1200));
    stage.hear(1600, 'A', pong(SESSION, 2, TOKEN, 1300, 1500));
    stage.until(1_001_500);
    stage.hear(1_001_500, 'A', pong(SESSION, 2, TOKEN, 1_001_300, 1_001_400));
    // The cable is out.
    stage.until(20_000_000);
    stage.hear(20_000_000, 'A', hello(SESSION, 600, 20_000_000, Some(1000)));
    stage.until(20_100_000);
}

fn pings(stage: &mut Stage) {
    stage.run.pings_are_spread = true;
    stage.hear(0, 'A', hello(SESSION, 1, 0, Some(100)));
    for time in (12_000..1_500_000).step_by(400_000) {
        stage.hear(time, 'A', data(SESSION, 1, &frame(1), 0)[0].clone());
    }
    // The sixth would come 50 ms later at the soonest.
    stage.hear(1_530_000, 'A', hello(SESSION, 2, 1_530_000, None));
    stage.until(5_000_000);
}

fn wrap(stage: &mut Stage) {
    stage.hear(0, 'A', hello(SESSION, u32::MAX - 1, 0, None));
    for (time, id) in [(0, u32::MAX - 1), (33_000, u32::MAX), (66_000, 0), (99_000, 1)] {
        stage.hear_all(time, 'A', data(SESSION, id, &frame(id), 0));
    }
    stage.hear(99_100, 'A', data(SESSION, u32::MAX - 1, &frame(u32::MAX - 1), 0)[0].clone());
    stage.hear(1_000_000, 'A', data(SESSION, 1 << 31 | 1, &frame(1), 0)[0].clone());
    stage.hear_all(1_000_100, 'A', data(SESSION, 3, &frame(3), 0));
    stage.until(2_000_000);
}

fn refused(stage: &mut Stage) {
    stage.hear(0, 'A', hello(SESSION, 1, 0, None));
    stage.hear(0, 'A', hello(SESSION, 1, 0, None));
    let good = data(SESSION, 1, &frame(1), 0);
    for change in 0..6 {
        let mut datagram = good[0].clone();
        match change {
            0 => datagram.truncate(39),
            1 => datagram[0] = b'X',
            2 => datagram[2] = 2,
            3 => *datagram.last_mut().unwrap() ^= 1,
            4 => datagram = of_frame(Kind::Data, SESSION, 1, 5, 10, 0, &[0; 2]),
            _ => datagram = of_frame(Kind::Other(200), SESSION, 1, 0, 10, 0, &[]),
        }
        stage.hear(1000 + change, 'A', datagram);
    }
    // What receivers send, and a subscribe reply to a receiver that did not subscribe.
    stage.hear(2000, 'A', ping(SESSION, [0; 8], 0));
    stage.hear(2001, 'A', subscribe([0; 8], false, 0));
    stage.hear(2002, 'A', crate::datagrams::subscribe_reply(TOKEN, 0, 0));
    // Pong and gone of another session, and from another address; and a frame of nine parts.
    stage.hear(2003, 'A', pong(OTHER, 1, TOKEN, 0, 0));
    stage.hear(2004, 'B', header_only(Kind::Gone, SESSION, 1, 0));
    stage.hear(2005, 'A', crate::datagrams::of_parts(1, 9));
    stage.hear_all(3000, 'A', good);
    stage.until(1_000_000);
}

fn deadline(stage: &mut Stage) {
    stage.hear(0, 'A', hello(SESSION, 1, 0, None));
    let one = data(SESSION, 1, &frame(1), 1);
    stage.hear_all(1000, 'A', one[..3].to_vec());
    stage.hear(200_000, 'A', hello(SESSION, 2, 200_000, None));
    stage.hear(400_000, 'A', hello(SESSION, 2, 400_000, None));
    stage.until(501_500);
    stage.hear(501_500, 'A', one[4].clone());
    stage.hear(501_600, 'A', xor(SESSION, 1, &frame(1), crc32fast::hash(&frame(1))));
    stage.hear_all(502_000, 'A', data(SESSION, 2, &frame(2), 0));
    stage.until(1_000_000);
}
