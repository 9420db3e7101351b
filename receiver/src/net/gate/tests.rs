//! The gate beside a kernel that is made up: it lets in of each datagram what the gate's own rules say.

use super::*;

fn address(n: u32) -> SocketAddr {
    (n.to_be_bytes(), 9000).into()
}

fn chunk(session: u64) -> Vec<u8> {
    [b"Ck\x01\x01".as_slice(), &session.to_be_bytes()].concat()
}

/// A gate, a kernel, and what came through since it was looked at last.
struct Kernel {
    gate: Gate,
    t0: Instant,
    now: Instant,
    seed: u64,
    came: u64,
    changes: u32,
    floods: u32,
}

impl Kernel {
    fn new() -> Self {
        let t0 = Instant::now();
        let gate = Gate::new(StreamFormat::Chunkcast);
        Self { gate, t0, now: t0, seed: 1, came: 0, changes: 0, floods: 0 }
    }

    fn below_one(&mut self) -> f64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Lets a datagram in, or not; whether it did. Of who is favoured it is of use.
    fn arrives(&mut self, from: SocketAddr, datagram: &[u8]) -> bool {
        let session = session_of(StreamFormat::Chunkcast, datagram);
        let share = self.gate.rules.as_ref().map_or(Share::ALL, |rules| match session {
            Some(session) if rules.favoured.contains(&(from, session)) => Share::ALL,
            Some(_) if !rules.loud.contains(&from) && rules.only.is_none_or(|only| only == from) => {
                rules.of_others
            }
            _ => rules.of_loud,
        });
        let is_in = self.below_one() * share.one_of() < 1.0;
        if is_in {
            self.came += 1;
            self.gate.count(from, datagram, self.now);
        }
        is_in
    }

    /// A tenth of a millisecond passes; batches are read that often.
    fn passes(&mut self, favoured: &[(SocketAddr, SessionId)], only: Option<SocketAddr>) {
        self.now += Duration::from_micros(100);
        let before = self.gate.rules.clone();
        match self.gate.look(favoured.iter().copied(), only, self.now) {
            Some(FilterChange::Narrow(program, told)) => {
                assert!(!program.is_empty());
                assert_eq!(told.is_some(), before.is_none(), "the begin is told, and nothing else");
                self.floods += u32::from(told.is_some());
                self.changes += 1;
            }
            Some(FilterChange::Widen) => self.changes += 1,
            None => assert_eq!(self.gate.rules, before),
        }
    }

    /// For so long, so many come every tenth of a millisecond; returns how many of them came through a second.
    fn flood(
        &mut self,
        millis: u64,
        each: usize,
        mut datagram: impl FnMut(&mut Self) -> (SocketAddr, Vec<u8>),
    ) -> u64 {
        self.came = 0;
        for _ in 0..millis * 10 {
            for _ in 0..each {
                let (from, datagram) = datagram(self);
                self.arrives(from, &datagram);
            }
            self.passes(&[], None);
        }
        self.came * 1000 / millis
    }

    fn is_open(&self) -> bool {
        self.gate.rules.is_none()
    }
}

#[test]
fn what_is_no_flood_is_let_in_whole_and_tells_the_kernel_nothing() {
    let mut kernel = Kernel::new();
    for step in 0..20_000_u32 {
        // 4000 a second, of ten unknown senders.
        if step % 5 < 2 {
            assert!(kernel.arrives(address(step % 10), &chunk(7)));
        }
        kernel.passes(&[], None);
        assert_eq!(kernel.gate.next_look(), None);
    }
    assert_eq!(kernel.changes, 0);
}

