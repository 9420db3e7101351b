use std::sync::mpsc::channel;
use std::time::Duration;

use proto::sys::{Stop, wait_until, wall_clock};
use rustix::event::{PollFd, PollFlags};

use super::*;
use crate::capture::source::{NextPicture, Pattern, Source, WantedMode};
use crate::inbox::{FrameInbox, FrameTap};
use crate::picture::{Captured, Picture, Raw, RawPicture};

fn test_card() -> RawPicture {
    let mut pattern = Pattern::new(WantedMode { size: Some((640, 480)), fps: Some(1000.0) }).unwrap();
    match pattern.next(&Stop::new().unwrap()).unwrap() {
        NextPicture::Picture(Captured { picture: Picture::Raw(raw), .. }) => raw,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pictures_are_encoded_as_well_as_the_budget_allows() {
    let (shown, when_shown) = channel();
    let tap: FrameTap = Box::new(move |frame| drop(shown.send(frame.jpeg.clone())));
    let pipeline = Pipeline::new(wall_clock(), Stop::new().unwrap(), Some(tap)).unwrap();
    let Pipeline { pictures, inbox, stats, .. } = pipeline.clone();
    // Not scoped: where this fails, nobody is left to end the thread.
    let thread = std::thread::spawn({
        let encoder = Encoder::new(None).unwrap();
        let control = QualityControl::new("10..90".parse().unwrap());
        move || run(&pipeline, encoder, control)
    });
    let picture = test_card();
    let next = || {
        assert!(pictures.put(Raw { picture: picture.clone(), at: Instant::now() }).is_none());
        let jpeg = when_shown.recv_timeout(Duration::from_secs(10)).unwrap();
        let mut parts = Vec::new();
        while let Taken::Value(part) = inbox.take() {
            parts.extend_from_slice(part.bytes());
        }
        assert!(parts == *jpeg, "its parts are the frame");
        (jpeg.len(), stats.lock().quality)
    };
    let (best, quality) = next();
    assert_eq!(quality, Some(90));
    let budget = best * 3 / 4;
    inbox.set_frame_budget(Some(budget));
    let after = [(); 4].map(|()| next());
    let (bytes, quality) = after[3];
    assert!(bytes <= budget && quality < Some(90), "{best}, then {after:?} with {budget}");
    inbox.set_frame_budget(None);
    assert_eq!(next(), (best, Some(90)));
    pictures.close();
    thread.join().unwrap();
}

#[test]
fn a_budget_of_nothing_is_not_taken_for_none() {
    let inbox = FrameInbox::new().unwrap();
    assert_eq!(inbox.frame_budget(), None);
    inbox.set_frame_budget(Some(0));
    assert_eq!(inbox.frame_budget(), Some(1));
    inbox.set_frame_budget(None);
    assert_eq!(inbox.frame_budget(), None);
}

#[test]
fn while_nobody_watches_nothing_is_encoded_and_the_first_to_come_sees_the_newest_picture() {
    let pipeline = Pipeline::new(wall_clock(), Stop::new().unwrap(), None).unwrap();
    let Pipeline { pictures, inbox, demand, stats, .. } = pipeline.clone();
    let thread = std::thread::spawn({
        let (encoder, control) = (Encoder::new(None).unwrap(), QualityControl::new("80".parse().unwrap()));
        move || run(&pipeline, encoder, control)
    });
    let picture = test_card();
    let mut displaced = 0;
    for _ in 0..5 {
        displaced +=
            usize::from(pictures.put(Raw { picture: picture.clone(), at: Instant::now() }).is_some());
    }
    assert_eq!((displaced, stats.lock().quality), (4, None));
    let mut ready = [PollFd::new(&*inbox, PollFlags::IN)];
    assert_eq!(wait_until(&mut ready, Some(Instant::now() + Duration::from_millis(50))).unwrap(), 0);
    demand.set(true);
    assert!(wait_until(&mut ready, Some(Instant::now() + Duration::from_secs(10))).unwrap() > 0);
    let end = Instant::now() + Duration::from_secs(10);
    // Its first part is there before it is encoded, and counted.
    while stats.lock().quality.is_none() && Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(stats.lock().quality, Some(80));

    // What comes at the end, with nobody there, is counted as that.
    demand.set(false);
    pictures.put(Raw { picture, at: Instant::now() });
    pictures.close();
    demand.end();
    thread.join().unwrap();
    assert_eq!(stats.lock().unwatched, 1);
}
