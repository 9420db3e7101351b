//! Phrases of a person's own: how soon one is guessed is said of any text, and short ones are refused, without
//! repeating them.

use proto::keys::Key;

pub fn run(data: &[u8]) {
    // Longer ones may be good, and are stretched, which takes a tenth of a second.
    let short: String = String::from_utf8_lossy(data).chars().take(SHORT).collect();
    let Err(error) = Key::from_phrase(&short) else { panic!("{short:?} is guessed easily") };
    let said = error.to_string();
    assert!(short.len() < 8 || !said.contains(&short), "{said}");
}

/// A guess for each of these, by ten kinds of character, is less than 2^40.
pub(super) const SHORT: usize = 11;
