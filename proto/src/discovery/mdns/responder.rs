//! Announces one service and answers queries for it. It keeps nothing of what others send, and its replies are rate
//! limited.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::kind;
use super::message::{Data, Item, Message, Section};
use super::name::Name;
use super::writing::Writer;

/// What is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The kind of service, such as `_x._udp.local`.
    pub kind: Name,
    /// What this one is called; with a number behind it if another one has that name.
    pub label: String,
    /// The name of its host, which nobody else has.
    pub host: Name,
    /// Its port.
    pub port: u16,
    /// Its only address, if it does not have all of this computer.
    pub address: Option<IpAddr>,
    /// What else is to be known, as strings, each behind its length.
    pub text: Vec<u8>,
}

/// What is to be said by every interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// Whether somebody has the name.
    Probe,
    /// Everything, by this interface, or by all.
    Everything(Option<u32>),
}

/// Announces a service, and answers for it.
#[derive(Debug)]
pub struct Responder {
    service: Service,
    /// The service's own name.
    name: Name,
    /// How often its name was taken.
    renamed: u32,
    state: ResponderState,
    /// When to answer, by the interface's index.
    answers: BTreeMap<u32, Instant>,
    /// When it was last said by each.
    said: BTreeMap<u32, Instant>,
    /// When another one last had its name, and it said that it is its own.
    doubted: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResponderState {
    /// It asks whether somebody has the name, for so many times, the next time then.
    Probing { left: u32, next: Instant },
    /// It has the name, and says so for so many times more.
    Announced { left: u32, next: Instant },
}

impl Responder {
    /// Announces it as soon as it is known that nobody else has its name; `None` if it cannot be called so.
    pub fn new(service: Service, now: Instant) -> Option<Self> {
        let name = service.kind.under(service.label.as_bytes())?;
        Some(Self {
            service,
            name,
            renamed: 0,
            state: ResponderState::Probing { left: PROBES, next: now },
            answers: BTreeMap::new(),
            said: BTreeMap::new(),
            doubted: None,
        })
    }

    /// What it is called now.
    pub fn label(&self) -> String {
        let number = self.renamed + 1;
        match number {
            1 => self.service.label.clone(),
            _ => {
                let behind = format!(" ({number})");
                let mut end = self.service.label.len().min(MOST_IN_A_LABEL - behind.len());
                while !self.service.label.is_char_boundary(end) {
                    end -= 1;
                }
                self.service.label[..end].to_owned() + &behind
            }
        }
    }

    /// Says something else of it from now on.
    pub fn set_text(&mut self, text: Vec<u8>, now: Instant) {
        if self.service.text != text {
            self.service.text = text;
            self.announce_again(now);
        }
    }

    /// Says it again, as when there are other interfaces.
    pub fn announce_again(&mut self, now: Instant) {
        if let ResponderState::Announced { .. } = self.state {
            self.state = ResponderState::Announced { left: ANNOUNCEMENTS, next: now };
        }
    }

    /// Takes in what was heard by an interface. Returns whether it is called otherwise now.
    pub fn hear(&mut self, index: u32, message: &Message<'_>, now: Instant) -> bool {
        if message.is_response {
            self.hear_response(index, message, now)
        } else {
            self.hear_query(index, message, now)
        }
    }

    /// What is to be said now, or when it is.
    pub fn poll(&mut self, now: Instant) -> Result<Say, Option<Instant>> {
        match &mut self.state {
            ResponderState::Probing { left: 0, next } if *next <= now => {
                self.state = ResponderState::Announced { left: ANNOUNCEMENTS, next: now };
            }
            ResponderState::Probing { left, next } if *next <= now => {
                (*left, *next) = (*left - 1, now + PROBE_EVERY);
                return Ok(Say::Probe);
            }
            _ => {}
        }
        match &mut self.state {
            ResponderState::Announced { left, next } if *left > 0 && *next <= now => {
                (*left, *next) = (*left - 1, now + ANNOUNCE_EVERY);
                self.answers.clear();
                return Ok(Say::Everything(None));
            }
            ResponderState::Announced { .. } => {
                let due = self.answers.iter().find(|(_, at)| **at <= now).map(|(index, _)| *index);
                if let Some(index) = due {
                    self.answers.remove(&index);
                    self.said.insert(index, now);
                    return Ok(Say::Everything(Some(index)));
                }
            }
            ResponderState::Probing { .. } => {}
        }
        let next = match self.state {
            ResponderState::Probing { next, .. } => Some(next),
            ResponderState::Announced { left, next } => (left > 0).then_some(next),
        };
        Err(self.answers.values().copied().chain(next).min())
    }

