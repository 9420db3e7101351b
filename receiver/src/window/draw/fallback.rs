//! Letters that the program's own font lacks, from the fonts of the system. Those are loaded when the first such letter
//! is wanted, in a thread of their own: the window goes on meanwhile.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::glyph::GlyphOutline;
use super::system_fonts::{self, FontFile};
use crate::sync::lock;

/// Who looks for letters.
#[derive(Debug)]
pub(crate) struct Fallback {
    shared: Arc<FallbackState>,
}

/// What is known of a letter.
#[derive(Clone, Debug)]
pub(crate) enum GlyphSearch {
    /// It is looked for.
    Running,
    /// No font has it.
    Nothing,
    Found(Arc<GlyphOutline>),
}

#[derive(Debug)]
struct FallbackState {
    folders: Vec<PathBuf>,
    letters: Mutex<Lookups>,
    /// How often something was found or not.
    answers: AtomicU32,
}

#[derive(Debug, Default)]
struct Lookups {
    known: HashMap<char, GlyphSearch>,
    wanted: Vec<char>,
    is_searching: bool,
    /// The fonts, once somebody has looked.
    fonts: Option<Vec<FontFile>>,
}

impl Fallback {
    /// Looks in these folders, from the first letter on that it is asked for.
    pub(crate) fn new(folders: Vec<PathBuf>) -> Self {
        let (letters, answers) = (Mutex::default(), AtomicU32::new(0));
        Self { shared: Arc::new(FallbackState { folders, letters, answers }) }
    }

    /// What is known of a letter. One that is not known is looked for from now on.
    pub(crate) fn get(&self, letter: char) -> GlyphSearch {
        let mut letters = lock(&self.shared.letters);
        if let Some(known) = letters.known.get(&letter) {
            return known.clone();
        }
        if letters.known.len() >= MOST_LETTERS {
            return GlyphSearch::Nothing;
        }
        letters.known.insert(letter, GlyphSearch::Running);
        letters.wanted.push(letter);
        if !letters.is_searching {
            let shared = self.shared.clone();
            // Nobody waits for its end: it only reads files.
            let started = thread::Builder::new().name("fonts".to_owned()).spawn(move || shared.search());
            letters.is_searching = started.is_ok();
        }
        GlyphSearch::Running
    }

    /// Another number whenever a letter is known that was not: what was drawn without it is to be drawn again.
    pub(crate) fn answers(&self) -> u32 {
        self.shared.answers.load(Ordering::Acquire)
    }
}

impl FallbackState {
    /// Looks for all that is wanted, until nothing is.
    fn search(&self) {
        let fonts = lock(&self.letters).fonts.take();
        let fonts = fonts.unwrap_or_else(|| system_fonts::list(&self.folders));
        loop {
            let wanted = {
                let mut letters = lock(&self.letters);
                if letters.wanted.is_empty() {
                    letters.is_searching = false;
                    letters.fonts = Some(fonts);
                    return;
                }
                std::mem::take(&mut letters.wanted)
            };
            let mut found = system_fonts::find(&fonts, &wanted);
            let mut letters = lock(&self.letters);
            for letter in wanted {
                let search = found
                    .remove(&letter)
                    .map_or(GlyphSearch::Nothing, |found| GlyphSearch::Found(Arc::new(found)));
                letters.known.insert(letter, search);
            }
            drop(letters);
            self.answers.fetch_add(1, Ordering::Release);
        }
    }
}

/// Letters that are remembered: anybody can announce a name. Each is at most 1000 curves, 36 KB; most are 2.
const MOST_LETTERS: usize = 1024;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn only_so_many_letters_are_looked_for() {
        let fallback = Fallback::new(Vec::new());
        let letters = || ('\u{ac00}'..='\u{d7a3}').take(3 * MOST_LETTERS);
        letters().for_each(|letter| drop(fallback.get(letter)));
        let begun = Instant::now();
        while letters().any(|letter| !matches!(fallback.get(letter), GlyphSearch::Nothing)) {
            assert!(begun.elapsed() < Duration::from_secs(30), "nobody answers");
            thread::yield_now();
        }
        let lookups = lock(&fallback.shared.letters);
        assert_eq!(lookups.known.len(), MOST_LETTERS);
        assert!(lookups.wanted.is_empty() && fallback.answers() > 0);
    }
}
