//! Services of one kind that were announced: a bounded number, whatever comes.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::kind;
use super::message::{Data, Item, Message, Record, Section};
use super::name::Name;
use super::writing::Writer;

/// A service that was heard of.
#[derive(Clone, Debug)]
pub struct HeardService {
    /// What it is called; others may say that they are called so too.
    pub label: String,
    /// The name of its host, which tells those apart.
    pub host: Name,
    /// Its port.
    pub port: u16,
    /// What else is known, as strings, each behind its length; `None` if nothing is yet.
    pub text: Option<Vec<u8>>,
    /// Its addresses, each with the index of the interface at which it was heard.
    pub addresses: Vec<(IpAddr, u32)>,
    /// Whose word it is.
    source: IpAddr,
    /// Whether it is to be kept rather than others.
    is_wanted: bool,
    /// When it was last heard of.
    last: Instant,
    /// For how long that holds.
    holds: Duration,
    /// How often it was asked since whether it still is there.
    asked: u32,
}

/// Those of one kind.
#[derive(Debug)]
pub struct Cache {
    kind: Name,
    /// Those that are wanted, by their labels.
    wanted: Vec<String>,
    all: Vec<HeardService>,
    /// What is to be asked, of whom.
    questions: Vec<(Name, u16)>,
    /// When that may be asked: not as often as others make us.
    may_ask: Instant,
    /// When it is asked next who is there, and for how long to wait then.
    ask: Instant,
    pause: Duration,
    has_changed: bool,
}

impl Cache {
    /// Nobody yet, of this kind of service. Those that are wanted are kept rather than others.
    pub fn new(kind: Name, wanted: &[String], now: Instant) -> Self {
        Self {
            kind,
            wanted: wanted.to_vec(),
            all: Vec::new(),
            questions: Vec::new(),
            may_ask: now,
            ask: now,
            pause: FIRST_PAUSE,
            has_changed: false,
        }
    }

    /// Those that are known.
    pub fn all(&self) -> &[HeardService] {
        &self.all
    }

