//! What a cause is in words, and what to do about it.

use std::fmt;

use crate::diagnosis::{Cause, Missing, WANTED_BUFFER};
use crate::fec::{Fec, MOST_PERCENT};

/// What was given to the program that speaks, as far as it matters: nobody is advised to do what they have done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Given {
    /// The sender's parity, where that is known.
    pub fec: Fec,
    /// Bits per second at which the sender was told to send.
    pub pace: Option<f64>,
    /// Whether the receiver surely does not wait for its screen.
    pub no_vsync: bool,
}

/// What a person reads of a cause where something was given.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    cause: Cause,
    given: Given,
}

impl Cause {
    /// What to say of it to somebody who gave this.
    pub fn told(self, given: Given) -> Advice {
        Advice { cause: self, given }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told(Given::default()).fmt(f)
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Cause::*;
        match self.cause {
            NothingArrives { port, is_group: false } => write!(
                f,
                "nothing arrives: is the sender's --dest an address of this computer with port {port}, and does no \
                 firewall here forbid that (sudo nft list ruleset)? Whether anything reaches this computer at all: \
                 sudo tcpdump -ni any udp port {port}"
            ),
            NothingArrives { port, is_group: true } => write!(
                f,
                "nothing arrives from the group: name the right --interface at both ends; both must be in one network, \
                 whose switch needs an IGMP or MLD querier; and no firewall here may forbid it (sudo nft list \
                 ruleset). Whether anything reaches this computer at all: sudo tcpdump -ni any udp port {port}"
            ),
            NotOurs { datagrams } => write!(
                f,
                "{datagrams} datagrams arrived, and none of them is a sender's: another program sends to this port; \
                 choose another one at both ends"
            ),
            NotTaken { datagrams, why } => write!(f, "{datagrams} datagrams are {why}"),
            OtherVersion { datagrams } => write!(
                f,
                "{datagrams} datagrams are of another version of Chunkcast: install the same one on both computers"
            ),
            LargeDatagrams { frames } => write!(
                f,
                "the sender's hellos arrive, but nothing of {frames} frames: large datagrams do not pass; give the \
                 sender --mtu 1280, or if it has that already --mtu 576"
            ),
            KernelBuffer { dropped, percent, is_large: true } => write!(
                f,
                "{percent:.1} % of the frames are lost on the receiver's computer, which did not read {dropped} datagrams \
                 in time, though its buffer is large: end what keeps it busy there, or give the sender a smaller --size \
                 or fewer --fps"
            ),
            KernelBuffer { dropped, percent, is_large: false } => write!(
                f,
                "{percent:.1} % of the frames are lost on the receiver's computer, whose system dropped {dropped} \
                 datagrams that were not read in time; there, allow a larger buffer and start it again: sudo sysctl -w \
                 net.core.rmem_max={WANTED_BUFFER}"
            ),
            Network { percent, missing, is_wireless, is_group, is_rtp } => {
                write!(f, "{percent:.1} % of the frames are lost on the network, ")?;
                network_text(f, missing, is_wireless, is_group, is_rtp, self.given)
            }
            Damaged { datagrams } => write!(
                f,
                "{datagrams} datagrams were damaged on their way: a cable, a port or a network card flips bits; change \
                 the cable first"
            ),
            SenderSocket { errors } => write!(
                f,
                "the sender's system refused {errors} sends; it names the reason as it happens: no route, a firewall \
                 on that computer, or a full queue (give a slower --pace)"
            ),
            SlowDecode { percent } => write!(
                f,
                "{percent:.0} % of the pictures are not decoded: the receiver's computer is too slow for them; give \
                 the sender a smaller --size or fewer --fps"
            ),
            SlowDisplay { percent } => {
                write!(
                    f,
                    "{percent:.0} % of the pictures are not shown: they come faster than the receiver's screen takes \
                     them; give the sender fewer --fps or a smaller --size"
                )?;
                f.write_str(if self.given.no_vsync { "" } else { ", and the receiver no --vsync" })
            }
            ClockJumped => write!(
                f,
                "a clock jumped: one of the two computers was suspended or stood still; delays are measured anew"
            ),
            OtherSender { datagrams } => write!(
                f,
                "{datagrams} datagrams are of another sender, which is not shown; give each sender a port or group of \
                 its own"
            ),
            OneWay => write!(
                f,
                "the sender does not answer: a firewall or a one-way link keeps back what the receiver says; nothing can \
                 be sent again, pace and parity cannot follow the loss, and delays are relative. Let UDP pass both ways, \
                 or give the sender a fixed --fec and --pace, and the receiver \
                 --feedback off"
            ),
            Repaired { percent } => write!(
                f,
                "{percent:.1} % of the datagrams are lost on the network and repaired; a cable instead of Wi-Fi, or a \
                 slower --pace, would spare that"
            ),
        }
    }
}

