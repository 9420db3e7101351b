use std::sync::Arc;

use proto::{
    Clock, Fec, Frame, MediaTime, Pace, RecvConfig, RecvOutput, RecvStream, SendConfig, SendOutput,
    SendStream, SessionId, Viewer,
};

use super::*;

const THERE: &str = "10.0.0.7:9000";

/// A receiver as the sender knows it after `frames` frames of ten datagrams, of which every `lost`th datagram got lost.
fn viewers(frames: u32, lost: u32) -> Vec<(SocketAddr, Viewer)> {
    let (mut now, receiver): (_, SocketAddr) = (Instant::now(), THERE.parse().unwrap());
    let config = SendConfig {
        pace: Pace::Off,
        fec: Fec::Off,
        resend: false,
        ..SendConfig::new(SessionId::new(1), [7; 16])
    };
    let mut sending = SendStream::new(config, Clock::new(now, MediaTime::default()), now);
    let mut receiving = RecvStream::new(RecvConfig::default());
    let mut data = 0;
    for number in 0..frames {
        let jpeg = Arc::new(vec![number as u8; 14_000]);
        sending.push_frame(
            Frame { captured: MediaTime::from_micros(number.into()), jpeg, signature: None },
            now,
        );
        for _ in 0..33 {
            now += Duration::from_millis(1);
            receiving.handle_timeout(now);
            loop {
                match sending.poll(now) {
                    SendOutput::Transmit(transmit) => {
                        for datagram in transmit.bytes.chunks(transmit.segment) {
                            data += u32::from(datagram.len() > 1000);
                            if datagram.len() < 1000 || data % lost != 0 {
                                receiving.handle_datagram((), &mut datagram.to_vec(), now);
                            }
                        }
                    }
                    SendOutput::Event(_) => {}
                    SendOutput::Wait(_) => break,
                }
            }
            loop {
                match receiving.poll(now) {
                    RecvOutput::Transmit { bytes, .. } => drop(sending.handle_datagram(receiver, bytes, now)),
                    RecvOutput::Event(_) => {}
                    RecvOutput::Wait(_) => break,
                }
            }
        }
    }
    sending.viewers().map(|(address, viewer)| (*address, viewer.clone())).collect()
}

fn watched(to: &str, now: Instant) -> DestinationMonitor {
    DestinationMonitor::new(
        &DestinationCounters { address: to.into(), ..DestinationCounters::default() },
        StreamFormat::Chunkcast,
        now,
    )
}

fn counted(viewers: Vec<(SocketAddr, Viewer)>) -> DestinationCounters {
    let mut destination =
        DestinationCounters { address: THERE.into(), viewers, ..DestinationCounters::default() };
    destination.stream.data = 100;
    destination
}

#[test]
fn viewers_come_lose_frames_and_go() {
    let (now, later) = (Instant::now(), |seconds| Duration::from_secs(seconds));
    let mut watched = watched(THERE, now);
    assert_eq!(watched.look(&counted(viewers(20, 1000)), now), ["viewer 10.0.0.7:9000 watches"]);
    assert_eq!(watched.look(&counted(viewers(20, 1000)), now + later(1)), [""; 0]);

    let said = watched.look(&counted(viewers(90, 50)), now + later(3));
    assert!(
        said[0].starts_with("viewer 10.0.0.7:9000: ") && said[0].contains("lost on the network"),
        "{said:?}"
    );
    assert_eq!(watched.found(THERE), Some(said[0].clone()));
    assert_eq!(watched.look(&counted(viewers(120, 50)), now + later(6)), [""; 0], "not all the time");

    let said = watched.look(&counted(vec![]), now + later(8));
    assert_eq!(said, ["viewer 10.0.0.7:9000 is gone: nothing was heard of it for a while"]);
    assert_eq!(watched.look(&counted(vec![]), now + later(20)), [""; 0], "it did answer once");
    assert_eq!(watched.found(THERE), None);
}

#[test]
fn that_nothing_comes_back_is_said_once_and_not_of_groups() {
    let (now, seconds) = (Instant::now(), Duration::from_secs);
    let mut alone = watched(THERE, now);
    assert_eq!(alone.look(&counted(vec![]), now + seconds(4)), [""; 0]);
    let said = alone.look(&counted(vec![]), now + seconds(5));
    assert!(said[0].starts_with("nothing comes back from 10.0.0.7:9000"), "{said:?}");
    assert_eq!(alone.look(&counted(vec![]), now + seconds(60)), [""; 0]);

    let mut group = watched("239.255.10.1:9000", now);
    let counted = DestinationCounters { is_group: true, ..counted(vec![]) };
    assert_eq!(group.look(&counted, now + seconds(60)), [""; 0]);
}

#[test]
fn of_rtp_nothing_comes_back_and_nothing_is_said_of_that() {
    let (now, stream) = (Instant::now(), counted(vec![]));
    let mut player = DestinationMonitor::new(&stream, StreamFormat::Rtp, now);
    assert_eq!(player.look(&stream, now + Duration::from_secs(60)), [""; 0]);
}

#[test]
fn before_anything_was_sent_nobody_can_answer() {
    let (now, seconds) = (Instant::now(), Duration::from_secs);
    let mut watched = watched(THERE, now);
    assert_eq!(watched.look(&DestinationCounters::default(), now + seconds(60)), [""; 0]);
    assert_eq!(watched.look(&counted(vec![]), now + seconds(62)), [""; 0]);
    assert_eq!(watched.look(&counted(vec![]), now + seconds(65)).len(), 1);
}

#[test]
fn refused_sends_are_in_the_statistics_and_are_said_where_they_happen() {
    let now = Instant::now();
    let mut diagnosis = Diagnosis::new(StreamFormat::Chunkcast);
    let stats = Stats::default();
    stats.lock().destinations.push(counted(vec![]));
    diagnosis.look(&stats, now);
    stats.lock().destinations[0].errors = 7;
    diagnosis.look(&stats, now + Duration::from_secs(3));
    let found = stats.lock().diagnosis.clone().unwrap();
    assert!(found.starts_with("to 10.0.0.7:9000: the sender's system refused 7 sends"), "{found}");
}

#[test]
fn viewers_who_asked_come_and_go_by_name() {
    let (now, mut diagnosis) = (Instant::now(), Diagnosis::new(StreamFormat::Chunkcast));
    let viewer = |id: u64| DestinationCounters {
        is_served: true,
        id,
        address: format!("10.0.0.{id}:9"),
        ..counted(vec![])
    };
    let here = [DestinationCounters { id: 1, ..counted(vec![]) }, viewer(2), viewer(3)];
    let names = |ids: &[u64]| ids.iter().map(|id| format!("10.0.0.{id}:9")).collect::<Vec<_>>();
    assert_eq!(diagnosis.come_and_go(&here, now), (names(&[2, 3]), vec![]));
    assert_eq!(diagnosis.come_and_go(&here[..2], now), (vec![], names(&[3])));
    assert_eq!(viewer_lines(&names(&[3]), "is gone").collect::<Vec<_>>(), ["viewer 10.0.0.3:9 is gone"]);
    assert_eq!(viewer_lines(&names(&[2, 3]), "watches").collect::<Vec<_>>(), ["2 viewers: each watches"]);
    let mut silent = DestinationMonitor::new(&here[1], StreamFormat::Chunkcast, now);
    assert_eq!(silent.look(&here[1], now + Duration::from_secs(60)), [""; 0], "it need not say anything");
}
