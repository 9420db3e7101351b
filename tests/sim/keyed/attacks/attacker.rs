//! Somebody who hears everything and has no key, and what he makes of it.

use std::time::Duration;

use super::super::house::{House, OnAir, Way};
use super::{Sort, WAYS, forge};
use proto::keys::{Key, ReceiverKeys, SenderKeys, StreamSealer, Suite};
use proto::wire::Kind;
use proto::{Random, SessionId};

pub(super) struct Attacker {
    random: Random,
    /// What arrived in this run, and in the one before: of each kind as much as of any other.
    heard: Vec<OnAir>,
    old: Vec<OnAir>,
    /// What never arrived: lately, and so long ago that it is too late.
    kept: Vec<OnAir>,
    late: Vec<OnAir>,
    late_at_sender: Vec<Vec<u8>>,
    /// Of the members of the house, one whose words never arrive; and one who speaks to another sender.
    talker: Option<ReceiverKeys>,
    elsewhere: Vec<Vec<u8>>,
    /// With another key.
    others: Option<(StreamSealer, ReceiverKeys)>,
    /// The highest number in each viewer's stream.
    newest: [u64; WAYS.len()],
}

impl Attacker {
    pub(super) fn new() -> Self {
        Self {
            random: Random::new(0xbad),
            heard: Vec::new(),
            old: Vec::new(),
            kept: Vec::new(),
            late: Vec::new(),
            late_at_sender: Vec::new(),
            talker: None,
            elsewhere: Vec::new(),
            others: None,
            newest: [0; WAYS.len()],
        }
    }

    pub(super) fn overhear(&mut self, house: &mut House) {
        let long_ago = house.at.saturating_sub(Duration::from_millis(20));
        let arrived = house.air.iter().take_while(|on_air| on_air.at <= long_ago).count();
        let session = house.run.session.get().to_be_bytes();
        // Who has not heard of a restart yet still speaks to the run before.
        let is_of_now =
            |on_air: &OnAir| [&session, &[255; 8]].contains(&on_air.sealed[4..12].try_into().unwrap());
        for on_air in house.air.drain(..arrived).filter(is_of_now) {
            for viewer in on_air.to.iter().filter(|_| on_air.kind() != forge::byte(Kind::SubscribeReply)) {
                self.newest[*viewer] = self.newest[*viewer].max(forge::number(&on_air.sealed));
            }
            let is_alike = |other: &&OnAir| other.kind() == on_air.kind() && other.to == on_air.to;
            if self.heard.iter().filter(is_alike).count() < MOST_ALIKE {
                self.heard.push(on_air);
            } else if self.random.below(16) == 0 {
                let at = self.random.below(self.heard.len() as u64) as usize;
                if is_alike(&&self.heard[at]) {
                    self.heard[at] = on_air;
                }
            }
        }
        self.kept.append(&mut house.withheld);
        let is_lately = |kept: &mut OnAir| kept.at + LATELY > house.at;
        let is_over = |kept: &OnAir| kept.at < Duration::from_millis(4400);
        self.late
            .extend(self.kept.iter().filter(|kept| kept.at + LATELY <= house.at && is_over(kept)).cloned());
        self.kept.retain_mut(is_lately);
    }

    /// What was heard so far is of a run that is over.
    pub(super) fn begin_anew(&mut self, house: &mut House) {
        house.air.clear();
        house.withheld.clear();
        self.old = std::mem::take(&mut self.heard);
        self.kept.clear();
        self.late.clear();
        self.newest = [0; WAYS.len()];
    }

