//! A user's file of what is known of senders, by their names.

use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use zeroize::Zeroizing;

use super::file::{MOST_BYTES, default_key_file, make_folder, read_secret};
use crate::names::printable;
use crate::sys::replace_whole;

/// What is known of senders: a line for each, its name, a tab, and what is known.
#[derive(Debug)]
pub(super) struct NameFile<T> {
    /// `None` where there is no place for it: then it is known until the program ends.
    path: Option<PathBuf>,
    /// The latest first.
    entries: Vec<(String, T)>,
}

/// What may be known of a sender.
pub(super) trait Remembered: Sized {
    /// The first line of a file of it, a comment.
    const HEAD: &'static str;
    /// What it is, in messages.
    const WHAT: &'static str;

    /// Reads what was [`kept`](Self::kept), or typed into the file.
    fn read(text: &str) -> Result<Self>;

    /// As it stands in the file, on one line.
    fn kept(&self) -> Zeroizing<String>;
}

impl<T: Remembered> NameFile<T> {
    /// The user's own of this file name, from the file if there is one.
    pub(super) fn open(file_name: &str) -> Result<Self> {
        match default_key_file(OsStr::new(file_name)) {
            Ok(path) => Self::at(path),
            Err(_) => Ok(Self { path: None, entries: Vec::new() }),
        }
    }

    /// The one in this file.
    pub(super) fn at(path: PathBuf) -> Result<Self> {
        let text = if path.exists() { read_secret(&path)? } else { Zeroizing::default() };
        let entry = |(at, line): (usize, &str)| {
            let (name, text) = line.split_once('\t').unwrap_or_default();
            let known = T::read(text).with_context(|| format!("{}, line {}", path.display(), at + 1))?;
            Ok((name.to_owned(), known))
        };
        // What has no tab in it is a comment.
        let lines = text.lines().enumerate().filter(|(_, line)| line.contains('\t'));
        let entries = lines.take(MOST_NAMES).map(entry).collect::<Result<_>>()?;
        Ok(Self { path: Some(path), entries })
    }

    /// Whether it has a place to be kept.
    pub(super) fn has_place(&self) -> bool {
        self.path.is_some()
    }

    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// All that is known, the latest first.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, known)| known)
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        let name = printable(name);
        self.entries.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Keeps it in the place of what was known of this name. Where it is full, what was kept first goes.
    pub(super) fn keep(&mut self, name: &str, value: T) -> Result<()> {
        let name = printable(name);
        self.entries.retain(|(known, _)| *known != name);
        self.entries.truncate(MOST_NAMES - 1);
        self.entries.insert(0, (name, value));
        self.write()
    }

    /// Forgets a name; says whether it was known.
    pub(super) fn forget(&mut self, name: &str) -> Result<bool> {
        let was_known = self.get(name).is_some();
        if was_known {
            let name = printable(name);
            self.entries.retain(|(known, _)| *known != name);
            self.write()?;
        }
        Ok(was_known)
    }

    fn write(&mut self) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let mut text = Zeroizing::new(String::with_capacity(MOST_BYTES as usize));
        text.push_str(T::HEAD);
        // What does not fit would make the whole file unreadable: those that were kept first go.
        self.entries.retain(|(name, value)| {
            let kept = value.kept();
            let line = [name, "\t", &kept, "\n"];
            let fits = text.len() + line.iter().map(|part| part.len()).sum::<usize>() < MOST_BYTES as usize;
            line.iter().filter(|_| fits).for_each(|part| text.push_str(part));
            fits
        });
        make_folder(path)?;
        let written = replace_whole(path, &path.with_extension("part"), 0o600, text.as_bytes());
        written.with_context(|| format!("the {} is not kept: {} cannot be written", T::WHAT, path.display()))
    }
}

/// More senders than one network has; a key takes up to 400 bytes.
pub(super) const MOST_NAMES: usize = 256;