    /// Whether others are known than when this was last asked.
    pub fn take_change(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// Asks again who is there, soon and often: there are other interfaces, or much was not heard.
    pub fn ask_again(&mut self, now: Instant) {
        (self.ask, self.pause) = (now, FIRST_PAUSE);
    }

    /// There are other interfaces than before, or other addresses: what was heard may mean something else.
    pub fn interfaces_changed(&mut self, now: Instant) {
        self.has_changed = true;
        self.ask_again(now);
    }

    /// Takes in a message that was heard by an interface.
    pub fn hear(&mut self, index: u32, source: IpAddr, message: &Message<'_>, now: Instant) {
        if !message.is_response {
            return;
        }
        // Who is told of first, then what is told of it: in whichever order it stands there.
        for record in records(message) {
            if let Data::Service(port, host) = &record.data {
                self.hear_service(&record, *port, host, source, now);
            }
        }
        for record in records(message) {
            match &record.data {
                Data::Pointer(name) if record.name == self.kind => self.hear_name(name, record.ttl, now),
                Data::Text(text) => self.hear_text(&record, text, source),
                _ => {}
            }
        }
        for heard in &mut self.all {
            self.has_changed |= heard.hear_addresses(index, message);
        }
    }

    /// Forgets who is not heard of any more; what is to be asked now, or when to look again.
    pub fn poll(&mut self, now: Instant) -> Result<Vec<u8>, Instant> {
        let before = self.all.len();
        self.all.retain(|heard| now < heard.last + heard.holds);
        self.has_changed |= self.all.len() != before;
        for heard in &mut self.all {
            // It is asked in time whether it is still there (RFC 6762, section 5.2).
            if heard.check().is_some_and(|check| check <= now) {
                heard.asked += 1;
                if let Some(name) = self.kind.under(heard.label.as_bytes())
                    && self.questions.len() < MOST_QUESTIONS
                {
                    self.questions.extend([(name, kind::ANY), (heard.host, kind::ANY)]);
                }
            }
        }
        if !self.questions.is_empty() && self.may_ask <= now {
            self.may_ask = now + QUESTIONS_EVERY;
            let mut writer = Writer::query();
            self.questions.drain(..).for_each(|(name, kind)| writer.question(&name, kind));
            return Ok(writer.finish());
        }
        if self.ask <= now {
            self.ask = now + self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            return Ok(self.who_is_there(now));
        }
        let checks = self.all.iter().map(|heard| heard.check().unwrap_or(heard.last + heard.holds));
        let questions = (!self.questions.is_empty()).then_some(self.may_ask);
        Err(checks.chain(questions).chain([self.ask]).min().unwrap_or(self.ask))
    }

    /// The question who is there, with those that need not answer.
    fn who_is_there(&self, now: Instant) -> Vec<u8> {
        let mut writer = Writer::query();
        writer.question(&self.kind, kind::PTR);
        for heard in &self.all {
            if now > heard.last + heard.holds / 2 || heard.text.is_none() || writer.length() > LONGEST {
                continue;
            }
            if let Some(name) = self.kind.under(heard.label.as_bytes()) {
                writer.pointer(Section::Answer, &self.kind, KNOWN_TTL, &name);
            }
        }
        writer.finish()
    }

    fn hear_name(&mut self, name: &Name, ttl: u32, now: Instant) {
        let Some(label) = name.first_of(&self.kind) else { return };
        let label = String::from_utf8_lossy(label);
        let is_known = self.all.iter().any(|heard| heard.label == label);
        if ttl == 0 {
            self.take_back(&label, None, now);
        } else if !is_known {
            self.ask_of(name);
        }
    }

    fn hear_service(&mut self, record: &Record<'_>, port: u16, host: &Name, source: IpAddr, now: Instant) {
        let Some(label) = record.name.first_of(&self.kind) else { return };
        let label = String::from_utf8_lossy(label).into_owned();
        if record.ttl == 0 {
            return self.take_back(&label, Some(host), now);
        }
        let holds = Duration::from_secs(record.ttl.min(LONGEST_TTL).into());
        let is_it = |heard: &&mut HeardService| heard.label == label && heard.host == *host;
        if let Some(heard) = self.all.iter_mut().find(is_it) {
            self.has_changed |= heard.port != port;
            (heard.port, heard.last, heard.holds, heard.asked) = (port, now, holds, 0);
            return;
        }
        let is_wanted = self.wanted.contains(&label);
        self.make_room(&label, source);
        // Whoever was called so before, and does not say that he still is, was restarted.
        let mut is_doubted = false;
        for before in self.all.iter_mut().filter(|heard| heard.label == label) {
            before.holds = before.holds.min(now.saturating_duration_since(before.last) + DOUBTED);
            is_doubted = true;
        }
        if is_doubted {
            self.ask_of(&record.name);
        }
        self.all.push(HeardService {
            label,
            host: *host,
            port,
            text: None,
            addresses: Vec::new(),
            source,
            is_wanted,
            last: now,
            holds,
            asked: 0,
        });
    }

    fn hear_text(&mut self, record: &Record<'_>, text: &[u8], source: IpAddr) {
        let Some(label) = record.name.first_of(&self.kind) else { return };
        let label = String::from_utf8_lossy(label);
        let same = |heard: &&mut HeardService| heard.label == label;
        // Of several of one name, it is that one's whose word it is.
        let is_own = self.all.iter().any(|heard| heard.label == label && heard.source == source);
        for heard in self.all.iter_mut().filter(same).filter(|heard| !is_own || heard.source == source) {
            if record.ttl > 0 && text.len() <= LONGEST_TEXT && heard.text.as_deref() != Some(text) {
                heard.text = Some(text.to_vec());
                if let Some(wanted) =
                    super::message::strings(text).find(|(key, _)| key.eq_ignore_ascii_case("name"))
                {
                    heard.is_wanted |= self.wanted.iter().any(|name| name.as_bytes() == wanted.1);
                }
                self.has_changed = true;
            }
        }
    }

    /// Who takes himself back is gone in a moment, if nobody says otherwise (RFC 6762, section 10.1).
    fn take_back(&mut self, label: &str, host: Option<&Name>, now: Instant) {
        let is_it =
            |heard: &&mut HeardService| heard.label == label && host.is_none_or(|host| heard.host == *host);
        for heard in self.all.iter_mut().filter(is_it) {
            heard.holds = heard.holds.min(now.saturating_duration_since(heard.last) + GONE_IN);
        }
    }

    /// Has room for one more: of one source, of one name, and of all, those go that were heard of longest ago, and
    /// those that are wanted last.
    fn make_room(&mut self, label: &str, source: IpAddr) {
        self.forget_one_of(MOST_OF_ONE_SOURCE, |heard| heard.source == source);
        self.forget_one_of(MOST_OF_ONE_NAME, |heard| heard.label == label);
        self.forget_one_of(MOST_SENDERS, |_| true);
    }

    fn forget_one_of(&mut self, most: usize, is_one: impl Fn(&HeardService) -> bool) {
        let those = || self.all.iter().enumerate().filter(|(_, heard)| is_one(heard));
        let is_full = those().count() >= most;
        let oldest = those().min_by_key(|(_, heard)| (heard.is_wanted, heard.last)).map(|(at, _)| at);
        if let Some(at) = oldest.filter(|_| is_full) {
            self.all.remove(at);
            self.has_changed = true;
        }
    }

    /// Asks everything of this name soon, if not too much is to be asked already.
    fn ask_of(&mut self, name: &Name) {
        if self.questions.len() < MOST_QUESTIONS && !self.questions.iter().any(|(asked, _)| asked == name) {
            self.questions.push((*name, kind::ANY));
        }
    }
}

impl HeardService {
    /// Takes in which addresses its host has, by this interface; whether they are others than before. Those of one
    /// family are told all at once.
    fn hear_addresses(&mut self, index: u32, message: &Message<'_>) -> bool {
        let mut told: Vec<(IpAddr, u32)> = Vec::new();
        for record in records(message).filter(|record| record.name == self.host && record.ttl > 0) {
            if let Data::Address(address) = record.data
                && told.len() < MOST_ADDRESSES
            {
                told.push((address, index));
            }
        }
        if told.is_empty() {
            return false;
        }
        let is_replaced = |known: &(IpAddr, u32)| {
            known.1 == index && told.iter().any(|(address, _)| address.is_ipv4() == known.0.is_ipv4())
        };
        let kept = self.addresses.iter().filter(|known| !is_replaced(known)).copied();
        let mut addresses: Vec<(IpAddr, u32)> = kept.chain(told.iter().copied()).collect();
        addresses.sort();
        addresses.dedup();
        addresses.truncate(MOST_ADDRESSES);
        let has_changed = addresses != self.addresses;
        self.addresses = addresses;
        has_changed
    }