    /// Prepares what members say that never arrives, or elsewhere, and what another key seals.
    pub(super) fn meet(&mut self, house: &mut House) {
        let (now, session) = (house.now(), house.run.session);
        let hello = self.hello();
        let mut talker = ReceiverKeys::new(vec![house.key.clone()], 4711, false);
        talker.open(&mut hello.clone(), now).unwrap();
        // So much that what it said first is too late.
        for number in 0..5000 {
            let kind = RECEIVERS[number % RECEIVERS.len()];
            let mut sealed = say(&mut talker, kind, session, &[1; 64]);
            match number {
                0..100 => self.late_at_sender.push(sealed),
                _ => assert!(house.run.keys.open(&mut sealed, now).is_ok()),
            }
        }
        self.talker = Some(talker);
        let met = |key: &Key, session, salt| {
            let mut stream = SenderKeys::new(key.clone(), session, salt, Suite::Aes).stream(None).unwrap();
            let mut sealed = Vec::new();
            assert!(stream.seal(&forge::hello(session), &mut sealed));
            let mut receiver = ReceiverKeys::new(vec![key.clone()], 4712, false);
            receiver.open(&mut sealed, now).unwrap();
            (stream, receiver)
        };
        let elsewhere = SessionId::new(99);
        let (_, mut receiver) = met(&house.key, elsewhere, [1; 16]);
        self.elsewhere = RECEIVERS.map(|kind| say(&mut receiver, kind, elsewhere, &[1; 64])).to_vec();
        self.others = Some(met(&Key::from_random(&[9; 16]), session, hello[SALT].try_into().unwrap()));
    }

    pub(super) fn make(&mut self, session: SessionId, sort: Sort, at: Option<usize>) -> Vec<u8> {
        match (sort, at) {
            (Sort::Forged, _) => self.forge(session, at),
            (Sort::Cut, _) => {
                let mut datagram = self.fresh(session, at);
                datagram.truncate(self.random.below(datagram.len() as u64) as usize);
                datagram
            }
            (Sort::Flipped, _) => {
                let mut datagram = self.fresh(session, at);
                let bit = self.random.below(8 * datagram.len() as u64) as usize;
                datagram[bit / 8] ^= 1 << (bit % 8);
                datagram
            }
            (Sort::Replayed, _) => self.pick(Self::heard, |on_air| on_air.is_for(at)),
            (Sort::Late, Some(_)) => self.pick(|all| &all.late, |on_air| on_air.is_for(at)),
            (Sort::Late, None) => some(&mut self.random, &self.late_at_sender).clone(),
            (Sort::OtherKey, _) => self.seal_with_another(session, at),
            // What is said before a session is known is of none.
            (Sort::OldSession, _) => {
                self.pick(|all| &all.old, |on_air| on_air.is_for(at) && on_air.sealed[4..12] != [255; 8])
            }
            (Sort::OtherDirection, _) => {
                let mut datagram = self.pick(Self::heard, |on_air| on_air.from.is_some() == at.is_some());
                if self.random.below(2) == 0 {
                    datagram[3] = forge::byte(self.kind(at));
                }
                datagram
            }
            (Sort::OtherReceiver, Some(viewer)) => {
                let other = if viewer == 3 { 4 } else { 3 };
                self.pick(Self::heard, |on_air| on_air.is_for(Some(other)))
            }
            (Sort::OtherReceiver, None) => {
                let mut datagram = self.fresh(session, None);
                let other = self.pick(Self::heard, |on_air| on_air.from.is_some());
                datagram[RECEIVER].copy_from_slice(&other[RECEIVER]);
                datagram
            }
            (Sort::OtherStream, Some(viewer)) => {
                let other = if WAYS[viewer] == Way::Group { 2 } else { 0 };
                self.pick(Self::heard, |on_air| on_air.is_for(Some(other)))
            }
            (Sort::OtherStream, None) => some(&mut self.random, &self.elsewhere).clone(),
        }
    }

    /// All made up but for session, key, stream and a number that did not come yet.
    fn forge(&mut self, session: SessionId, at: Option<usize>) -> Vec<u8> {
        let (kind, number) = self.next(at);
        let introduces = matches!(kind, Kind::Hello | Kind::SubscribeReply);
        let seen = match at {
            None => self.pick(Self::heard, |on_air| on_air.from.is_some())[REQUESTER].to_vec(),
            Some(_) if introduces => self.hello()[INTRODUCTION].to_vec(),
            Some(_) => Vec::new(),
        };
        let rest = self.body();
        forge::sealed(kind, session, number, &seen, &rest)
    }