    /// The message that says it by an interface that has these addresses; `None` if it is not to be said there.
    pub fn message(&self, say: Say, index: u32, addresses: &[IpAddr]) -> Option<Vec<u8>> {
        match say {
            Say::Probe => Some(self.probe()),
            Say::Everything(only) if only.is_none_or(|only| only == index) => {
                Some(self.everything(addresses, 1))
            }
            Say::Everything(_) => None,
        }
    }

    /// What takes it all back; `None` if nothing was said yet.
    pub fn goodbye(&self) -> Option<Vec<u8>> {
        matches!(self.state, ResponderState::Announced { .. }).then(|| self.everything(&[], 0))
    }

    fn probe(&self) -> Vec<u8> {
        let mut writer = Writer::query();
        writer.question(&self.name, kind::ANY);
        writer.service(Section::Authority, &self.name, TTL, self.service.port, &self.service.host);
        writer.finish()
    }

    /// All that there is to say, for so many times as long as usual.
    fn everything(&self, addresses: &[IpAddr], times: u32) -> Vec<u8> {
        let Self { service, name, .. } = self;
        let (ttl, long) = (TTL * times, LONG_TTL * times);
        let mut writer = Writer::response();
        writer.pointer(Section::Answer, &service.kind, long, name);
        writer.service(Section::Answer, name, ttl, service.port, &service.host);
        writer.text(Section::Answer, name, long, &service.text);
        // What has an address of its own is where that leads.
        let is_said = |address: &&IpAddr| service.address.is_none_or(|only| only == **address);
        for &address in addresses.iter().filter(is_said).take(MOST_ADDRESSES) {
            writer.address(Section::Answer, &service.host, ttl, address);
        }
        writer.finish()
    }

    fn hear_query(&mut self, index: u32, message: &Message<'_>, now: Instant) -> bool {
        let (mut is_asked, mut is_shared, mut is_known) = (false, false, false);
        for item in message.items() {
            match item {
                Item::Question(question) if self.is_about_it(&question.name) => {
                    is_asked = true;
                    is_shared |= question.name == self.service.kind;
                }
                Item::Record(record) if record.section == Section::Answer => {
                    // Who knows it well enough does not ask us (RFC 6762, section 7.1).
                    is_known |= record.data == Data::Pointer(self.name) && record.ttl >= LONG_TTL / 2;
                }
                Item::Record(record) if record.section == Section::Authority && record.name == self.name => {
                    self.hear_rival(&record.data, now);
                }
                _ => {}
            }
        }
        if is_asked && !(is_shared && is_known) {
            // Others answer the same question too (RFC 6762, section 6).
            let wait = if is_shared { SHARED_WAIT.mul_f64(self.share()) } else { Duration::ZERO };
            self.answer(index, now + wait);
        }
        false
    }

    fn hear_response(&mut self, index: u32, message: &Message<'_>, now: Instant) -> bool {
        let (mut is_taken, mut is_taken_back) = (false, false);
        for item in message.items() {
            let Item::Record(record) = item else { continue };
            if record.ttl == 0 {
                // Who has ended and had this name takes it back for us too, and so does who wants to harm us.
                is_taken_back |= record.name == self.name || record.data == Data::Pointer(self.name);
            } else if let Data::Service(port, host) = &record.data
                && record.name == self.name
            {
                is_taken |= (*port, host) != (self.service.port, &self.service.host);
            }
        }
        match self.state {
            ResponderState::Probing { .. } if is_taken && self.renamed < MOST_RENAMED => {
                self.renamed += 1;
                let Some(name) = self.service.kind.under(self.label().as_bytes()) else { return false };
                self.name = name;
                self.state = ResponderState::Probing { left: PROBES, next: now };
                return true;
            }
            // Two networks were joined, or it is said to harm us. Whoever has a name keeps it, since one lie would take
            // it away otherwise, and receivers tell two of one name apart by what they hear of them.
            ResponderState::Announced { .. }
                if is_taken && self.doubted.is_none_or(|doubted| now >= doubted + DEFEND_EVERY) =>
            {
                self.doubted = Some(now);
                self.answer(index, now);
            }
            ResponderState::Announced { .. } if is_taken_back => self.answer(index, now),
            _ => {}
        }
        false
    }

