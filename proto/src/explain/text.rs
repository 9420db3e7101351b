//! What a person reads of a cause: what it is, and what to do about it.

use std::fmt;

use super::{Cause, Missing, WANTED_BUFFER};

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NothingArrives { port, is_group: false } => write!(
                f,
                "nothing arrives: is the sender's --dest an address of this computer with port {port}, and does no \
                 firewall here forbid that (sudo nft list ruleset)? Whether anything reaches this computer at all: \
                 sudo tcpdump -ni any udp port {port}"
            ),
            Self::NothingArrives { port, is_group: true } => write!(
                f,
                "nothing arrives from the group: name the right --interface at both ends; both must be in one network, \
                 whose switch needs an IGMP or MLD querier; and no firewall here may forbid it (sudo nft list \
                 ruleset). Whether anything reaches this computer at all: sudo tcpdump -ni any udp port {port}"
            ),
            Self::NotOurs { datagrams } => write!(
                f,
                "{datagrams} datagrams arrived, and none of them is a sender's: another program sends to this port; \
                 choose another one at both ends"
            ),
            Self::NotTaken { datagrams, why } => write!(f, "{datagrams} datagrams are {why}"),
            Self::OtherVersion { datagrams } => write!(
                f,
                "{datagrams} datagrams are of another version of Chunkcast: install the same one on both computers"
            ),
            Self::LargeDatagrams { frames } => write!(
                f,
                "the sender's hellos arrive, but nothing of {frames} frames: large datagrams do not pass; give the \
                 sender --mtu 1400"
            ),
            Self::KernelBuffer { dropped, percent, is_large: true } => write!(
                f,
                "{percent:.1} % of the frames are lost on the receiver's computer, which did not read {dropped} datagrams \
                 in time, though its buffer is large: end what keeps it busy there, or give the sender a smaller --size \
                 or fewer --fps"
            ),
            Self::KernelBuffer { dropped, percent, is_large: false } => write!(
                f,
                "{percent:.1} % of the frames are lost on the receiver's computer, whose system dropped {dropped} \
                 datagrams that were not read in time; there, allow a larger buffer and start it again: sudo sysctl -w \
                 net.core.rmem_max={WANTED_BUFFER}"
            ),
            Self::Network { percent, missing, is_wireless, is_group, is_rtp } => {
                write!(f, "{percent:.1} % of the frames are lost on the network, ")?;
                network_text(f, missing, is_wireless, is_group, is_rtp)
            }
            Self::Damaged { datagrams } => write!(
                f,
                "{datagrams} datagrams were damaged on their way: a cable, a port or a network card flips bits; change \
                 the cable first"
            ),
            Self::SenderSocket { errors } => write!(
                f,
                "the sender's system refused {errors} sends; it names the reason as it happens: no route, a firewall \
                 on that computer, or a full queue (give a slower --pace)"
            ),
            Self::SlowDecode { percent } => write!(
                f,
                "{percent:.0} % of the pictures are not decoded: the receiver's computer is too slow for them; give \
                 the sender a smaller --size or fewer --fps"
            ),
            Self::SlowDisplay { percent } => write!(
                f,
                "{percent:.0} % of the pictures are not shown: they come faster than the receiver's screen takes them; \
                 give the sender fewer --fps or a smaller --size, and the receiver no --vsync"
            ),
            Self::ClockJumped => write!(
                f,
                "a clock jumped: one of the two computers was suspended or stood still; delays are measured anew"
            ),
            Self::OtherSender { datagrams } => write!(
                f,
                "{datagrams} datagrams are of another sender, which is not shown; give each sender a port or group of \
                 its own"
            ),
            Self::OneWay => write!(
                f,
                "the sender does not answer: a firewall or a one-way link keeps back what the receiver says; nothing can \
                 be sent again, pace and parity cannot follow the loss, and delays are relative. Let UDP pass both ways, \
                 or give the sender a fixed --fec and --pace, and the receiver \
                 --feedback off"
            ),
            Self::Repaired { percent } => write!(
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
) -> fmt::Result {
    match (missing, is_wireless, is_group) {
        (Missing::Ends, ..) => write!(
            f,
            "at their ends: a port on the way is too slow or its queue too short; give the sender a --pace below the \
             narrowest port, such as 50mbit, or a smaller --size"
        ),
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
            "anywhere in them, by Wi-Fi; take a cable, or give the sender a fixed --fec, such as 20, or a smaller --size"
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
            "anywhere in them: Wi-Fi on the way, a bad cable, or other traffic; try another cable, or give the sender a \
             fixed --fec, such as 20"
        ),
    }
}

const WITHOUT_RTP: &str =
    "RTP/JPEG has no repair: where both ends are Chunkcast, leave out --format rtp at both";
