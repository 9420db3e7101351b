//! The filter that the kernel runs on each datagram during a flood: a classic BPF program, as socket(7) has it.
//!
//! It sees the UDP header first, and the IP header by offsets of its own.

use std::net::{IpAddr, SocketAddr};

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_LEN,
    BPF_RET, BPF_W, SKF_AD_OFF, SKF_AD_RANDOM, SKF_NET_OFF,
};
use proto::SessionId;
use proto::app::StreamFormat;
use socket2::SockFilter;

/// Whose datagrams are how welcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// Who is let in whole: where it sends from, and in which session.
    pub(super) favoured: Vec<(SocketAddr, SessionId)>,
    /// Who sends so much that is of no use that little of it is let in.
    pub(super) loud: Vec<SocketAddr>,
    /// The only address that anything is wanted from, if there is one.
    pub(super) only: Option<SocketAddr>,
    /// How much is let in of the loud, and of what no sender says.
    pub(super) of_loud: Share,
    /// How much is let in of everybody else.
    pub(super) of_others: Share,
}

/// The part of some datagrams that is let in, chosen by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Share(u32);

impl Default for Share {
    fn default() -> Self {
        Self::ALL
    }
}

impl Share {
    pub(super) const ALL: Self = Self(u32::MAX);
    /// Of a million datagrams, fifteen.
    const LEAST: Self = Self(u32::MAX >> 16);

    /// This much of it; never nothing.
    pub(super) fn times(self, factor: f64) -> Self {
        // The cast saturates.
        Self((f64::from(self.0) * factor) as u32).clamp(Self::LEAST, Self::ALL)
    }

    /// From how many one is let in.
    pub(super) fn one_of(self) -> f64 {
        f64::from(u32::MAX) / f64::from(self.0)
    }
}

/// The session that a datagram in this format is of, if it may be a sender's.
pub(super) fn session_of(format: StreamFormat, datagram: &[u8]) -> Option<SessionId> {
    let (head, rest) = datagram.split_first_chunk::<4>()?;
    let session = match (format, head) {
        (StreamFormat::Chunkcast, [b'C', b'k', 1 | 2, _]) => u64::from_be_bytes(*rest.first_chunk()?),
        (StreamFormat::Rtp, [first, second, ..]) if first >> 6 == 2 && second & 0x7f == 26 => {
            u32::from_be_bytes(*rest.get(4..)?.first_chunk()?).into()
        }
        _ => return None,
    };
    Some(SessionId::new(session))
}

/// The program for these rules. At most [`MOST_FAVOURED`] and [`MOST_LOUD`] are named in it.
pub(super) fn program(rules: &Rules, format: StreamFormat) -> Vec<SockFilter> {
    let mut code = Assembler(Vec::with_capacity(MOST_INSTRUCTIONS));
    // A load beyond the end would turn a datagram away, whatever its share is.
    code.unless_longer(UDP_HEADER + SHORTEST, |code| code.let_in(rules.of_loud));
    for (source, session) in rules.favoured.iter().take(MOST_FAVOURED) {
        code.favour(*source, *session, format);
    }
    for source in rules.loud.iter().take(MOST_LOUD) {
        code.when(&from(*source), |code| code.let_in(rules.of_loud));
    }
    let mut likely = rules.only.map_or_else(Vec::new, from);
    likely.push(match format {
        // "Ck" and a version up to 3: those of today are 1, and 2 where it is sealed.
        StreamFormat::Chunkcast => Test { mask: 0xffff_fc00, ..word(UDP_HEADER, 0x436b_0000) },
        // Version 2, and the type of JPEG whatever the marker is.
        StreamFormat::Rtp => Test { size: BPF_H, at: UDP_HEADER, mask: 0xc07f, value: 0x801a },
    });
    code.when(&likely, |code| {
        // What was joined is many in one, and would else be heard so much more rarely.
        code.when_longer(LONGEST_SINGLE, |code| code.let_in(rules.of_others.times(JOINED)));
        code.let_in(rules.of_others);
    });
    code.let_in(rules.of_loud);
    code.0.into_iter().map(|(code, jt, jf, k)| SockFilter::new(code, jt, jf, k)).collect()
}

/// Whether what stands there, behind a mask, is this.
struct Test {
    size: u32,
    at: i32,
    mask: u32,
    value: u32,
}

fn word(at: i32, value: u32) -> Test {
    Test { size: BPF_W, at, mask: u32::MAX, value }
}

/// Whether a datagram comes from there.
fn from(source: SocketAddr) -> Vec<Test> {
    let version = |value| Test { size: BPF_B, at: SKF_NET_OFF, mask: 0xf0, value };
    let port = Test { size: BPF_H, at: 0, mask: u32::MAX, value: source.port().into() };
    // A socket for both families has IPv4's addresses in IPv6's clothes.
    match source.ip().to_canonical() {
        IpAddr::V4(v4) => vec![version(0x40), word(SKF_NET_OFF + 12, v4.to_bits()), port],
        IpAddr::V6(v6) => {
            let words = [96, 64, 32, 0].map(|shift| (v6.to_bits() >> shift) as u32);
            let tests = (SKF_NET_OFF + 8..).step_by(4).zip(words).map(|(at, value)| word(at, value));
            std::iter::once(version(0x60)).chain(tests).chain([port]).collect()
        }
    }
}

