//! Somebody who has the key, as every viewer does, and speaks from the sender's own address: of a sender that signs
//! nobody is shown a picture of his, and it goes on when he ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::keys::{SignatureCheck, SigningKey};
use proto::wire::{self, Header, Hello, Invitation, Kind, SourceState};
use proto::{
    Clock, Fec, Frame, FrameId, MediaTime, Pace, Random, RecvConfig, RecvEvent, RecvOutput, RecvStream,
    SendConfig, SendOutput, SendStream, SessionId, Slab,
};

#[test]
fn who_has_the_key_is_never_shown_in_the_name_of_a_sender_that_signs() {
    for seed in 0..20 {
        for is_remembered in [false, true] {
            let mut scene = Scene::new(seed, is_remembered);
            let shown =
                [Attack::Nothing, Attack::Everything, Attack::Nothing].map(|attack| scene.play(attack));
            assert_eq!(shown[0], FRAMES, "seed {seed}");
            // What was taken back by the sender's next hellos is lost to him, too.
            assert!(shown[2] + LOST_TO_HELLOS >= FRAMES, "seed {seed}: {} of {FRAMES}", shown[2]);
            assert!(scene.refused > 10, "seed {seed}: {} refused", scene.refused);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Attack {
    Nothing,
    Everything,
}

/// A sender, one receiver, and the insider between them.
struct Scene {
    now: Instant,
    clock: Clock,
    key: SigningKey,
    /// The insider's.
    own: SigningKey,
    sender: SendStream<u8>,
    receiver: RecvStream<u8>,
    check: SignatureCheck,
    remembered: bool,
    random: Random,
    frames: Vec<Frame>,
    refused: u64,
}

impl Scene {
    fn new(seed: u64, remembered: bool) -> Self {
        let (now, key) = (Instant::now(), SigningKey::from_seed(&[1; 32]));
        let clock = Clock::new(now, MediaTime::from_micros(1_700_000_000_000_000));
        let config = SendConfig {
            name: "door".into(),
            signer: Some(key.signer()),
            pace: Pace::Off,
            fec: Fec::Percent(10),
            ..SendConfig::new(SESSION, [3; 16])
        };
        Self {
            now,
            clock,
            key,
            own: SigningKey::from_seed(&[2; 32]),
            sender: SendStream::new(config, clock, now),
            receiver: RecvStream::new(RecvConfig { seed, ..RecvConfig::default() }),
            check: SignatureCheck::default(),
            remembered,
            random: Random::new(seed),
            frames: Vec::new(),
            refused: 0,
        }
    }

    /// Sends frames under an attack; how many of them are shown.
    fn play(&mut self, attack: Attack) -> u32 {
        let mut shown = 0;
        for _ in 0..FRAMES {
            let mut jpeg = vec![0; 20_000];
            self.random.fill(&mut jpeg);
            let mut frame =
                Frame { captured: self.clock.at(self.now), jpeg: Arc::new(jpeg), signature: None };
            self.key.sign(SESSION, &mut frame);
            self.frames.push(frame.clone());
            self.sender.push_frame(frame, self.now);
            for _ in 0..5 {
                if attack == Attack::Everything {
                    self.forge();
                }
                self.send();
                shown += self.show();
                self.now += INTERVAL / 5;
                self.receiver.handle_timeout(self.now);
            }
        }
        shown
    }

    fn send(&mut self) {
        loop {
            match self.sender.poll(self.now) {
                SendOutput::Transmit(transmit) => {
                    for datagram in transmit.bytes.chunks(transmit.segment) {
                        self.receiver.handle_datagram(0, &mut datagram.to_vec(), self.now);
                    }
                }
                SendOutput::Event(_) => {}
                SendOutput::Wait(_) => return,
            }
        }
    }

    /// A picture, or a hello, in the sender's session.
    fn forge(&mut self) {
        let ahead = FrameId::new(self.frames.len() as u32 + self.random.below(3) as u32);
        let captured = self.clock.at(self.now);
        let mut forged = Frame {
            captured,
            jpeg: Arc::new(b"\xff\xd8 not the sender's \xff\xd9".to_vec()),
            signature: None,
        };
        let true_one = self.frames[self.random.below(self.frames.len() as u64) as usize].clone();
        match self.random.below(6) {
            0 => {}
            1 => self.own.sign(SESSION, &mut forged),
            2 => forged.signature = true_one.signature,
            3 => forged = true_one,
            4 => forged = Frame { captured, ..true_one },
            _ => return self.say(ahead, captured),
        }
        let mut slab = Slab::default();
        slab.cut(&forged.jpeg, forged.signature.as_ref(), SESSION, ahead, forged.captured, 1472, |_| 0)
            .unwrap();
        for index in 0..slab.len() {
            self.receiver.handle_datagram(0, &mut slab.range(index..index + 1).to_vec(), self.now);
        }
    }

    /// A hello that names the insider as who signs, or nobody.
    fn say(&mut self, frame: FrameId, captured: MediaTime) {
        let signer = (self.random.below(2) == 0).then(|| self.own.signer());
        let report_every = Duration::from_millis(100);
        let invitation = Some(Invitation { is_group: false, resends: false, viewers: 1, report_every });
        let hello = Hello {
            state: SourceState::Live,
            name: "door",
            invitation,
            interval: None,
            signer,
            capture_error: None,
        };
        let mut datagram = Vec::new();
        let header = Header::control(Kind::Hello, SESSION, frame, captured);
        wire::emit_control(&header, Some(&hello), &mut datagram);
        self.receiver.handle_datagram(0, &mut datagram, self.now);
    }

    /// Hands on what may be; how many frames. Each is the sender's, to the byte, and none comes twice.
    fn show(&mut self) -> u32 {
        let mut shown = 0;
        while let RecvOutput::Event(event) = self.receiver.poll(self.now) {
            match event {
                RecvEvent::Session { session, .. } => self.check.begin(session),
                RecvEvent::Hello { signer, .. } => self.check.introduce(signer),
                RecvEvent::Delivered(delivery) => {
                    let expected = self.remembered.then(|| self.key.signer());
                    match self.check.check(&delivery.frame, expected, true) {
                        Ok(signer) => {
                            assert_eq!(signer, Some(self.key.signer()));
                            assert!(self.frames.contains(&delivery.frame), "a picture of somebody else");
                            shown += 1;
                        }
                        Err(_) => self.refused += 1,
                    }
                }
                _ => {}
            }
        }
        shown
    }
}

const SESSION: SessionId = SessionId::new(77);
const FRAMES: u32 = 60;
const INTERVAL: Duration = Duration::from_millis(33);
/// Frames whose numbers he has used: two or three hellos later they are the sender's again.
const LOST_TO_HELLOS: u32 = 10;
