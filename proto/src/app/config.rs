//! Configuration files: the flags' own names in TOML, read as if they had been typed in front of what was typed.
//!
//! Which flags there are, and what they take, is asked of clap's description of the command line, so that a flag that
//! is added there can be in the file at once.

use std::ffi::OsString;
use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, Error};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// Reads the file that `--config` names among what was `typed`, or else the `default` one if it is there, and adds to
/// `arguments` what it says that was not typed, as if it had been. Returns the file if it said something.
///
/// `None` also if no file is wanted; and if what was typed is wrong, which whoever parses it will say.
///
/// # Errors
/// If the file cannot be read, or says what could not be typed. It names the file and, where there is one, the line.
/// What the file says of the format of messages is among the `arguments` then, so that the error can be told in it.
pub(super) fn read(
    command: &Command,
    typed: &[OsString],
    default: &Path,
    arguments: &mut Vec<OsString>,
) -> Result<Option<PathBuf>, Error> {
    // What must be given may be in the file.
    let mut command = command.clone().mut_args(|arg| arg.required(false));
    command.build();
    let Ok(matches) = command.try_get_matches_from_mut(typed) else { return Ok(None) };
    let chosen = matches.get_one::<PathBuf>("config");
    if matches.subcommand_name().is_some() || chosen.is_some_and(|path| path.as_os_str() == "none") {
        return Ok(None);
    }
    let path = chosen.map_or(default, PathBuf::as_path);
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if chosen.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let message = format!("cannot read the configuration file {}: {error}", path.display());
            return Err(command.error(ErrorKind::Io, message));
        }
    };
    File { path, text: &text, command, typed: &matches }.read(arguments)?;
    Ok((!arguments.is_empty()).then(|| path.to_owned()))
}

/// What clap says is wrong, in one line, without how to go on.
pub(super) fn first_paragraph(error: &Error) -> String {
    let text = error.to_string();
    let lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
    let text = lines.collect::<Vec<_>>().join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
    /// The command line, with nothing required.
    command: Command,
    typed: &'a ArgMatches,
}

impl File<'_> {
    /// Adds what the file says and was not typed: the format of messages first, in which all that is wrong is told.
    fn read(mut self, arguments: &mut Vec<OsString>) -> Result<(), Error> {
        let (table, mistakes) = DeTable::parse_recoverable(self.text);
        let (first, rest): (Vec<_>, Vec<_>) =
            table.get_ref().iter().partition(|(key, _)| key.get_ref() == LOG_FORMAT);
        for (key, value) in first {
            arguments.extend(self.option(key, value)?);
        }
        if let Some(error) = mistakes.first() {
            return Err(self.wrong(error.span().unwrap_or_default(), error.message()));
        }
        for (key, value) in rest {
            arguments.extend(self.option(key, value)?);
        }
        Ok(())
    }

    /// One option as it would be typed; nothing if something was typed instead.
    fn option(
        &mut self,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Vec<OsString>, Error> {
        let arg = self.flag(key.get_ref(), key.span())?;
        let arguments = spelled(&arg, value.get_ref()).map_err(|why| self.wrong(value.span(), why))?;
        if self.is_overruled(&arg) {
            return Ok(Vec::new());
        }
        let words = [OsString::from(self.command.get_name())].into_iter().chain(arguments.iter().cloned());
        if let Err(error) = self.command.try_get_matches_from_mut(words) {
            return Err(self.wrong(value.span(), first_paragraph(&error)));
        }
        Ok(arguments)
    }

    /// The flag of this name.
    fn flag(&mut self, key: &str, at: Range<usize>) -> Result<Arg, Error> {
        let is_meant = |arg: &&Arg| arg.get_long() == Some(key) && !NOT_HERE.contains(&key);
        if let Some(arg) = self.command.get_arguments().find(is_meant) {
            return Ok(arg.clone());
        }
        if key == "config" {
            return Err(self.wrong(at, "a configuration file cannot name another"));
        }
        // clap knows what is nearest.
        let words = [self.command.get_name().to_owned(), format!("--{key}")];
        let error = self.command.try_get_matches_from_mut(words).err();
        let nearest = match error.as_ref().and_then(|error| error.get(ContextKind::SuggestedArg)) {
            Some(ContextValue::String(flag)) => format!("is {} meant?", flag.trim_start_matches('-')),
            _ => "keys are the flags' names, as in --help".to_owned(),
        };
        Err(self.wrong(at, format_args!("there is no option {key:?}; {nearest}")))
    }

    /// Whether something was typed instead, the flag itself or what cannot be together with it.
    fn is_overruled(&self, arg: &Arg) -> bool {
        let conflicts = |one: &Arg, other: &Arg| {
            self.command.get_arg_conflicts_with(one).iter().any(|found| found.get_id() == other.get_id())
        };
        self.command.get_arguments().any(|other| {
            self.typed.value_source(other.get_id().as_str()) == Some(ValueSource::CommandLine)
                && (arg.get_id() == other.get_id() || conflicts(arg, other) || conflicts(other, arg))
        })
    }

    fn wrong(&mut self, at: Range<usize>, why: impl Display) -> Error {
        let line = self.text[..at.start.min(self.text.len())].matches('\n').count() + 1;
        let message = format!("{}:{line}: {why}", self.path.display());
        self.command.error(ErrorKind::InvalidValue, message)
    }
}

/// A flag with this value, as it would be typed.
fn spelled(arg: &Arg, value: &DeValue<'_>) -> Result<Vec<OsString>, String> {
    let name = arg.get_long().unwrap_or_default();
    match (arg.get_action(), value) {
        (ArgAction::SetTrue, DeValue::Boolean(true)) => Ok(vec![format!("--{name}").into()]),
        (ArgAction::SetTrue, DeValue::Boolean(false)) => Ok(Vec::new()),
        (ArgAction::SetTrue, _) => Err(format!("{name} is true or false")),
        (_, DeValue::Table(_)) => {
            Err(format!("{name} is no table; options stand by themselves, as in fps = 30"))
        }
        (ArgAction::Append, DeValue::Array(values)) => values
            .iter()
            .map(|value| Ok(format!("--{name}={}", word(arg, value.get_ref())?).into()))
            .collect(),
        (_, value) => Ok(vec![format!("--{name}={}", word(arg, value)?).into()]),
    }
}

/// A single value, as it would be typed.
fn word(arg: &Arg, value: &DeValue<'_>) -> Result<String, String> {
    let name = arg.get_long().unwrap_or_default();
    match value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|error| format!("{name}: {error}")),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(is_on) => {
            let switch = if *is_on { "on" } else { "off" };
            let names = arg.get_value_names().unwrap_or_default();
            if names.iter().any(|name| name.split('|').any(|word| word == switch)) {
                return Ok(switch.to_owned());
            }
            Err(format!("{name} is neither true nor false, but {}", names.join(" ")))
        }
        DeValue::Array(_) => Err(format!("{name} takes one value")),
        DeValue::Datetime(_) | DeValue::Table(_) => Err(format!("{name} is text or a number")),
    }
}

/// The flag that says how messages are written.
const LOG_FORMAT: &str = "log-format";
/// Flags that a file cannot have.
const NOT_HERE: [&str; 3] = ["config", "help", "version"];

#[cfg(test)]
mod tests;
