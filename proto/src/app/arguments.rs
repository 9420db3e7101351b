//! The command line of both programs: what they have in common, and what a configuration file adds.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Command, FromArgMatches, Parser};
use tracing::Level;

use super::config;
use super::console::{Console, LogFormat};
use super::log;

/// Options that both programs have.
#[derive(Clone, Debug, clap::Args)]
pub struct SystemArgs {
    /// Read options from this file first: TOML, with the flags' own names, as in fps = 30. What is typed comes before
    /// it; none reads no file [default: the program's own in /etc/chunkcast, if it is there]
    #[arg(long, value_name = "FILE|none", help_heading = SYSTEM)]
    pub config: Option<PathBuf>,

    /// How messages and statistics are written to standard error: text, or json, one object a line
    #[arg(long, value_name = "text|json", default_value = "text", hide_possible_values = true, help_heading = SYSTEM)]
    pub log_format: LogFormat,

    /// Which messages are written: those of this level and of those before it. debug has each decision and its reason,
    /// trace each frame [default: what the variable RUST_LOG says, or info]
    #[arg(long, value_name = "error|warn|info|debug|trace", value_parser = log::level_parser(), hide_possible_values = true, help_heading = SYSTEM)]
    pub log_level: Option<Level>,
}

const SYSTEM: &str = "System";

/// What was typed, with what the configuration file of `program` says where nothing was, if `check` finds that it goes
/// together. Where something is wrong, or help is wanted, says so and ends the program.
///
/// Commands such as `doctor` read no file: they are asked about what is typed. One that takes the program's own options
/// does what the program does, and reads it.
pub fn parse_arguments<A: Parser>(
    program: &'static str,
    check: impl FnOnce(&A) -> Result<(), clap::Error>,
) -> A {
    let mut all: Vec<OsString> = std::env::args_os().collect();
    let default = Path::new(FOLDER).join(program).with_extension("toml");
    let mut from_file = Vec::new();
    let own = command_like_program(&A::command(), &all);
    let (is_like_program, first) = (own.is_some(), all.len().min(if own.is_some() { 2 } else { 1 }));
    let typed = &all[first.saturating_sub(1)..];
    let read = config::read(&own.unwrap_or_else(A::command), typed, &default, &mut from_file);
    all.splice(first..first, from_file);
    let parsed = read.and_then(|path| {
        let mut matches = A::command().try_get_matches_from(&all)?;
        let own = matches.subcommand().map(|(_, own)| own);
        let SystemArgs { log_format, log_level, .. } =
            SystemArgs::from_arg_matches(own.filter(|_| is_like_program).unwrap_or(&matches))?;
        // Any other command has an answer, and errors; nothing else is said.
        let is_quiet = own.is_some() && !is_like_program;
        let usual = if is_quiet { Level::ERROR } else { Level::INFO };
        log::start(Console::new(program).in_format(log_format), log_level, usual);
        let parsed =
            A::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut A::command()))?;
        if let Some(path) = path {
            tracing::info!("options from {}", path.display());
        }
        check(&parsed)?;
        Ok(parsed)
    });
    parsed.unwrap_or_else(|error| {
        let console = console(program, &all);
        if !error.use_stderr() || console.format() == LogFormat::Text {
            error.exit();
        }
        console.write(Level::ERROR, &config::first_paragraph(&error), &[]);
        std::process::exit(error.exit_code());
    })
}

/// The command that is given, if it takes the options that a configuration file has.
fn command_like_program(program: &Command, typed: &[OsString]) -> Option<Command> {
    let command = program.find_subcommand(typed.get(1)?)?;
    command.get_arguments().any(|arg| arg.get_long() == Some("config")).then(|| command.clone())
}

/// The console that is wanted, even if something else that was typed is wrong.
fn console(program: &'static str, arguments: &[OsString]) -> Console {
    let mut wanted = LogFormat::Text;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let value = match argument.to_str() {
            Some("--") => break,
            Some("--log-format") => arguments.next().and_then(|value| value.to_str()),
            Some(argument) => argument.strip_prefix("--log-format="),
            None => None,
        };
        // The last one is the one that counts: what is typed stands behind what the file says.
        match value {
            Some("json") => wanted = LogFormat::Json,
            Some("text") => wanted = LogFormat::Text,
            _ => {}
        }
    }
    Console::new(program).in_format(wanted)
}

/// Where the programs' own configuration files are.
const FOLDER: &str = "/etc/chunkcast";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_the_programs_options_is_told_from_others() {
        let own = |name| Command::new(name).arg(clap::Arg::new("config").long("config"));
        let program = own("program").subcommand(own("measure")).subcommand(Command::new("doctor"));
        for (words, command) in
            [("p measure --x", Some("measure")), ("p doctor", None), ("p", None), ("p --x measure", None)]
        {
            let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            let found = command_like_program(&program, &words);
            assert_eq!(found.as_ref().map(Command::get_name), command, "{words:?}");
        }
    }

    #[test]
    fn the_format_of_messages_is_found_in_a_command_line_that_is_wrong() {
        for (words, format) in [
            ("p --nonsense --log-format json", LogFormat::Json),
            ("p --log-format=json --nonsense", LogFormat::Json),
            ("p --log-format=json --log-format text", LogFormat::Text),
            ("p -- --log-format json", LogFormat::Text),
            ("p --log-format", LogFormat::Text),
        ] {
            let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            assert_eq!(console("p", &words).format(), format, "{words:?}");
        }
    }
}
