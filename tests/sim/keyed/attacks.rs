//! What is forged, harmed, recorded or meant for somebody else, thrown at each end beside a stream that goes on:
//! nothing of it is believed, each is counted by its name, and nothing changes.
//!
//! `CHUNKCAST_ATTACKS=1000000` throws as many of each sort at either end (in a release build).

mod attacker;
mod forge;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::house::{House, Way};
use attacker::Attacker;
use forge::plain;
use proto::keys::{Key, ReceiverKeys, Refusal, RefusalCounts, SenderKeys, Suite};
use proto::wire::Kind;
use proto::{Clock, Decision, MediaTime, SessionId, SubscribeServer};

#[test]
#[allow(clippy::disallowed_methods, reason = "how long it took is said, and nothing depends on it")]
fn nothing_is_believed_that_the_other_end_did_not_just_say_and_the_stream_goes_on() {
    let shots =
        std::env::var("CHUNKCAST_ATTACKS").map_or(20_000, |shots| shots.parse().expect("a number of shots"));
    let (quiet, begin) = (attacked(0), Instant::now());
    let outcome = attacked(shots);
    println!("{shots} of each sort at either end in {:.1?}", begin.elapsed());
    for (sort, names) in &outcome.refused {
        println!("{sort:?}: {names:?}");
        assert_eq!(names.values().sum::<u64>(), 2 * shots, "{sort:?}");
    }
    assert_eq!(outcome.refused.len(), SORTS.len());
    assert_eq!(outcome.delivered, quiet.delivered, "the stream beside it");
    let least = outcome.pushed - 2;
    assert!(outcome.delivered.iter().all(|delivered| *delivered >= least), "{:?}", outcome.delivered);
}

/// What he sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    /// All but what is to be seen made up.
    Forged,
    /// Without its end.
    Cut,
    /// With one other bit.
    Flipped,
    /// Once more.
    Replayed,
    /// For the first time, and too late.
    Late,
    /// Sealed with another key.
    OtherKey,
    /// Of the run before.
    OldSession,
    /// What the other end says.
    OtherDirection,
    /// What another viewer is told, or says, in this one's name.
    OtherReceiver,
    /// What goes elsewhere: in another stream, or to another sender of the key.
    OtherStream,
}

const SORTS: [Sort; 10] = {
    use Sort::{
        Cut, Flipped, Forged, Late, OldSession, OtherDirection, OtherKey, OtherReceiver, OtherStream,
        Replayed,
    };
    [Forged, Cut, Flipped, Replayed, Late, OtherKey, OldSession, OtherDirection, OtherReceiver, OtherStream]
};

/// By which names each sort may be refused.
fn names(sort: Sort, at_sender: bool) -> &'static [&'static str] {
    match (sort, at_sender) {
        (Sort::Forged, _) => &["forged"],
        (Sort::Cut, _) => &["forged", "malformed", "unkeyed"],
        (Sort::Flipped, _) => &["forged", "malformed", "unkeyed", "early", "wrong key", "replayed"],
        (Sort::Replayed | Sort::Late, _) => &["replayed"],
        (Sort::OtherKey, _) => &["wrong key", "forged"],
        (Sort::OldSession, false) => &["early", "unproven", "replayed"],
        (Sort::OtherDirection, _) => &["malformed", "forged", "replayed", "early", "wrong key"],
        (Sort::OtherReceiver, _) | (Sort::OtherStream, false) => &["forged", "replayed"],
        (Sort::OldSession | Sort::OtherStream, true) => &["early"],
    }
}

struct Outcome {
    /// How often each sort was refused by which name.
    refused: BTreeMap<Sort, BTreeMap<&'static str, u64>>,
    /// To each viewer since the attack began.
    delivered: Vec<u64>,
    pushed: u64,
}

