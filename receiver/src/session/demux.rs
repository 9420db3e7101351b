//! Which slot each datagram goes to.

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::time::Instant;

use proto::Outcome;

use super::identity::Candidate;
use super::membership::Membership;
use super::opener::Opener;
use super::shared::ReceiveContext;
use super::slot::{Addresses, SenderSlot};
use super::subscription::{Incoming, Subscription};
use super::unassigned::Unassigned;
use crate::net::Gate;

/// The slots, and which datagram goes to which.
pub(super) struct Demux<'a> {
    pub(super) slots: &'a mut Vec<SenderSlot>,
    pub(super) subscription: &'a mut Option<Subscription>,
    pub(super) unassigned: &'a mut Unassigned,
    pub(super) gate: &'a mut Gate,
    pub(super) opener: &'a mut Opener,
    pub(super) membership: &'a mut Membership,
    pub(super) shared: &'a ReceiveContext,
    /// Whether a sender is to have a slot of its own.
    pub(super) wanted: bool,
}

impl Demux<'_> {
    // In line, as what it calls: it is done for each datagram.
    #[inline]
    pub(super) fn take_in(
        &mut self,
        addresses: &Addresses,
        datagram: &mut [u8],
        arrived: Instant,
        now: Instant,
    ) {
        let from = addresses.0;
        let datagram = match self.opener.open(from, datagram, now) {
            Ok(plain) => &mut datagram[plain],
            Err(_) => {
                self.slots[0].count_aside(Outcome::Unknown);
                self.gate.count(from, datagram, now);
                return;
            }
        };
        if let Some(subscription) = self.subscription {
            match subscription.take_in(from, datagram, now) {
                Incoming::Foreign => {
                    self.slots[0].count_aside(Outcome::Foreign);
                    self.gate.count(from, datagram, now);
                    return;
                }
                Incoming::Pending => {
                    self.slots[0].told_token(from, subscription.token(), now);
                    // A few of them are of use.
                    self.gate.count(from, datagram, now);
                    return;
                }
                Incoming::Stream => {}
            }
        }
        let at = self.slot_of(from, datagram, now);
        let outcome = self.slots[at].take_in(addresses, datagram, arrived, self.shared, now);
        if !self.slots[at].was_of_use(outcome, now) {
            self.gate.count(from, datagram, now);
        }
        if addresses.1.is_none() && matches!(outcome, Outcome::Accepted | Outcome::Control) {
            self.membership.hear(now);
        }
        // Another session in the name of the sender in the slot wants none.
        if outcome == Outcome::Foreign && !self.slots[at].is_of(from) {
            let has_room = self.slots.len() < self.shared.most_senders;
            if has_room
                && self.subscription.is_none()
                && self.unassigned.insists(from, datagram, &self.shared.config, now)
            {
                self.wanted = true;
            } else if !has_room {
                self.slots[at].speak_of_other(from, now);
            }
        }
    }

    /// The slot of a datagram: that of the sender that sends from there, or else the one that it is to have.
    #[inline]
    fn slot_of(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> usize {
        // Nearly always there is one, which is not to be looked for at each datagram.
        if let [_] = self.slots[..] {
            return 0;
        }
        let own = self.slots.iter().position(|slot| slot.is_of(from));
        own.unwrap_or_else(|| self.slot_for(from, datagram, now))
    }

    /// The slot for a sender without one: its own of before, or else the first that is free. If its own seems
    /// not to be free yet, it is to wait for that, as long as it does not insist.
    fn slot_for(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> usize {
        // Only its hellos say what it is called.
        let candidate = Candidate::of(from, datagram, &self.shared.config, self.unassigned.name_of(from));
        let best = |is_free| {
            let slots = self.slots.iter().enumerate().filter(|(_, slot)| slot.is_free(now) == is_free);
            slots.map(|(at, slot)| (slot.similarity(&candidate), Reverse(at))).max()
        };
        let (free, taken) = (best(true), best(false));
        if free.is_none()
            && self.slots.len() == self.shared.most_senders
            && let Some(at) = self.slots.iter().position(|slot| slot.shows_nothing(now))
            && self.unassigned.insists(from, datagram, &self.shared.config, now)
        {
            // Who sends and shows nothing keeps nobody out.
            self.slots[at].release(now);
            return at;
        }
        match (free, taken) {
            (Some((free, _)), Some((similarity, Reverse(taken))))
                if similarity > free
                    && !self.unassigned.insists(from, datagram, &self.shared.config, now) =>
            {
                taken
            }
            (Some((_, Reverse(at))), _) | (None, Some((_, Reverse(at)))) => at,
            (None, None) => 0,
        }
    }
}