/// Instructions: a code, how many are passed over if its test holds and if it does not, and a value.
struct Assembler(Vec<(u16, u8, u8, u32)>);

impl Assembler {
    fn add(&mut self, code: u32, value: u32) {
        self.0.push((code as u16, 0, 0, value));
    }

    /// Does `then` if all of the tests hold.
    fn when(&mut self, tests: &[Test], then: impl FnOnce(&mut Self)) {
        let mut jumps = Vec::with_capacity(tests.len());
        for &Test { size, at, mask, value } in tests {
            self.add(BPF_LD | size | BPF_ABS, at as u32);
            if mask != u32::MAX {
                self.add(BPF_ALU | BPF_AND | BPF_K, mask);
            }
            jumps.push(self.0.len());
            self.add(BPF_JMP | BPF_JEQ | BPF_K, value);
        }
        then(self);
        for at in jumps {
            self.0[at].2 = self.since(at);
        }
    }

    /// Does `then` with what is longer than this, with all headers but IP's.
    fn when_longer(&mut self, length: i32, then: impl FnOnce(&mut Self)) {
        self.add(BPF_LD | BPF_W | BPF_LEN, 0);
        let at = self.0.len();
        self.add(BPF_JMP | BPF_JGT | BPF_K, length as u32);
        then(self);
        self.0[at].2 = self.since(at);
    }

    /// Does `then` with what is shorter than this.
    fn unless_longer(&mut self, length: i32, then: impl FnOnce(&mut Self)) {
        self.add(BPF_LD | BPF_W | BPF_LEN, 0);
        let at = self.0.len();
        self.add(BPF_JMP | BPF_JGE | BPF_K, length as u32);
        then(self);
        self.0[at].1 = self.since(at);
    }

    /// Instructions behind that one.
    fn since(&self, at: usize) -> u8 {
        u8::try_from(self.0.len() - at - 1).expect("a block is some twenty instructions long")
    }

    /// Lets in all of a session from there.
    ///
    /// And all that the kernel has joined of the same address, of which only the first can be looked at: somebody who
    /// forges that address could else have those behind it turned away.
    fn favour(&mut self, source: SocketAddr, session: SessionId, format: StreamFormat) {
        let [high, low] = [session.get() >> 32, session.get()].map(|word| word as u32);
        let tests = match format {
            StreamFormat::Chunkcast => vec![word(UDP_HEADER + 4, high), word(UDP_HEADER + 8, low)],
            StreamFormat::Rtp => vec![word(UDP_HEADER + 8, low)],
        };
        self.when(&from(source), |code| {
            code.when_longer(LONGEST_SINGLE, |code| code.let_in(Share::ALL));
            code.when(&tests, |code| code.let_in(Share::ALL));
        });
    }

    /// Ends here, for this share of what comes here.
    fn let_in(&mut self, share: Share) {
        if share != Share::ALL {
            self.add(BPF_LD | BPF_W | BPF_ABS, (SKF_AD_OFF + SKF_AD_RANDOM) as u32);
            // Over the next one, which turns it away.
            self.0.push(((BPF_JMP | BPF_JGE | BPF_K) as u16, 0, 1, share.0));
            self.add(BPF_RET | BPF_K, 0);
        }
        self.add(BPF_RET | BPF_K, u32::MAX);
    }
}

