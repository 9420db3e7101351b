//! Connections, counted by address, so that no peer takes all places.

use std::net::{IpAddr, Ipv6Addr, Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A number of places. Cheap to clone; every clone is the same places.
///
/// Where all are taken, whoever comes has that of a peer with more than his share, or of one who has not asked for
/// anything yet, or not for long: his connection is ended.
#[derive(Clone, Debug)]
pub(super) struct Places {
    shared: Arc<SharedList>,
    most: usize,
}

/// One of them. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPlace {
    shared: Arc<SharedList>,
    number: u64,
}

#[derive(Debug, Default)]
struct SharedList {
    list: Mutex<List>,
    /// Tells that one has left.
    left: Condvar,
}

/// Who has a connection.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// `None`: this computer, from where a proxy may ask for many.
    whose: Option<IpAddr>,
    /// What is ended when he is to make room.
    stream: Option<Arc<TcpStream>>,
}

#[derive(Debug, Default)]
struct List {
    entries: Vec<PlaceEntry>,
    next: u64,
    /// Connections that were ended for others, and are not gone yet.
    leaving: usize,
}

#[derive(Debug)]
struct PlaceEntry {
    number: u64,
    caller: Caller,
    /// Since when he has asked for nothing; `None` while he is answered.
    idle: Option<Instant>,
    has_asked: bool,
}

impl Caller {
    pub(super) fn new(peer: IpAddr, stream: Option<&Arc<TcpStream>>) -> Self {
        let whose = match peer.to_canonical() {
            peer if peer.is_loopback() => None,
            // A host has as many addresses as it likes of one network.
            IpAddr::V6(peer) => Some(Ipv6Addr::from_bits(peer.to_bits() & !u128::from(u64::MAX)).into()),
            peer => Some(peer),
        };
        Self { whose, stream: stream.cloned() }
    }