    fn seal_with_another(&mut self, session: SessionId, at: Option<usize>) -> Vec<u8> {
        let ((kind, number), body) = (self.next(at), self.body());
        let (stream, receiver) = self.others.as_mut().expect("they are made at first");
        let mut sealed = Vec::new();
        match at {
            Some(_) => assert!(stream.seal(&forge::plain(kind, session, &body), &mut sealed)),
            None => sealed = say(receiver, kind, session, &body),
        }
        forge::set_number(&mut sealed, number);
        sealed
    }

    /// Some kind that is said to that end, and a number that did not come yet.
    fn next(&mut self, at: Option<usize>) -> (Kind, u64) {
        let (kind, more) = (self.kind(at), 1_000_000 + self.random.below(1000));
        let newest = match at {
            Some(viewer) if kind != Kind::SubscribeReply => self.newest[viewer],
            _ => 0,
        };
        (kind, newest + more)
    }

    /// What is genuine, and did not arrive yet.
    fn fresh(&mut self, session: SessionId, at: Option<usize>) -> Vec<u8> {
        if at.is_some() {
            return self.pick(|all| &all.kept, |on_air| on_air.is_for(at));
        }
        let (kind, body) = (*some(&mut self.random, &RECEIVERS), self.body());
        say(self.talker.as_mut().expect("it is made at first"), kind, session, &body)
    }

    fn heard(&self) -> &Vec<OnAir> {
        &self.heard
    }

    fn pick(&mut self, of: impl Fn(&Self) -> &Vec<OnAir>, is_it: impl Fn(&OnAir) -> bool) -> Vec<u8> {
        let from = self.random.below(of(self).len() as u64) as usize;
        let (before, behind) = of(self).split_at(from);
        let found = behind.iter().chain(before).find(|on_air| is_it(on_air));
        found.expect("all kinds are heard").sealed.clone()
    }

    fn hello(&mut self) -> Vec<u8> {
        self.pick(Self::heard, |on_air| on_air.kind() == forge::byte(Kind::Hello) && on_air.is_for(Some(0)))
    }

    fn kind(&mut self, at: Option<usize>) -> Kind {
        let kinds: &[Kind] = if at.is_some() { &SENDERS } else { &RECEIVERS };
        *some(&mut self.random, kinds)
    }

    fn body(&mut self) -> Vec<u8> {
        let mut body = vec![0; 40 + self.random.below(1300) as usize];
        self.random.fill(&mut body);
        body
    }
}

fn some<'a, T>(random: &mut Random, all: &'a [T]) -> &'a T {
    &all[random.below(all.len() as u64) as usize]
}

fn say(receiver: &mut ReceiverKeys, kind: Kind, session: SessionId, body: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    assert!(receiver.seal(&forge::plain(kind, session, body), &mut sealed));
    sealed
}

const RECEIVERS: [Kind; 4] = [Kind::Ping, Kind::Report, Kind::Resend, Kind::Subscribe];
const SENDERS: [Kind; 8] = {
    use Kind::{Again, Data, Gone, Goodbye, Hello, Parity, Pong, SubscribeReply};
    [Data, Parity, Hello, Goodbye, Pong, Gone, Again, SubscribeReply]
};
/// Where a sealed datagram has what can be seen.
const INTRODUCTION: std::ops::Range<usize> = 44..69;
const SALT: std::ops::Range<usize> = 52..68;
const REQUESTER: std::ops::Range<usize> = 44..60;
const RECEIVER: std::ops::Range<usize> = 52..60;
/// Of each kind to each end.
const MOST_ALIKE: usize = 40;
/// Fewer datagrams come in it than a receiver can tell the numbers of.
const LATELY: Duration = Duration::from_secs(1);
