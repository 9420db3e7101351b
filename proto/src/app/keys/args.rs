//! The options that give a key.

use std::ffi::OsStr;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use zeroize::Zeroizing;

use super::file::{default_key_file, make_folder, make_key_file, new_code, read_key_file};
use super::prompt::{ask_for_key, read_key};
use crate::keys::Key;
use crate::sys::random_bytes;

/// How a key is given.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct KeyArgs {
    /// Only who has this key looks and speaks: auto (the sender makes a key file of its own and says its code once), -
    /// (it is asked for), or the code itself or a phrase, which others on this computer can see while the program runs
    #[arg(long, value_name = "auto|-|CODE", allow_hyphen_values = true, help_heading = KEYS)]
    key: Option<KeyText>,

    /// A file with the key: a code of twelve words, as `sender key new` makes it. Only its owner may read it. A
    /// receiver's may have several, one a line
    #[arg(long, value_name = "FILE", conflicts_with = "key", help_heading = KEYS)]
    key_file: Option<PathBuf>,
}

/// What was typed as a key; no message shows it.
#[derive(Clone, Default)]
struct KeyText(Zeroizing<String>);

impl From<String> for KeyText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl KeyArgs {
    /// Whether a key is wanted.
    pub fn is_given(&self) -> bool {
        self.key.is_some() || self.key_file.is_some()
    }

    /// The sender's key; `None` if none is wanted. `auto` makes a file for it if there is none.
    ///
    /// # Errors
    /// If it cannot be read, made or asked for, with the way out.
    pub fn for_sender(&self) -> Result<Option<Key>> {
        if let Some(path) = &self.key_file {
            return match &read_key_file(path)?[..] {
                [key] => Ok(Some(key.clone())),
                keys => bail!(
                    "--key-file {}: a sender has one key, and this file has {}; give it a file of its own",
                    path.display(),
                    keys.len()
                ),
            };
        }
        match self.typed() {
            Some("auto") => auto(&default_key_file(OsStr::new("sender.key"))?).map(Some),
            typed => typed.map(of_text).transpose(),
        }
    }

    /// The receiver's keys, of which it uses the one that opens what it finds; none if none are given.
    ///
    /// # Errors
    /// If they cannot be read or asked for, with the way out.
    pub fn for_receiver(&self) -> Result<Vec<Key>> {
        if let Some(path) = &self.key_file {
            return read_key_file(path);
        }
        match self.typed() {
            Some("auto") => {
                bail!(
                    "--key auto makes a sender's key; give a receiver the sender's code: --key -, or --key-file FILE"
                )
            }
            typed => typed.map(of_text).transpose().map(|key| key.into_iter().collect()),
        }
    }

    fn typed(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.0.as_str())
    }
}

/// The key of what was typed for `--key`.
fn of_text(text: &str) -> Result<Key> {
    if text == "-" {
        return ask_for_key("Key (twelve words, or the phrase): ").context("--key -");
    }
    let key = read_key(text).context("--key")?;
    let is_typed = std::env::args_os().any(|word| word.to_string_lossy().contains(text));
    let seen = if is_typed {
        "on the command line is seen by everybody on this computer"
    } else {
        "in the configuration file is seen by everybody who may read that"
    };
    tracing::warn!("the key {seen}: --key -, or --key-file FILE, keeps it secret");
    Ok(key)
}

/// The key of this file, which is made if it is not there; then its code is said, to a person and to nobody else.
fn auto(path: &Path) -> Result<Key> {
    let shown = path.display();
    if !path.exists() {
        let code = new_code(&Zeroizing::new(random_bytes()?));
        make_folder(path)?;
        match make_key_file(path, &code) {
            Ok(()) => {
                tracing::info!("a key was made: {shown}. Receivers ask for its code: cat {shown}");
                super::prompt::show(&format!("\n    {}\n\n", *code));
            }
            // Another sender has just made it, and said it.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => bail!("the key file {shown} cannot be made: {error}"),
        }
    }
    match &read_key_file(path)?[..] {
        [key] => Ok(key.clone()),
        _ => bail!("{shown} has more than one key; a sender has one"),
    }
}

const KEYS: &str = "Keys";