    /// The address that stands for him; `None`: this computer.
    pub(super) fn whose(&self) -> Option<IpAddr> {
        self.whose
    }
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { shared: Arc::default(), most }
    }

    /// A place, if one is free or can be made free.
    pub(super) fn take(&self, caller: &Caller, now: Instant) -> Option<ConnectionPlace> {
        let mut list = lock(&self.shared.list);
        if list.entries.len() >= self.most {
            let victim = list.victim(caller, now)?;
            let PlaceEntry { caller, .. } = list.entries.swap_remove(victim);
            list.leaving += 1;
            if let Some(stream) = caller.stream {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        let number = list.next;
        list.next += 1;
        list.entries.push(PlaceEntry { number, caller: caller.clone(), idle: Some(now), has_asked: false });
        Some(ConnectionPlace { shared: self.shared.clone(), number })
    }

    /// Waits, for a while at most, as long as all are taken and so many are just leaving that nobody is made to: who
    /// comes after a crowd is not turned away because the computer is busy.
    pub(super) fn wait_for_room(&self, patience: Duration) {
        let is_crowded = |list: &mut List| list.entries.len() >= self.most && list.leaving >= MOST_LEAVING;
        drop(self.shared.left.wait_timeout_while(lock(&self.shared.list), patience, is_crowded));
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        lock(&self.shared.list).entries.len()
    }

    /// How many there are.
    pub(super) fn most(&self) -> usize {
        self.most
    }
}

impl List {
    /// Who is to make room.
    fn victim(&self, caller: &Caller, now: Instant) -> Option<usize> {
        if self.leaving >= MOST_LEAVING {
            return None;
        }
        let of = |whose| self.entries.iter().filter(|entry| entry.caller.whose == whose).count();
        let greedy = self.entries.iter().map(|entry| entry.caller.whose).filter(Option::is_some);
        let greedy = greedy.max_by_key(|&whose| of(whose)).filter(|&whose| {
            let has = caller.whose.map_or(0, |_| of(caller.whose));
            of(whose) > SHARE && of(whose) > has + 1
        });
        let all = || self.entries.iter().enumerate();
        let longest = |(_, entry): &(usize, &PlaceEntry)| entry.idle;
        if let Some(whose) = greedy {
            let his = || all().filter(|(_, entry)| entry.caller.whose == whose);
            let idle = his().filter(|(_, entry)| entry.idle.is_some()).min_by_key(longest);
            return idle.or_else(|| his().max_by_key(|(_, entry)| entry.number)).map(|(at, _)| at);
        }
        let silent = all().filter(|(_, entry)| !entry.has_asked).min_by_key(longest);
        let is_long = |idle: Instant| now.saturating_duration_since(idle) >= LONG;
        let idle = || all().filter(|(_, entry)| entry.idle.is_some_and(is_long)).min_by_key(longest);
        silent.or_else(idle).map(|(at, _)| at)
    }
}

impl ConnectionPlace {
    /// Says since when nothing is asked for; `None`: something is, now.
    pub(super) fn idle(&self, since: Option<Instant>) {
        let mut list = lock(&self.shared.list);
        if let Some(entry) = list.entries.iter_mut().find(|entry| entry.number == self.number) {
            entry.idle = since;
            entry.has_asked |= since.is_none();
        }
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let mut list = lock(&self.shared.list);
        let entry = list.entries.iter().position(|entry| entry.number == self.number);
        match entry {
            Some(at) => drop(list.entries.swap_remove(at)),
            None => list.leaving -= 1,
        }
        drop(list);
        self.shared.left.notify_one();
    }
}

fn lock(list: &Mutex<List>) -> MutexGuard<'_, List> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many a peer keeps while others wait. A browser opens up to six, and does with fewer.
const SHARE: usize = 4;
/// Who has asked for nothing for so long makes room for who asks.
const LONG: Duration = Duration::from_secs(3);
/// Each has a thread until it is gone.
const MOST_LEAVING: usize = 4;

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    /// A connection, and its other end.
    fn caller(listener: &TcpListener, address: &str) -> (Caller, TcpStream) {
        let other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        (Caller::new(address.parse().unwrap(), Some(&Arc::new(stream))), other)
    }

    fn has_ended(stream: &mut TcpStream) -> bool {
        stream.set_nonblocking(true).unwrap();
        matches!(stream.read(&mut [0]), Ok(0))
    }

    #[test]
    fn whoever_has_more_than_his_share_makes_room_and_who_is_idle_first() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (places, t0) = (Places::new(8), Instant::now());
        let (mut kept, mut others) = (Vec::new(), Vec::new());
        for n in 0..8 {
            let (caller, other) = caller(&listener, "192.0.2.1");
            kept.push(places.take(&caller, t0 + Duration::from_millis(n)).unwrap());
            others.push(other);
        }
        // All have asked, and all but two are busy.
        for (n, place) in kept.iter().enumerate() {
            place.idle(None);
            if n >= 6 {
                place.idle(Some(t0 + Duration::from_millis(n as u64)));
            }
        }
        assert!(places.take(&caller(&listener, "192.0.2.1").0, t0).is_none(), "nobody displaces himself");
        let mut late: Vec<_> = Vec::new();
        for expected in [6, 7, 5, 4] {
            let place = places.take(&caller(&listener, "192.0.2.2").0, t0).expect("a place of who has many");
            place.idle(None);
            late.push(place);
            assert!(has_ended(&mut others[expected]), "{expected}");
            assert_eq!(places.taken(), 8);
            kept.remove(kept.len().min(expected.min(kept.len() - 1)));
        }
        assert!(others[..4].iter_mut().all(|other| !has_ended(other)), "his share stays");
        assert!(
            places.take(&caller(&listener, "192.0.2.3").0, t0).is_none(),
            "nobody has more than his share"
        );
        assert!(places.take(&caller(&listener, "127.0.0.1").0, t0).is_none());
    }

    #[test]
    fn who_has_long_asked_for_nothing_makes_room_for_anybody() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (places, t0) = (Places::new(2), Instant::now());
        let (first, mut first_end) = caller(&listener, "127.0.0.1");
        let (second, mut second_end) = caller(&listener, "192.0.2.1");
        let kept = [places.take(&first, t0).unwrap(), places.take(&second, t0).unwrap()];
        for place in &kept {
            place.idle(None);
            place.idle(Some(t0));
        }
        let (third, _end) = caller(&listener, "127.0.0.1");
        assert!(places.take(&third, t0 + LONG / 2).is_none());
        assert!(places.take(&third, t0 + LONG).is_some() && has_ended(&mut first_end));
        assert!(!has_ended(&mut second_end));
    }

    #[test]
    fn who_has_never_asked_makes_room_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (places, t0) = (Places::new(3), Instant::now());
        let (mut kept, mut ends) = (Vec::new(), Vec::new());
        for n in 0..3 {
            let (caller, end) = caller(&listener, "127.0.0.1");
            kept.push(places.take(&caller, t0 + Duration::from_millis(n)).unwrap());
            ends.push(end);
        }
        kept[0].idle(None);
        let (late, _end) = caller(&listener, "127.0.0.1");
        let _late = places.take(&late, t0 + Duration::from_millis(3)).unwrap();
        assert_eq!([0, 1, 2].map(|n| has_ended(&mut ends[n])), [false, true, false], "the first who has not");
    }

    #[test]
    fn no_more_are_made_to_leave_than_leave() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (places, t0) = (Places::new(16), Instant::now());
        let greedy: Vec<_> =
            (0..16).map(|_| places.take(&caller(&listener, "2001:db8::1").0, t0).unwrap()).collect();
        let late: Vec<_> =
            (0..9).map(|n| places.take(&caller(&listener, &format!("192.0.2.{}", n + 1)).0, t0)).collect();
        assert_eq!(late.iter().flatten().count(), MOST_LEAVING);
        // Who waits for one of them to leave has his place as soon as it has.
        let begun = Instant::now();
        places.wait_for_room(Duration::from_millis(10));
        assert!(begun.elapsed() >= Duration::from_millis(10), "none has left yet");
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                places.wait_for_room(Duration::from_secs(60));
                begun.elapsed()
            });
            drop(greedy);
            assert!(waits.join().unwrap() < Duration::from_secs(30));
        });
        assert_eq!((places.taken(), lock(&places.shared.list).leaving), (MOST_LEAVING, 0));
        // The addresses of one network are one host's.
        let hosts = ["2001:db8::1", "2001:db8::2"].map(|address| caller(&listener, address).0.whose);
        assert!(hosts[0].is_some() && hosts[0] == hosts[1]);
    }

    #[test]
    fn a_place_that_is_left_is_free_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (places, t0, one) = (Places::new(1), Instant::now(), caller(&listener, "192.0.2.1").0);
        let place = places.take(&one, t0).unwrap();
        place.idle(None);
        assert!(places.take(&one, t0).is_none());
        drop(place);
        assert!(places.taken() == 0 && places.take(&one, t0).is_some());
    }
}
