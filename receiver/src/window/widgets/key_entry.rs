//! Where the code of a locked sender is typed. What is typed is not shown, only how much.

use proto::keys::KeyId;
use sdl2::keyboard::{Keycode, Mod};
use zeroize::Zeroizing;

/// What has been typed of a code.
#[derive(Default)]
pub(crate) struct KeyEntry {
    text: Zeroizing<String>,
    /// The key that is wanted, while its code is typed.
    wanted: Option<KeyId>,
    /// What was wrong with the last one.
    wrong: Option<String>,
}

/// What a key does to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// Nothing more than is seen.
    Nothing,
    /// This is the code, of the sender with that key.
    Whole(Zeroizing<String>, KeyId),
    /// The clipboard is to be taken in.
    Paste,
}

impl KeyEntry {
    /// Begins to take in the code of the sender with this key.
    pub(crate) fn begin(&mut self, wanted: KeyId) {
        *self = Self { text: empty(), wanted: Some(wanted), wrong: None };
    }

    /// Whether a code is being typed.
    pub(crate) fn is_open(&self) -> bool {
        self.wanted.is_some()
    }

    /// Takes in what was typed or pasted.
    pub(crate) fn add(&mut self, text: &str) {
        if self.is_open() && self.text.len() + text.len() <= MOST_BYTES {
            // A line break that was copied with the words ends nothing.
            self.text.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
    }

    /// Takes in a key that writes nothing.
    pub(crate) fn key(&mut self, key: Keycode, held: Mod) -> Typed {
        match (key, self.wanted) {
            (Keycode::Backspace, _) => drop(self.text.pop()),
            (Keycode::Escape, _) => *self = Self::default(),
            (Keycode::V, _) if held.intersects(Mod::LCTRLMOD | Mod::RCTRLMOD) => return Typed::Paste,
            (Keycode::Insert, _) if held.intersects(Mod::LSHIFTMOD | Mod::RSHIFTMOD) => return Typed::Paste,
            (Keycode::Return | Keycode::KpEnter, Some(wanted)) if !self.text.trim().is_empty() => {
                return Typed::Whole(std::mem::replace(&mut self.text, empty()), wanted);
            }
            _ => {}
        }
        Typed::Nothing
    }

    /// The code was taken, or this is wrong with it.
    pub(crate) fn answered(&mut self, wrong: Option<String>) {
        if wrong.is_none() {
            self.wanted = None;
        }
        self.wrong = wrong;
    }

    /// The lines for the card of a sender that is locked.
    pub(crate) fn lines(&self) -> Vec<String> {
        if !self.is_open() {
            return vec!["k: type its code".to_owned()];
        }
        let words = self.text.split_whitespace().count();
        let typed = match self.text.chars().count() {
            0 => "type or paste the code, then Enter".to_owned(),
            letters => format!(
                "{} ({words} {})",
                "*".repeat(letters.min(24)),
                if words == 1 { "word" } else { "words" }
            ),
        };
        [Some(typed), self.wrong.clone()].into_iter().flatten().collect()
    }
}

/// Where no part of a code is left behind when it grows.
fn empty() -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(MOST_BYTES))
}

/// More than any code or phrase.
const MOST_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: KeyId = KeyId::new([7; 8]);

    #[test]
    fn a_code_is_typed_unseen_corrected_and_handed_over_once() {
        let mut entry = KeyEntry::default();
        entry.add("before it is asked for");
        assert_eq!(entry.lines(), ["k: type its code"]);
        entry.begin(WANTED);
        entry.add("crane basalts");
        assert_eq!(entry.key(Keycode::Backspace, Mod::NOMOD), Typed::Nothing);
        assert_eq!(entry.lines(), ["************ (2 words)"]);
        assert_eq!(entry.key(Keycode::V, Mod::LCTRLMOD), Typed::Paste);
        entry.add(" door\n");
        let whole = Typed::Whole(Zeroizing::new("crane basalt door ".to_owned()), WANTED);
        assert_eq!(entry.key(Keycode::Return, Mod::NOMOD), whole);
        assert_eq!(entry.key(Keycode::Return, Mod::NOMOD), Typed::Nothing, "there is nothing any more");
        entry.answered(Some("word 2 of the code is none of the list".to_owned()));
        assert!(entry.is_open() && entry.lines()[1].contains("word 2"));
        entry.key(Keycode::Escape, Mod::NOMOD);
        assert!(!entry.is_open());
        entry.begin(WANTED);
        entry.add(&"a".repeat(MOST_BYTES + 1));
        assert_eq!(entry.lines(), ["type or paste the code, then Enter"], "no code is that long");
    }
}
