//! Configuration files: the flags' own names in TOML, read as if they had been typed in front of what was typed.
//!
//! Which flags there are, and what they take, is asked of clap's description of the command line, so that a flag that is
//! added there can be in the file at once.

use std::ffi::OsString;
use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, Error};
use toml::de::{DeTable, DeValue};

/// What a file says that was not typed.
#[derive(Debug)]
pub(super) struct Options {
    /// The file.
    pub(super) path: PathBuf,
    /// What it says, as if typed.
    pub(super) arguments: Vec<OsString>,
}

/// Reads the file that `--config` names among what was `typed`, or else the `default` one if it is there.
///
/// `None` if there is none, or none is wanted; and if what was typed is wrong, which whoever parses it will say.
///
/// # Errors
/// If the file cannot be read, or says what could not be typed. It names the file and, where there is one, the line.
pub(super) fn read(command: &Command, typed: &[OsString], default: &Path) -> Result<Option<Options>, Error> {
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
    let arguments = File { path, text: &text, command }.arguments(&matches)?;
    Ok((!arguments.is_empty()).then(|| Options { path: path.to_owned(), arguments }))
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
}

impl File<'_> {
    /// What the file says and was not typed.
    fn arguments(mut self, typed: &ArgMatches) -> Result<Vec<OsString>, Error> {
        let table = match DeTable::parse(self.text) {
            Ok(table) => table,
            Err(error) => return Err(self.wrong(error.span().unwrap_or_default(), error.message())),
        };
        let mut all = Vec::new();
        for (key, value) in table.get_ref() {
            let arg = self.flag(key.get_ref(), key.span())?;
            let arguments = spelled(&arg, value.get_ref()).map_err(|why| self.wrong(value.span(), why))?;
            if self.is_overruled(&arg, typed) {
                continue;
            }
            let words =
                [OsString::from(self.command.get_name())].into_iter().chain(arguments.iter().cloned());
            if let Err(error) = self.command.try_get_matches_from_mut(words) {
                return Err(self.wrong(value.span(), first_paragraph(&error)));
            }
            all.extend(arguments);
        }
        Ok(all)
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
    fn is_overruled(&self, arg: &Arg, typed: &ArgMatches) -> bool {
        let conflicts = |one: &Arg, other: &Arg| {
            self.command.get_arg_conflicts_with(one).iter().any(|found| found.get_id() == other.get_id())
        };
        self.command.get_arguments().any(|other| {
            typed.value_source(other.get_id().as_str()) == Some(ValueSource::CommandLine)
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

/// Flags that a file cannot have.
const NOT_HERE: [&str; 3] = ["config", "help", "version"];

#[cfg(test)]
mod tests;