/// Somebody who hears everything throws so many of each sort at the sender, and as many at the viewers.
fn attacked(shots: u64) -> Outcome {
    let mut house = House::new(1, "delay=3ms", &WAYS, 60_000);
    house.withholds = true;
    let mut attacker = Attacker::new();
    while house.at < RESTART {
        house.step();
        attacker.overhear(&mut house);
    }
    house.restart(Duration::from_millis(300));
    (0..400).for_each(|_| house.step());
    // One member of the group has not heard the run before.
    house.replace(1);
    attacker.begin_anew(&mut house);
    while house.at < BEGIN {
        house.step();
        attacker.overhear(&mut house);
    }
    attacker.meet(&mut house);
    let state = |house: &House| {
        let sessions: Vec<_> = house.viewers.iter().map(|viewer| viewer.keys.sessions()).collect();
        (sessions, house.run.keys.receivers())
    };
    let known = state(&house);
    let before: Vec<_> = house.viewers.iter().map(|viewer| viewer.delivered).collect();
    let (pushed, mut thrown, mut refused) = (house.pushed, 0, BTreeMap::<_, BTreeMap<_, _>>::new());
    for tick in 1..=TICKS {
        house.step();
        attacker.overhear(&mut house);
        let due = shots * tick / TICKS;
        for shot in thrown..due {
            for (sort, at) in
                SORTS.iter().flat_map(|sort| [(*sort, Some(shot as usize % WAYS.len())), (*sort, None)])
            {
                let name = throw(&mut house, &mut attacker, sort, at);
                *refused.entry(sort).or_default().entry(name).or_default() += 1;
            }
        }
        thrown = due;
    }
    assert_eq!(state(&house), known, "something is remembered of it");
    let delivered =
        house.viewers.iter().zip(before).map(|(viewer, before)| viewer.delivered - before).collect();
    Outcome { refused, delivered, pushed: house.pushed - pushed }
}

/// Throws one thing at a viewer, or at the sender, which has to be refused by a name that fits; returns that.
fn throw(house: &mut House, attacker: &mut Attacker, sort: Sort, at: Option<usize>) -> &'static str {
    let mut datagram = attacker.make(house.run.session, sort, at);
    let shown = datagram.clone();
    let mut counts = house.refused(at);
    let Err(refusal) = house.throw(at, &mut datagram) else { panic!("{sort:?} at {at:?}: {shown:x?}") };
    counts.add(refusal);
    assert_eq!(house.refused(at), counts);
    let name = match refusal {
        Refusal::Unkeyed => "unkeyed",
        Refusal::Malformed => "malformed",
        Refusal::WrongKey(_) => "wrong key",
        Refusal::Early => "early",
        Refusal::Forged => "forged",
        Refusal::Replayed => "replayed",
        Refusal::Unproven => "unproven",
        _ => "another",
    };
    assert!(names(sort, at.is_none()).contains(&name), "{sort:?} at {at:?}: {refusal}, {shown:x?}");
    name
}

/// What is said before the session is known may be of a run before: it is heard, once, and leads to nothing but a reply
/// that is no longer than it.
#[test]
fn a_first_subscribe_of_a_run_before_leads_to_one_reply_and_no_more() {
    let key = Key::from_random(&[3; 16]);
    let mut receiver = ReceiverKeys::new(vec![key.clone()], 7, true);
    let mut sealed = Vec::new();
    let unknown = SessionId::new(u64::MAX);
    assert!(receiver.seal(&plain(Kind::Subscribe, unknown, &[0; 16]), &mut sealed));
    let now = House::new(1, "", &[Way::Group], 9000).now();
    for run in 1..4 {
        let session = SessionId::new(run);
        let mut keys = SenderKeys::new(key.clone(), session, [run as u8; 16], Suite::Aes);
        let clock = Clock::new(now, MediaTime::from_micros(1));
        let mut server = SubscribeServer::new(session, [run as u8; 16], 4, clock);
        let mut heard = sealed.clone();
        let (plain, number) = keys.open(&mut heard, now).unwrap();
        let Some(Decision::Reply(reply)) = server.handle_datagram(1, plain, now) else { panic!("no reply") };
        let mut replied = Vec::new();
        assert!(keys.seal_reply(number, reply, &mut replied));
        assert!(replied.len() <= sealed.len());
        assert_eq!(keys.open(&mut sealed.clone(), now).unwrap_err(), Refusal::Replayed);
        let counts = RefusalCounts { replayed: 1, ..RefusalCounts::default() };
        assert_eq!((server.viewers(), keys.counts()), (0, counts));
    }
}

const WAYS: [Way; 5] = [Way::Group, Way::Group, Way::Unicast, Way::Subscribed, Way::Subscribed];
/// When the run begins that is recorded and over, and when the attack.
const RESTART: Duration = Duration::from_secs(3);
const BEGIN: Duration = Duration::from_secs(10);
/// How long the attack takes.
const TICKS: u64 = 4000;