/// Bytes that the program sees before a datagram's own.
const UDP_HEADER: i32 = 8;
/// Bytes that it looks at.
const SHORTEST: i32 = 12;
/// What is longer was joined, on a network of 1500 bytes; where there are longer ones, no more is let in than comes.
const LONGEST_SINGLE: i32 = 2000;
/// Datagrams that are joined in one, on a network of 1500 bytes: up to 44.
const JOINED: f64 = 32.0;
/// Senders that are named in a program: more than are shown at one socket.
pub(super) const MOST_FAVOURED: usize = 32;
/// Loud ones that are named in it. Who has more addresses than that is one of the others.
pub(super) const MOST_LOUD: usize = 16;
/// Below what the kernel takes, 4096, and what it has room for beside a socket in the smallest of usual settings.
const MOST_INSTRUCTIONS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::Socket;
    use std::net::UdpSocket;

    #[test]
    fn a_program_is_as_long_as_it_may_be_at_most_and_the_kernel_takes_it() {
        let source = |n: usize| SocketAddr::new([0x2001, 0xdb8, 0, 0, 0, 0, 0, n as u16].into(), 9000);
        let half = Share::ALL.times(0.5);
        let rules = Rules {
            favoured: (0..100).map(|n| (source(n), SessionId::new(n as u64))).collect(),
            loud: (100..200).map(source).collect(),
            only: Some(source(200)),
            of_loud: half,
            of_others: half,
        };
        for format in [StreamFormat::Chunkcast, StreamFormat::Rtp] {
            let code = program(&rules, format);
            assert!((900..=MOST_INSTRUCTIONS).contains(&code.len()), "{}", code.len());
            // It sees to it that no jump leaves the program, and that there is an end.
            Socket::from(UdpSocket::bind("[::1]:0").unwrap()).attach_filter(&code).unwrap();
        }
    }

    #[test]
    fn a_share_is_never_nothing_and_never_more_than_all() {
        let mut share = Share::ALL.times(0.25);
        assert!((3.99..4.01).contains(&share.one_of()));
        assert_eq!(share.times(8.0), Share::ALL);
        for _ in 0..50 {
            share = share.times(0.1);
        }
        assert_eq!(share, Share::LEAST);
        assert!(share.times(2.0) > share);
    }

    /// Which of a hundred datagrams, sent from each address in each way, are let in.
    fn let_in(rules: &Rules, format: StreamFormat, at: &str, from: &UdpSocket, datagram: &[u8]) -> usize {
        let receiver = UdpSocket::bind(at).unwrap();
        receiver.set_nonblocking(true).unwrap();
        let to = receiver.local_addr().unwrap();
        let receiver = Socket::from(receiver);
        receiver.attach_filter(&program(rules, format)).unwrap();
        let ip = if from.local_addr().unwrap().is_ipv4() { "127.0.0.1" } else { "::1" };
        let (receiver, to) = (UdpSocket::from(receiver), SocketAddr::new(ip.parse().unwrap(), to.port()));
        let is_let_in = |_: &usize| {
            from.send_to(datagram, to).unwrap();
            receiver.recv(&mut [0; 4096]).is_ok()
        };
        (0..100).filter(is_let_in).count()
    }

    #[test]
    fn who_is_favoured_is_let_in_whole_and_nobody_else_who_says_the_same() {
        let chunkcast = [b"Ck\x01\x01".as_slice(), &7_u64.to_be_bytes(), &[0; 30]].concat();
        let rtp = [[0x80, 0x9a, 0, 1, 0, 0, 0, 0].as_slice(), &7_u32.to_be_bytes(), &[0; 30]].concat();
        let least = Share::LEAST;
        for (at, from) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:0", "[::1]:0"),
            ("[::]:0", "127.0.0.1:0"),
            ("[::]:0", "[::1]:0"),
        ] {
            let [one, other] = [0; 2].map(|_| UdpSocket::bind(from).unwrap());
            let mut source = one.local_addr().unwrap();
            if at == "[::]:0"
                && let SocketAddr::V4(v4) = source
            {
                source.set_ip(v4.ip().to_ipv6_mapped().into());
            }
            for (format, datagram) in [(StreamFormat::Chunkcast, &chunkcast), (StreamFormat::Rtp, &rtp)] {
                let favour = |session| Rules {
                    favoured: vec![(source, SessionId::new(session))],
                    of_loud: least,
                    of_others: least,
                    ..Rules::default()
                };
                let count = |rules: &Rules, from| let_in(rules, format, at, from, datagram);
                assert_eq!(count(&favour(7), &one), 100, "{at} {source} {format:?}");
                assert!(count(&favour(7), &other) < 5);
                assert!(count(&favour(8), &one) < 5);
                // Several of them in one: not what the first says is decisive.
                let joined = [&datagram[..], &[0; 2000]].concat();
                assert_eq!(let_in(&favour(8), format, at, &one, &joined), 100);
                let loud = Rules { loud: vec![source], of_loud: least, ..Rules::default() };
                assert!(count(&loud, &one) < 5);
                assert_eq!(count(&loud, &other), 100, "all but the loud are heard");
                let only = Rules { only: Some(source), of_loud: least, ..Rules::default() };
                assert_eq!(count(&only, &one), 100);
                assert!(count(&only, &other) < 5);
            }
        }
    }

    #[test]
    fn what_no_sender_says_is_turned_away_and_of_the_rest_its_share_is_let_in() {
        let rules = Rules { of_loud: Share::LEAST, of_others: Share::ALL.times(0.5), ..Rules::default() };
        let from = UdpSocket::bind("127.0.0.1:0").unwrap();
        let count = |format, datagram: &[u8]| let_in(&rules, format, "127.0.0.1:0", &from, datagram);
        let long = [0; 50];
        for nonsense in [b"".as_slice(), b"Ck\x01", &long, b"Ck\x04\x0123456789", b"Xk\x01\x0123456789"] {
            assert!(count(StreamFormat::Chunkcast, nonsense) < 5, "{nonsense:?}");
        }
        for likely in [b"Ck\x01\x0123456789", b"Ck\x02\x0123456789"] {
            assert!((20..=80).contains(&count(StreamFormat::Chunkcast, likely)), "{likely:?}");
        }
        assert!((20..=80).contains(&count(StreamFormat::Rtp, b"\x80\x1a0123456789")));
        assert!(count(StreamFormat::Rtp, b"\x80\x600123456789") < 5);
    }
}
