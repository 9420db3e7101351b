//! Games against somebody who forges from the sender's own address, sees everything, and may send anything.
//!
//! He wants the picture to stop, or to be replaced, for longer than he keeps sending. He wins where no true picture is
//! shown for more than a second (and a frame) after his last datagram; what he can do while he sends is not prevented
//! without keys. Each game is made of its seed alone. `CHUNKCAST_GAMES=100000` plays as many (in a release build).

mod attacker;
mod game;

use std::time::Duration;

use game::{Game, Plot};

#[test]
fn the_picture_stays_away_no_longer_than_a_second_after_his_last_datagram() {
    let games =
        std::env::var("CHUNKCAST_GAMES").map_or(1500, |games| games.parse().expect("a number of games"));
    let mut longest = Duration::ZERO;
    for seed in 0..games {
        let plot = Plot::of_seed(seed);
        let end = Game::play(seed, &plot);
        assert!(end.fired > 0, "seed {seed}: nobody attacked");
        assert!(
            end.longest <= plot.allowed(),
            "seed {seed}: no picture for {:?} without a datagram of his, until {:?}, in {plot:?}",
            end.longest,
            end.at,
        );
        longest = longest.max(end.longest.saturating_sub(plot.interval));
    }
    println!("{games} games; at most {longest:?} and a frame after his last datagram");
}

#[test]
fn one_datagram_costs_at_most_a_second() {
    for seed in 0..300 {
        let plot = Plot { shots: 1, ..Plot::of_seed(seed) };
        let end = Game::play(seed, &plot);
        assert!(end.longest <= plot.allowed(), "seed {seed}: {:?} until {:?}, {plot:?}", end.longest, end.at);
    }
}

/// What the games measure is what they say: without anybody who forges, pictures come all the time.
#[test]
fn without_him_the_picture_never_stops() {
    for seed in 0..100 {
        let plot = Plot { shots: 0, ..Plot::of_seed(seed) };
        let end = Game::play(seed, &plot);
        assert_eq!(end.fired, 0);
        assert!(end.longest <= plot.allowed(), "seed {seed}: {:?} until {:?}, {plot:?}", end.longest, end.at);
        assert!(end.shown >= end.pushed * 7 / 10, "seed {seed}: {} of {}, {plot:?}", end.shown, end.pushed);
    }
}
