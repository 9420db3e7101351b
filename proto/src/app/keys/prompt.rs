//! A key as it is typed: read, asked for without being shown, and shown to nobody but a person.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use anyhow::{Context, Result, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::keys::{CodeError, Key};

/// The key that a code or a phrase stands for. What has twelve words of the list is a code.
///
/// # Errors
/// If it is neither, with the way out; the message does not repeat it.
pub fn read_key(text: &str) -> Result<Key> {
    Ok(TypedKey::read(text)?.key)
}

/// A key that was typed, and as it is kept: a code as it is, a phrase with what it comes to, so that it is stretched
/// once and not at each start.
#[derive(Clone)]
pub struct TypedKey {
    pub(super) key: Key,
    pub(super) kept: Zeroizing<String>,
}

impl std::fmt::Debug for TypedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.key.fmt(f)
    }
}

impl TypedKey {
    /// The one that a code or a phrase stands for.
    ///
    /// # Errors
    /// If it is neither, with the way out; the message does not repeat it.
    pub fn read(text: &str) -> Result<Self> {
        if text.len() > MOST_BYTES {
            bail!("no key is that long");
        }
        let text = text.trim();
        match Key::from_code(text) {
            Ok(key) => Ok(Self { key, kept: Zeroizing::new(text.to_owned()) }),
            // Nearly a code: a phrase that looks like one would open nothing.
            Err(error @ (CodeError::Check | CodeError::Word(_))) if looks_like_a_code(text, &error) => {
                Err(error.into())
            }
            Err(_) => {
                let (key, words) = Key::stretched(text)?;
                Ok(Self { key, kept: Zeroizing::new(format!("{text}\t{}", *words)) })
            }
        }
    }

    /// The one that was kept like this, or was typed into the file.
    ///
    /// # Errors
    /// As of [`read`](Self::read).
    pub(super) fn of_kept(kept: &str) -> Result<Self> {
        match kept.rsplit_once('\t').map(|(phrase, words)| Key::from_stretched(words, phrase)) {
            Some(Ok(key)) => Ok(Self { key, kept: Zeroizing::new(kept.to_owned()) }),
            _ => Self::read(kept),
        }
    }

    /// The key.
    pub fn key(&self) -> &Key {
        &self.key
    }
}

/// Asks whoever sits at the terminal, and does not show what is typed. Without a terminal, the first line of standard
/// input is taken.
///
/// # Errors
/// If nothing is typed, or it is no key.
pub fn ask_for_key(question: &str) -> Result<Key> {
    show(question);
    let line = HiddenInput::begin()?.read_line()?.unwrap_or_default();
    show("\n");
    if line.trim().is_empty() {
        bail!("no key was given; type the sender's code of twelve words, or name a file: --key-file FILE");
    }
    read_key(line.trim())
}

/// While it is there, what is typed at the terminal is not shown.
pub struct HiddenInput {
    /// How the terminal was before; `None` where standard input is none.
    before: Option<Termios>,
}

impl HiddenInput {
    /// # Errors
    /// If the terminal cannot be asked.
    pub fn begin() -> Result<Self> {
        let input = stdin();
        if !input.is_terminal() {
            return Ok(Self { before: None });
        }
        let before = tcgetattr(&input).context("the terminal cannot be asked")?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Flush, &hidden).context("the terminal cannot be asked")?;
        Ok(Self { before: Some(before) })
    }

    /// One line, however long it takes; `None` at the end of the input.
    ///
    /// # Errors
    /// If it cannot be read, or is no text.
    pub fn read_line(&self) -> Result<Option<Zeroizing<String>>> {
        let mut line = Zeroizing::new(String::with_capacity(MOST_BYTES));
        let read = std::io::Read::take(stdin().lock(), MOST_BYTES as u64).read_line(&mut line);
        let read = read.context("the key cannot be read")?;
        Ok((read > 0).then_some(line))
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // A terminal that is gone needs nothing more.
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

/// Whether there is somebody who could be asked.
pub fn can_ask() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Shows something to a person: where standard error is no terminal it would be kept.
pub(super) fn show(text: &str) {
    let mut out = stderr().lock();
    if out.is_terminal() {
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// Twelve words of which at most two are none of the list.
fn looks_like_a_code(text: &str, error: &CodeError) -> bool {
    let lower = Zeroizing::new(text.to_lowercase());
    let unknown = lower.split_whitespace().filter(|word| !Key::is_code_word(word)).count();
    *error == CodeError::Check || unknown <= 2
}

const MOST_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_code_is_no_phrase_and_twelve_other_words_are() {
        let code = Key::code(&[9; 16]);
        assert!(read_key(&code).is_ok());
        let slip = code.replacen(code.split(' ').next().unwrap(), "chunkcast", 1);
        assert!(read_key(&slip).unwrap_err().to_string().contains("word 1"));
        let phrase = "each evening my uncle feeds nine purple otters beside Lake Geneva, grumbling";
        assert!(read_key(phrase).is_ok());
        assert!(read_key("1234").unwrap_err().to_string().contains("sender key new"));
        assert!(read_key(&"a".repeat(2000)).is_err());
    }
}