    /// When it is to be asked next whether it is still there.
    fn check(&self) -> Option<Instant> {
        let share = *CHECKS.get(self.asked as usize)?;
        Some(self.last + self.holds.mul_f64(share))
    }
}

fn records<'a>(message: &Message<'a>) -> impl Iterator<Item = Record<'a>> {
    message.items().filter_map(|item| match item {
        Item::Record(record) => Some(record),
        Item::Question(_) => None,
    })
}

/// More than a network of people has; of more, those are forgotten that were heard of longest ago.
pub const MOST_SENDERS: usize = 256;
/// More than one computer has cameras; whoever makes up more keeps nobody else out.
pub const MOST_OF_ONE_SOURCE: usize = 16;
/// One, and those who say that they are it.
const MOST_OF_ONE_NAME: usize = 4;
/// By all interfaces.
const MOST_ADDRESSES: usize = 16;
const LONGEST_TEXT: usize = 1300;
/// Whatever it says itself, it is asked again within this.
const LONGEST_TTL: u32 = 120;
/// What others are told of what we know.
const KNOWN_TTL: u32 = 4500;
/// At which shares of that time it is asked.
const CHECKS: [f64; 3] = [0.8, 0.9, 0.95];
/// RFC 6762, section 10.1.
const GONE_IN: Duration = Duration::from_secs(1);
/// An answer takes a moment, and may be lost once.
const DOUBTED: Duration = Duration::from_secs(5);
/// Between two questions who is there, and later (RFC 6762, section 5.2).
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// In one message.
const MOST_QUESTIONS: usize = 8;
const QUESTIONS_EVERY: Duration = Duration::from_millis(100);
const LONGEST: usize = 1200;

#[cfg(test)]
mod tests {
    use super::super::responder::{Responder, Say, Service};
    use super::*;

    /// What a sender says that has this name and host.
    fn announcement(label: &str, host: u32, address: &str) -> Vec<u8> {
        let service = Service {
            kind: service(),
            label: label.into(),
            host: Name::dotted(&format!("h{host}.local")).unwrap(),
            port: 9001,
            address: None,
            text: b"\x03v=1".to_vec(),
        };
        let responder = Responder::new(service, crate::t0()).unwrap();
        responder.message(Say::Everything(None), 1, &[address.parse().unwrap()]).unwrap()
    }

    fn service() -> Name {
        Name::dotted("_x._udp.local").unwrap()
    }

    fn hear(cache: &mut Cache, from: [u8; 4], bytes: &[u8], now: Instant) {
        cache.hear(1, from.into(), &Message::parse(bytes).unwrap(), now);
    }

    fn labels(cache: &Cache) -> Vec<&str> {
        cache.all().iter().map(|heard| &*heard.label).collect()
    }

