//! A recorded run of a sender, played from the sender's own address to somebody who has just come.

use std::time::Duration;

use super::house::{House, OnAir, Way};

/// He has everything of the run before, and the viewer has heard nothing of the new one yet.
#[test]
fn who_has_just_come_is_shown_nothing_of_the_run_before_and_the_true_one_at_once() {
    for (seed, way) in (1..).zip([Way::Group, Way::Unicast, Way::Group, Way::Unicast]) {
        let (mut house, recorded) = recorded(seed, way);
        house.replace(0);
        let (begin, pushed) = (house.at, house.pushed);
        let mut first = None;
        for on_air in &recorded {
            while house.at < begin + on_air.at {
                house.step();
            }
            // A part of it is refused, and what is not leads to nothing.
            let _ = house.throw(Some(0), &mut on_air.sealed.clone());
            if house.viewers[0].delivered > 0 {
                first.get_or_insert(house.at - begin);
            }
        }
        let (viewer, pushed) = (&house.viewers[0], house.pushed - pushed);
        assert_eq!(viewer.outdated, 0, "seed {seed}, {way:?}");
        assert!(first.is_some_and(|first| first < Duration::from_secs(1)), "seed {seed}, {way:?}: {first:?}");
        assert!(viewer.delivered >= pushed - 30, "seed {seed}, {way:?}: {} of {pushed}", viewer.delivered);
    }
}

/// Also once nothing of the sender is to be heard that would show that it is over.
#[test]
fn who_has_heard_a_run_is_not_shown_it_again_when_the_sender_is_gone() {
    let (mut house, recorded) = recorded(7, Way::Group);
    house.restart(Duration::from_secs(100));
    for _ in 0..2000 {
        house.step();
    }
    let delivered = house.viewers[0].delivered;
    for on_air in &recorded {
        house.step();
        let refused = house.throw(Some(0), &mut on_air.sealed.clone());
        assert!(refused.is_err(), "{:x?}", on_air.sealed);
    }
    assert_eq!(house.viewers[0].delivered, delivered);
}

/// A house whose sender is in its second run, and what was to be heard of its first.
fn recorded(seed: u64, way: Way) -> (House, Vec<OnAir>) {
    let mut house = House::new(seed, "delay=2ms", &[way, Way::Subscribed], 20_000);
    let mut recorded = Vec::new();
    while house.at < Duration::from_secs(6) {
        house.step();
        recorded.extend(house.air.drain(..).filter(|on_air| on_air.is_for(Some(0))));
    }
    house.restart(Duration::from_millis(300));
    while house.at < Duration::from_secs(9) {
        house.step();
    }
    (house, recorded)
}