    /// Somebody else asks for this name too: who has the greater record has it, and the other asks again in a second
    /// (RFC 6762, section 8.2).
    fn hear_rival(&mut self, data: &Data<'_>, now: Instant) {
        let (ResponderState::Probing { left, next }, Data::Service(port, host)) = (&mut self.state, data)
        else {
            return;
        };
        let own = (self.service.port.to_be_bytes(), self.service.host.bytes());
        if own < (port.to_be_bytes(), host.bytes()) && *left < PROBES {
            (*left, *next) = (PROBES, now + ANNOUNCE_EVERY);
        }
    }

    fn is_about_it(&self, name: &Name) -> bool {
        *name == self.service.kind || *name == self.name || *name == self.service.host
    }

    /// Answers by this interface then, if it is not said too often.
    fn answer(&mut self, index: u32, at: Instant) {
        let soonest = self.said.get(&index).map_or(at, |said| at.max(*said + ANSWER_EVERY));
        if self.answers.len() < MOST_INTERFACES {
            let at = self.answers.entry(index).or_insert(soonest);
            *at = (*at).min(soonest);
        }
        if self.said.len() > MOST_INTERFACES {
            self.said.clear();
        }
    }

    /// Some number from 0 to 1 that is another one for others, so that not all answer at once.
    fn share(&self) -> f64 {
        let sum =
            self.service.host.bytes().iter().fold(0u32, |sum, byte| sum.wrapping_mul(31) + u32::from(*byte));
        f64::from(sum % 1000) / 1000.0
    }
}

/// For how many seconds it holds where something is, and what there is (RFC 6762, section 10).
const TTL: u32 = 120;
const LONG_TTL: u32 = 4500;
/// RFC 6762, section 8.1.
const PROBES: u32 = 3;
const PROBE_EVERY: Duration = Duration::from_millis(250);
/// RFC 6762, section 8.3.
const ANNOUNCEMENTS: u32 = 2;
const ANNOUNCE_EVERY: Duration = Duration::from_secs(1);
/// So that answers to one question do not collide.
const SHARED_WAIT: Duration = Duration::from_millis(100);
/// However much is asked.
const ANSWER_EVERY: Duration = Duration::from_millis(250);
/// Who finds so many names taken is lied to, and has the next one.
const MOST_RENAMED: u32 = 15;
/// Two that have one name do not shout at each other.
const DEFEND_EVERY: Duration = Duration::from_secs(10);
const MOST_IN_A_LABEL: usize = 63;
/// Of one interface; all fit into one datagram.
const MOST_ADDRESSES: usize = 8;
const MOST_INTERFACES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn service(host: &str) -> Service {
        Service {
            kind: Name::dotted("_x._udp.local").unwrap(),
            label: "door".into(),
            host: Name::dotted(host).unwrap(),
            port: 9001,
            address: None,
            text: b"\x03v=1".to_vec(),
        }
    }

    /// All that is said from `from` on for so many milliseconds, by interface 1, and when.
    fn run(responder: &mut Responder, from: Instant, millis: u64) -> Vec<(u64, Say)> {
        let mut said = Vec::new();
        for millis in 0..millis {
            while let Ok(say) = responder.poll(from + Duration::from_millis(millis)) {
                said.push((millis, say));
            }
        }
        said
    }

    fn hear(responder: &mut Responder, bytes: &[u8], now: Instant) -> bool {
        responder.hear(1, &Message::parse(bytes).unwrap(), now)
    }