fn network_text(
    f: &mut fmt::Formatter<'_>,
    missing: Missing,
    is_wireless: bool,
    is_group: bool,
    is_rtp: bool,
    given: Given,
) -> fmt::Result {
    match (missing, is_wireless, is_group) {
        (Missing::Ends, ..) => {
            let pace = given.pace.map_or_else(
                || "a --pace below the narrowest port, such as 50mbit,".to_owned(),
                |pace| {
                    format!("a --pace below the {} Mbit/s that it has and the narrowest port,", pace / 1e6)
                },
            );
            write!(
                f,
                "at their ends: a port on the way is too slow or its queue too short; give the sender {pace} or a \
                 smaller --size"
            )
        }
        (_, true, true) => write!(
            f,
            "and Wi-Fi does not repeat what is sent to a group; give the sender each viewer's own address by --dest \
             instead"
        ),
        (Missing::WholeFrames, true, false) => write!(
            f,
            "whole ones at a time: Wi-Fi was interrupted for moments; go nearer to the access point, or take a cable"
        ),
        (Missing::WholeFrames, ..) => write!(
            f,
            "whole ones at a time: it was interrupted for moments; look for a loose cable, a port that restarts, or \
             Wi-Fi on the way"
        ),
        (Missing::Anywhere, true, false) if is_rtp => {
            write!(f, "anywhere in them, by Wi-Fi; take a cable, or send smaller pictures; {WITHOUT_RTP}")
        }
        (Missing::Anywhere, true, false) => write!(
            f,
            "anywhere in them, by Wi-Fi; take a cable, or give the sender {}a smaller --size",
            more_parity(given.fec).map_or_else(String::new, |fec| format!("{fec}, or "))
        ),
        (Missing::Anywhere, false, true) => write!(
            f,
            "anywhere in them: Wi-Fi on the way, which does not repeat what is sent to a group (give each viewer's own \
             address by --dest instead), or a bad cable"
        ),
        (Missing::Anywhere, false, false) if is_rtp => write!(
            f,
            "anywhere in them: Wi-Fi on the way, a bad cable, or other traffic; try another cable, or send smaller \
             pictures; {WITHOUT_RTP}"
        ),
        (Missing::Anywhere, false, false) => write!(
            f,
            "anywhere in them: Wi-Fi on the way, a bad cable, or other traffic; try another cable{}",
            more_parity(given.fec).map_or_else(String::new, |fec| format!(", or give the sender {fec}"))
        ),
    }
}

/// More parity than there is, where there can be more.
fn more_parity(fec: Fec) -> Option<String> {
    match fec {
        Fec::Off | Fec::Auto => Some("a fixed --fec, such as 20".into()),
        Fec::Percent(percent) if percent < MOST_PERCENT => Some(format!("a --fec of more than {percent}")),
        Fec::Percent(_) => None,
    }
}

const WITHOUT_RTP: &str =
    "RTP/JPEG has no repair: where both ends are Chunkcast, leave out --format rtp at both";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Counters;
    use crate::diagnosis::tests::{cases, counted, first, lossy, network};
    use crate::stats::DatagramCounts;

    #[test]
    fn every_cause_is_told_in_a_line() {
        for (what, _, cause) in cases() {
            let text = cause.to_string();
            assert!((60..360).contains(&text.len()), "{what}: {} bytes: {text}", text.len());
            assert!(!text.contains("  ") && !text.ends_with('.') && !text.contains("NaN"), "{text}");
        }
    }

    #[test]
    fn what_to_do_depends_on_where_the_loss_is() {
        for (counters, words) in [
            (lossy(30, 300, 290), "--pace"),
            (
                Counters { is_group: true, is_wireless: true, ..lossy(30, 300, 150) },
                "each viewer's own address",
            ),
            (Counters { is_wireless: true, ..lossy(30, 300, 150) }, "by Wi-Fi"),
            (
                Counters { kernel_dropped: 300, ..lossy(30, 300, 150) },
                "sudo sysctl -w net.core.rmem_max=4194304",
            ),
            (counted(DatagramCounts::default()), "udp port 9000"),
        ] {
            let text = first(&counters).unwrap().to_string();
            assert!(text.contains(words), "{words:?} is not in {text}");
        }
    }

    #[test]
    fn nobody_is_advised_to_do_what_they_have_done() {
        let told = |cause: Cause, given| cause.told(given).to_string();
        let (ends, anywhere) = (network(10.0, Missing::Ends), network(10.0, Missing::Anywhere));
        let slow = Cause::SlowDisplay { percent: 50.0 };
        for (cause, given, said, unsaid) in [
            (ends, Given::default(), "such as 50mbit", "that it has"),
            (
                ends,
                Given { pace: Some(50e6), ..Given::default() },
                "below the 50 Mbit/s that it has",
                "such as",
            ),
            (anywhere, Given::default(), "--fec, such as 20", "more than"),
            (
                anywhere,
                Given { fec: Fec::Percent(20), ..Given::default() },
                "--fec of more than 20",
                "such as",
            ),
            (anywhere, Given { fec: Fec::Percent(50), ..Given::default() }, "try another cable", "--fec"),
            (slow, Given::default(), "--vsync", "that it has"),
            (slow, Given { no_vsync: true, ..Given::default() }, "smaller --size", "--vsync"),
        ] {
            let told = told(cause, given);
            assert!(told.contains(said) && !told.contains(unsaid), "{given:?}: {told}");
        }
        // A receiver does not know what its sender was given.
        let told = Cause::LargeDatagrams { frames: 9 }.to_string();
        assert!(told.contains("--mtu 1280, or if it has that already --mtu 576"), "{told}");
    }

    #[test]
    fn what_rtp_does_not_have_is_not_advised() {
        for (is_wireless, is_group) in [(false, false), (true, false), (false, true), (true, true)] {
            let text = first(&Counters { is_wireless, is_group, is_rtp: true, ..lossy(30, 300, 150) })
                .unwrap()
                .to_string();
            assert!(!text.contains("--fec"), "{text}");
            assert!(is_group || text.contains("leave out --format rtp"), "{text}");
        }
    }
}