    #[test]
    fn who_is_announced_is_known_until_he_says_goodbye_or_is_not_heard_of_any_more() {
        let t0 = crate::t0();
        let mut cache = Cache::new(service(), &[], t0);
        assert!(cache.poll(t0).is_ok() && cache.poll(t0).is_err());
        hear(&mut cache, [10, 0, 0, 1], &announcement("door", 1, "10.0.0.1"), t0);
        let [server] = cache.all() else { panic!("{cache:?}") };
        let text = server.text.as_deref();
        assert_eq!((&*server.label, server.port, text), ("door", 9001, Some(&b"\x03v=1"[..])));
        assert_eq!(server.addresses, [("10.0.0.1".parse().unwrap(), 1)]);
        assert!(cache.take_change() && !cache.take_change());
        // It has another address now.
        hear(&mut cache, [10, 0, 0, 2], &announcement("door", 1, "10.0.0.2"), t0);
        assert_eq!(cache.all()[0].addresses, [("10.0.0.2".parse().unwrap(), 1)]);
        // It is asked in time, and lasts no longer than it should.
        let mut asked = Vec::new();
        for seconds in 0..200 {
            let now = t0 + Duration::from_secs(seconds);
            while let Ok(query) = cache.poll(now) {
                asked.extend(Message::parse(&query).unwrap().items().count().eq(&2).then_some(seconds));
            }
            assert_eq!(cache.all().is_empty(), seconds >= 120, "{seconds}");
        }
        assert_eq!(asked[asked.len() - 3..], [96, 108, 114]);
    }

    #[test]
    fn made_up_ones_keep_nobody_out() {
        let mut now = crate::t0();
        let mut cache = Cache::new(service(), &["door".into()], now);
        hear(&mut cache, [10, 0, 0, 1], &announcement("door", 1, "10.0.0.1"), now);
        hear(&mut cache, [10, 0, 0, 2], &announcement("gate", 2, "10.0.0.2"), now);
        // As many as one computer likes, and as one who has a thousand addresses likes.
        for number in 0..3000u32 {
            now += Duration::from_millis(1);
            let [.., c, d] = number.to_be_bytes();
            hear(
                &mut cache,
                [10, 66, 6, 6],
                &announcement(&format!("a {number}"), 1000 + number, "10.66.6.6"),
                now,
            );
            assert_eq!(labels(&cache)[..2], ["door", "gate"]);
            if number < 1000 {
                continue;
            }
            hear(
                &mut cache,
                [10, 99, c, d],
                &announcement(&format!("b {number}"), 9000 + number, "10.9.9.9"),
                now,
            );
            hear(&mut cache, [10, 0, 0, 2], &announcement("gate", 2, "10.0.0.2"), now);
            assert!(cache.all().len() <= MOST_SENDERS);
        }
        assert_eq!(cache.all().len(), MOST_SENDERS);
        // One that is new has room, and so has the one that was asked for though he says nothing.
        hear(&mut cache, [10, 0, 0, 3], &announcement("yard", 3, "10.0.0.3"), now);
        let labels = labels(&cache);
        assert!(["door", "gate", "yard"].iter().all(|label| labels.contains(label)), "{labels:?}");
    }

    #[test]
    fn of_two_of_one_name_both_are_known_until_one_does_not_answer() {
        let t0 = crate::t0();
        let mut cache = Cache::new(service(), &[], t0);
        let _ = cache.poll(t0);
        let (one, other) = (announcement("door", 1, "10.0.0.1"), announcement("door", 2, "10.0.0.2"));
        hear(&mut cache, [10, 0, 0, 1], &one, t0);
        hear(&mut cache, [10, 0, 0, 2], &other, t0);
        assert_eq!(labels(&cache), ["door", "door"]);
        assert!(cache.poll(t0).is_ok(), "it is asked who still is");
        let later = t0 + DOUBTED;
        let mut restarted =
            Cache { all: cache.all.clone(), questions: Vec::new(), wanted: Vec::new(), ..cache };
        assert!(restarted.poll(later).is_ok());
        assert_eq!(restarted.all()[0].addresses, [("10.0.0.2".parse().unwrap(), 1)]);
        let mut both = Cache::new(service(), &[], t0);
        hear(&mut both, [10, 0, 0, 1], &one, t0);
        hear(&mut both, [10, 0, 0, 2], &other, t0);
        hear(&mut both, [10, 0, 0, 1], &one, t0);
        let _ = both.poll(later);
        assert_eq!(both.all().len(), 2);
        // However many there are of it, they are not many.
        for number in 3..100 {
            hear(&mut both, [10, 0, 0, number], &announcement("door", number.into(), "10.0.0.9"), later);
        }
        assert_eq!(both.all().len(), MOST_OF_ONE_NAME);
    }

    #[test]
    fn nobody_makes_it_ask_without_end() {
        let t0 = crate::t0();
        let mut cache = Cache::new(service(), &[], t0);
        let mut asked = 0;
        for millis in 0..2000 {
            let now = t0 + Duration::from_millis(millis);
            let mut writer = Writer::response();
            for number in 0..50 {
                let label = format!("{millis} {number}");
                writer.pointer(
                    Section::Answer,
                    &service(),
                    4500,
                    &service().under(label.as_bytes()).unwrap(),
                );
            }
            hear(&mut cache, [10, 0, 0, 1], &writer.finish(), now);
            asked += u32::from(cache.poll(now).is_ok());
        }
        assert!(cache.all().is_empty() && (15..=25).contains(&asked), "{asked}");
    }
}