    #[test]
    fn it_asks_whether_its_name_is_free_and_says_it_twice() {
        let t0 = crate::t0();
        let mut responder = Responder::new(service("a.local"), t0).unwrap();
        assert_eq!(responder.goodbye(), None);
        let said = run(&mut responder, t0, 5000);
        let (probe, all) = (Say::Probe, Say::Everything(None));
        assert_eq!(said, [(0, probe), (250, probe), (500, probe), (750, all), (1750, all)]);
        let message = responder.message(all, 1, &["10.0.0.1".parse().unwrap()]).unwrap();
        assert_eq!(Message::parse(&message).unwrap().items().count(), 4);
        // What it says itself comes back, and is no other's.
        assert!(!hear(&mut responder, &message, t0 + Duration::from_secs(5)));
        assert_eq!(run(&mut responder, t0 + Duration::from_secs(5), 1000), []);
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number_and_a_liar_does_not_keep_it_from_being_announced() {
        let t0 = crate::t0();
        let mut responder = Responder::new(service("a.local"), t0).unwrap();
        assert_eq!(responder.poll(t0), Ok(Say::Probe));
        let mut now = t0;
        for number in 2..=MOST_RENAMED + 1 {
            let other =
                Responder { service: service("b.local"), ..Responder::new(service("b.local"), t0).unwrap() };
            let other = Responder { name: responder.name, ..other };
            assert!(hear(&mut responder, &other.everything(&[], 1), now), "{number}");
            assert_eq!(responder.label(), format!("door ({number})"));
            now += Duration::from_millis(10);
        }
        let other = Responder { name: responder.name, ..Responder::new(service("b.local"), t0).unwrap() };
        let liar = other.everything(&[], 1);
        assert!(!hear(&mut responder, &liar, now), "it is enough");
        let said = run(&mut responder, now, 2000);
        assert!(said.iter().any(|(_, say)| *say == Say::Everything(None)), "{said:?}");
        // And once it has it, it keeps it, and says so now and then.
        let mut said = Vec::new();
        for millis in 3000..23_000 {
            let now = now + Duration::from_millis(millis);
            assert!(!hear(&mut responder, &liar, now));
            said.extend(responder.poll(now));
        }
        assert_eq!(said, [Say::Everything(Some(1)); 2]);
    }

    #[test]
    fn of_two_that_begin_at_once_one_waits() {
        let t0 = crate::t0();
        let mut both = ["a.local", "b.local"].map(|host| Responder::new(service(host), t0).unwrap());
        let probes = both.each_ref().map(Responder::probe);
        both.iter_mut().for_each(|responder| assert_eq!(responder.poll(t0), Ok(Say::Probe)));
        for (responder, probe) in both.iter_mut().zip(probes.iter().rev()) {
            hear(responder, probe, t0);
        }
        let [a, b] = both.each_mut().map(|responder| run(responder, t0, 900));
        assert_eq!((a, b.len()), (vec![], 3), "{b:?}");
    }

    #[test]
    fn it_answers_whoever_does_not_know_it_and_not_too_often() {
        let t0 = crate::t0();
        let mut responder = Responder::new(service("a.local"), t0).unwrap();
        run(&mut responder, t0, 5000);
        let t0 = t0 + Duration::from_secs(5);
        let ask = |known: Option<u32>, name: &str| {
            let mut query = Writer::query();
            query.question(&Name::dotted(name).unwrap(), kind::PTR);
            if let Some(ttl) = known {
                query.pointer(Section::Answer, &responder.service.kind, ttl, &responder.name);
            }
            query.finish()
        };
        let (plain, knowing, forgetting, other) = (
            ask(None, "_X._udp.local"),
            ask(Some(4000), "_x._udp.local"),
            ask(Some(10), "_x._udp.local"),
            ask(None, "_y._udp.local"),
        );
        for (query, answers) in [(&plain, 1), (&knowing, 0), (&forgetting, 1), (&other, 0)] {
            let mut responder = Responder { service: service("a.local"), ..clone(&responder) };
            hear(&mut responder, query, t0);
            assert_eq!(run(&mut responder, t0, 1000).len(), answers);
        }
        let mut answers = 0;
        for millis in 0..10_000 {
            let now = t0 + Duration::from_millis(millis);
            hear(&mut responder, &plain, now);
            answers += usize::from(responder.poll(now).is_ok());
        }
        assert!((30..=41).contains(&answers), "{answers}");
    }

    #[test]
    fn what_another_takes_back_in_its_name_is_said_again() {
        let t0 = crate::t0();
        let mut responder = Responder::new(service("a.local"), t0).unwrap();
        run(&mut responder, t0, 5000);
        let t0 = t0 + Duration::from_secs(5);
        let goodbye = responder.goodbye().unwrap();
        hear(&mut responder, &goodbye, t0);
        assert_eq!(run(&mut responder, t0, 1000), [(0, Say::Everything(Some(1)))]);
    }

    #[test]
    fn a_long_name_is_cut_for_its_number() {
        let label = "ä".repeat(31);
        let responder = Responder::new(Service { label, ..service("a.local") }, crate::t0()).unwrap();
        let second = Responder { renamed: 1, ..responder };
        assert_eq!(second.label(), "ä".repeat(29) + " (2)");
    }

    fn clone(responder: &Responder) -> Responder {
        Responder {
            service: responder.service.clone(),
            name: responder.name,
            answers: responder.answers.clone(),
            said: responder.said.clone(),
            ..*responder
        }
    }
}
