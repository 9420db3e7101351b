//! How a slot handles the events of its stream.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Instant;

use proto::keys::SignatureError;
use proto::names::{as_shell_word, printable};
use proto::wire::SourceState;
use proto::{Delivery, Frame, Loss, PartDelivery, RecvEvent, jpeg};
use tracing::Level;
use tracing::field::display;

use super::super::frame_interval::FrameInterval;
use super::super::shared::ReceiveContext;
use super::super::signers::Signers;
use super::super::timeouts::CLOCK_KNOWN_WITHIN;
use super::SenderSlot;
use crate::decode::Enqueue;
use crate::feed::Agreement;
use crate::frame::{Received, ReceivedPart};

impl SenderSlot {
    pub(super) fn handle(&mut self, event: RecvEvent<SocketAddr>, shared: &ReceiveContext, now: Instant) {
        // What comes after the last frame that was wanted never was.
        if shared.enough.is_reached() {
            return;
        }
        match event {
            RecvEvent::Session { source, session } => {
                self.history.begin(source);
                self.refuse_no_more();
                self.signed.begin(session);
                self.delays.reset();
                self.interval = FrameInterval::default();
                (self.begun, self.has_pictures) = (Instant::now(), false);
                self.say(format_args!("receiving from {source}, session {session}"));
                let interface = self.feed.origin.interface.as_deref();
                self.feed.live().begins(session, source, interface);
                shared.feeds.wake();
            }
            RecvEvent::Moved { source } => {
                self.history.move_to(source);
                self.say(format_args!("the sender goes on from {source}"));
                self.feed.live().comes_from(source, self.feed.origin.interface.as_deref());
                shared.feeds.wake();
            }
            RecvEvent::Hello { name, state, interval, signer, capture_error } => {
                self.interval.tell(interval);
                self.delays.set_capture_error(capture_error);
                self.signed.introduce(&name, signer, &shared.signers);
                let is_gone = state == SourceState::Gone;
                if is_gone {
                    self.say("the sender's source is gone; it waits for it to come back");
                }
                self.hear_name(&printable(&name), is_gone);
                self.history.set_name(name);
                shared.feeds.wake();
            }
            RecvEvent::Goodbye => {
                self.say("the sender has ended the stream; waiting for another");
                self.begin_silence(now);
                self.feed.live().ends();
                shared.feeds.wake();
            }
            RecvEvent::Contested { source, what } => self.say(format_args!(
                "somebody speaks in the name of {source}: {what}; if no two senders share this address, its \
                     datagrams are forged"
            )),
            RecvEvent::Part(part) => self.begin_with(part, shared),
            RecvEvent::Delivered(delivery) => self.deliver(delivery, shared),
            RecvEvent::Lost(loss) => {
                let Loss { frame, missing, chunks, reason } = loss;
                let from = self.stream.holder().map(|(from, _)| display(from));
                tracing::trace!(from, %frame, missing, chunks, ?reason, "frame lost");
            }
        }
    }

    fn hear_name(&self, name: &str, is_gone: bool) {
        let mut live = self.feed.live();
        let is_new = live.counters.name != name;
        live.says_hello(name, is_gone);
        drop(live);
        if is_new {
            self.feed.recorder.set_name(name);
        }
    }

    /// Hands on a part of a frame that still arrives, unless it is to be seen whole who has signed it.
    fn begin_with(&self, part: PartDelivery, shared: &ReceiveContext) {
        if let Some(sender) = self.history.pictured_last().filter(|_| !self.signed.is_expected()) {
            shared.decoding.offer_part(&self.feed, ReceivedPart { sender, part });
        }
    }

