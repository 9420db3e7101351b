//! Who is to be looked at next, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Somebody on the LAN, and the network before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    Station(usize),
    Receiver(usize),
}

/// Wakes nodes in order. A node is woken once, at the earliest moment that was asked for since it was woken last.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    queue: BinaryHeap<Reverse<(Instant, Node)>>,
    stations: Vec<Option<Instant>>,
    receivers: Vec<Option<Instant>>,
}

impl Agenda {
    pub(super) fn wake(&mut self, node: Node, at: Instant) {
        let planned = self.planned(node);
        if planned.is_none_or(|planned| at < planned) {
            *planned = Some(at);
            self.queue.push(Reverse((at, node)));
        }
    }

    /// When somebody is to be woken next.
    pub(super) fn next(&mut self) -> Option<Instant> {
        while let Some(&Reverse((at, node))) = self.queue.peek() {
            if *self.planned(node) == Some(at) {
                return Some(at);
            }
            // It was woken before.
            self.queue.pop();
        }
        None
    }

    /// Who is to be woken by `now`.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Node> {
        self.next().filter(|next| *next <= now)?;
        let Reverse((_, node)) = self.queue.pop()?;
        *self.planned(node) = None;
        Some(node)
    }

    fn planned(&mut self, node: Node) -> &mut Option<Instant> {
        let (list, at) = match node {
            Node::Station(at) => (&mut self.stations, at),
            Node::Receiver(at) => (&mut self.receivers, at),
        };
        if list.len() <= at {
            list.resize(at + 1, None);
        }
        &mut list[at]
    }
}