#[test]
fn a_flood_from_one_address_is_turned_away_at_once_and_others_are_heard_as_before() {
    for attack in
        [|kernel: &mut Kernel| chunk((kernel.below_one() * 1e9) as u64), |_: &mut Kernel| vec![0; 900]]
    {
        let mut kernel = Kernel::new();
        kernel.flood(2, 50, |kernel| (address(1), attack(kernel)));
        assert!(kernel.came < 400, "{} of 1000 were let in before it was noticed", kernel.came);
        kernel.flood(500, 50, |kernel| (address(1), attack(kernel)));
        let rate = kernel.flood(1000, 50, |kernel| (address(1), attack(kernel)));
        assert!((1000..10_000).contains(&rate), "{rate} a second");
        assert!((0..100).all(|n| kernel.arrives(address(2), &chunk(n))), "somebody else is heard");
        assert!(kernel.changes < 20, "{}", kernel.changes);
        assert_eq!(kernel.floods, 1);
        // When it is over everything is let in again, and nothing is left of it.
        kernel.flood(1500, 0, |_| unreachable!());
        assert!(kernel.is_open());
        assert_eq!(kernel.gate.next_look(), None);
        assert!((0..100).all(|_| kernel.arrives(address(1), &chunk(5))));
    }
}

#[test]
fn a_flood_of_forged_addresses_leaves_a_share_and_who_is_shown_loses_nothing() {
    let mut kernel = Kernel::new();
    let (shown, new) = ((address(7), SessionId::new(7)), (address(8), SessionId::new(8)));
    let forged = |kernel: &mut Kernel| {
        let random = (kernel.below_one() * 4e9) as u32;
        (address(random), chunk(random.into()))
    };
    kernel.flood(300, 30, forged);
    let rate = kernel.flood(1000, 30, forged);
    assert!((1000..10_000).contains(&rate), "{rate} a second");
    let (mut heard, mut welcomed) = (0, None);
    for step in 0..20_000 {
        for _ in 0..30 {
            let (from, datagram) = forged(&mut kernel);
            kernel.arrives(from, &datagram);
        }
        kernel.passes(&[shown], None);
        // A stream that is shown, and one that is new: 1000 datagrams a second each.
        if step % 10 == 0 {
            assert!(kernel.arrives(shown.0, &chunk(7)), "a datagram of the stream was turned away");
            heard += u32::from(kernel.arrives(new.0, &chunk(8)));
            let is_welcome = kernel.gate.rules.as_ref().is_some_and(|rules| rules.favoured.contains(&new));
            if is_welcome && welcomed.is_none() {
                welcomed = Some(kernel.now - kernel.t0 - Duration::from_millis(1300));
            }
        }
    }
    assert!(welcomed.is_some_and(|after| after < Duration::from_secs(2)), "{welcomed:?}");
    assert!(heard > 20, "{heard}");
}

#[test]
fn whoever_forges_the_address_of_the_stream_does_not_turn_it_away() {
    let mut kernel = Kernel::new();
    let shown = (address(7), SessionId::new(7));
    for step in 0..10_000_u64 {
        for n in 0..30 {
            kernel.arrives(shown.0, &chunk(1000 + step * 30 + n));
        }
        if kernel.gate.rules.is_some() {
            assert!(kernel.arrives(shown.0, &chunk(7)));
        }
        kernel.passes(&[shown], None);
    }
    assert!(kernel.came < 40_000, "{}", kernel.came);
}

#[test]
fn where_one_sender_is_asked_nobody_else_is_loud_by_number() {
    let mut kernel = Kernel::new();
    let asked = address(7);
    for step in 0..10_000 {
        for _ in 0..30 {
            let random = (kernel.below_one() * 4e9) as u32;
            kernel.arrives(address(random), &chunk(random.into()));
        }
        // What it says first is of no session that was heard.
        if step > 1000 && step % 100 == 0 {
            assert!(kernel.arrives(asked, &chunk(step)), "{:?}", kernel.gate.rules);
        }
        kernel.passes(&[], Some(asked));
    }
    assert_eq!(kernel.floods, 1);
}

#[test]
fn as_many_are_loud_as_can_be_named_and_no_more() {
    let mut kernel = Kernel::new();
    kernel.flood(2000, 40, |kernel| {
        let n = (kernel.below_one() * 60.0) as u32;
        (address(n), chunk(u64::from(n) << 32 | kernel.seed >> 40))
    });
    assert!(kernel.gate.loud.len() <= MOST_LOUD);
    assert!(kernel.gate.rules.as_ref().is_some_and(|rules| rules.favoured.len() <= MOST_FAVOURED));
}