    fn deliver(&mut self, delivery: Delivery, shared: &ReceiveContext) {
        let Delivery { id, frame, first, last, repair, .. } = delivery;
        if tracing::enabled!(Level::TRACE) {
            let (took_us, bytes) = ((last - first).as_micros() as u64, frame.jpeg.len());
            let from = self.stream.holder().map(|(from, _)| display(from));
            tracing::trace!(from, frame = %id, bytes, took_us, repair = repair.map(debug), "frame delivered");
        }
        if !self.is_its_own(&frame, &shared.signers) {
            return;
        }
        self.standing.showed(self.stream.holder());
        self.has_pictures = self.has_pictures || jpeg::scan_head(&frame.jpeg).is_ok();
        shared.enough.one_more();
        self.interval.learn(id, frame.captured);
        self.feed.set_interval(self.interval.get());
        let transit = self.delays.learn(frame.captured, last);
        let (now, agreement) = (Instant::now(), self.delays.agreement());
        let (clock_error, capture_error) = (self.delays.clock_error(), self.delays.capture_error());
        // Absolute delays and relative ones are not counted together, and a sender's clock is known after a moment.
        let is_known = agreement == Agreement::Shared || now - self.begun > CLOCK_KNOWN_WITHIN;
        self.publish_with(now, |live| {
            let counters = &mut live.counters;
            counters.reassemble.add(last - first);
            if is_known {
                if counters.clock != agreement {
                    counters.forget_delays(agreement);
                }
                counters.transit.add(transit);
            }
            if let Some(error) = clock_error {
                counters.clock_error.add(error);
            }
            counters.capture_error = capture_error;
            live.goes_live();
        });
        if self.feed.number() == 0 {
            shared.feeds.show(&self.feed);
        }
        self.speak_of_outputs(shared);
        let received = Received { id, sender: self.history.pictured(), frame };
        self.feed.recorder.offer(&received);
        if let Some(newest) = &self.feed.newest {
            let now = Instant::now();
            let captured = now.checked_sub(self.delays.since(received.frame.captured, now)).unwrap_or(now);
            newest.put(id.get().into(), received.frame.clone(), captured);
        }
        if let Some(outputs) = self.feed.outputs() {
            outputs.offer(&received);
        }
        match shared.decoding.offer(&self.feed, received, self.delays) {
            Enqueue::Displaced => {
                let from = self.stream.holder().map(|(from, _)| display(from));
                tracing::trace!(from, by = %id, reason = "not decoded in time", "frame superseded");
                self.feed.live().counters.undecoded += 1;
            }
            Enqueue::Hidden => self.feed.live().counters.hidden += 1,
            Enqueue::Taken | Enqueue::Unwanted => {}
        }
    }

    /// Whether a frame is the sender's own, and may be handed on; says and counts why not.
    fn is_its_own(&mut self, frame: &Frame, signers: &Signers) -> bool {
        let waits = !signers.is_empty() && self.stream.says_hello();
        match self.signed.check.check(frame, self.signed.expected, waits) {
            Ok(signer) => {
                if let Some(signer) = signer.filter(|_| signer != self.signed.signer) {
                    self.signed.signer = Some(signer);
                    signers.learn(self.history.name(), signer);
                    self.feed.live().counters.signature.signer = Some(signer);
                }
                self.refuse_no_more();
                true
            }
            Err(error) => {
                tracing::trace!(captured = frame.captured.as_micros(), reason = %error, "frame refused");
                self.refuse(error);
                false
            }
        }
    }

    fn refuse_no_more(&mut self) {
        if std::mem::take(&mut self.signed.is_refusing) {
            self.feed.live().is_refused(None);
        }
    }

    fn refuse(&mut self, error: SignatureError) {
        let now = Instant::now();
        // Its hello is about to come.
        if error == SignatureError::Unknown {
            self.publish_with(now, |live| live.counters.hidden += 1);
            return;
        }
        let is_new = !std::mem::replace(&mut self.signed.is_refusing, true);
        self.publish_with(now, |live| {
            live.counters.signature.refused += 1;
            if is_new {
                live.is_refused(Some(error.to_string()));
            }
        });
        if self.signed.complaints.is_due(now) {
            let from = self.stream.holder().map(|(from, _)| from.to_string()).unwrap_or_default();
            let name = printable(self.history.name());
            let way_out = match error {
                SignatureError::Missing | SignatureError::Other(_) => format!(
                    ". If the sender has changed, or signs no more: receiver --forget {}",
                    as_shell_word(&name)
                ),
                _ => ": somebody else sends in its name".to_owned(),
            };
            tracing::warn!("{from} calls itself {name:?} and is not shown: {error}{way_out}");
        }
    }

    /// Says what the sender does, if it does not do it all the time.
    fn say(&mut self, text: impl Display) {
        if self.messages.is_due(Instant::now()) {
            tracing::info!("{text}");
        }
    }

    /// Says, once, that only the first sender's frames go to the outputs, where somebody may think that all do.
    fn speak_of_outputs(&mut self, shared: &ReceiveContext) {
        if !self.is_said_of_outputs && self.feed.number() > 1 {
            self.is_said_of_outputs = true;
            let source = self.feed.live().counters.source.clone().filter(|_| !shared.outputs.is_empty());
            if let Some(source) = source {
                tracing::warn!(
                    "--output takes the first sender's frames, and none from {source}; record those with r in the window, \
                     or by a receiver of their own"
                );
            }
        }
    }
}
