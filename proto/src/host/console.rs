//! What a person reads on standard error: messages, and below them one line of statistics that rewrites itself. Or, for
//! a program that collects logs, each of them as one JSON object a line.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use super::rfc3339;

/// Standard error, shared by all threads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Console {
    line: Arc<Mutex<Line>>,
    program: &'static str,
    format: LogFormat,
    is_silent: bool,
}

/// How messages and statistics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What a message asks of whoever reads it.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// Nothing.
    Info,
    /// Something is to be done, and the program goes on.
    Warn,
    /// The program ends by it.
    Error,
}

#[derive(Debug)]
struct Line {
    is_terminal: bool,
    shown: bool,
}

/// A line of [`LogFormat::Json`].
#[derive(Serialize)]
struct Entry<'a> {
    time: String,
    level: Level,
    program: &'a str,
    /// Whether the message is a line of statistics.
    statistics: bool,
    message: &'a str,
}

impl Console {
    /// The console of the program with this name, which begins each message.
    pub fn new(program: &'static str) -> Self {
        let line = Line { is_terminal: stderr().is_terminal(), shown: false };
        Self { line: Arc::new(Mutex::new(line)), program, format: LogFormat::Text, is_silent: false }
    }

    /// The same, writing in this format.
    #[must_use]
    pub fn in_format(self, format: LogFormat) -> Self {
        Self { format, ..self }
    }

    /// One that says nothing, for whoever says everything himself.
    pub fn silent() -> Self {
        Self { is_silent: true, ..Self::new("") }
    }

    /// Says something that a person should read, on a line of its own.
    pub fn say(&self, message: impl Display) {
        self.write(Level::Info, &message);
    }

    /// Says that something is wrong about which something can be done, while the program goes on.
    pub fn warn(&self, message: impl Display) {
        self.write(Level::Warn, &message);
    }

    /// Says what the program ends by.
    pub fn fail(&self, message: impl Display) {
        self.write(Level::Error, &message);
    }

    fn write(&self, level: Level, message: &dyn Display) {
        if self.is_silent {
            return;
        }
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody can be told that standard error is gone.
        let _ = match self.format {
            LogFormat::Json => stderr().write_all(&self.entry(level, false, &message.to_string())),
            LogFormat::Text => {
                let clear = if line.shown { "\r\x1b[K" } else { "" };
                line.shown = false;
                writeln!(stderr(), "{clear}{}: {message}", self.program)
            }
        };
    }

    /// Shows the statistics: over the line shown before on a terminal, on a new line elsewhere.
    pub fn show(&self, statistics: &str) {
        if self.is_silent {
            return;
        }
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if self.format == LogFormat::Json {
            let _ = stderr().write_all(&self.entry(Level::Info, true, statistics));
        } else if line.is_terminal {
            // Cut to the width that every terminal has, so that a wrapped line does not pile up.
            let width =
                rustix::termios::tcgetwinsize(stderr()).map_or(80, |size| usize::from(size.ws_col.max(20)));
            let text: String = statistics.chars().take(width - 1).collect();
            let _ = write!(stderr(), "\r\x1b[K{text}");
            line.shown = true;
        } else {
            let _ = writeln!(stderr(), "{statistics}");
        }
        let _ = stderr().flush();
    }

    /// Leaves the statistics line as it stands and goes on below it.
    pub fn finish(&self) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.shown {
            let _ = writeln!(stderr());
            line.shown = false;
        }
    }

    /// How it writes.
    pub(super) fn format(&self) -> LogFormat {
        self.format
    }

    fn entry(&self, level: Level, statistics: bool, message: &str) -> Vec<u8> {
        let time = rfc3339(SystemTime::now());
        let entry = Entry { time, level, program: self.program, statistics, message };
        let mut line = serde_json::to_vec(&entry).expect("an entry is strings");
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_whatever_is_said() {
        let console = Console::new("test").in_format(LogFormat::Json);
        let line = console.entry(Level::Warn, false, "two\nlines, and \"quotes\"");
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let entry: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((entry["level"].as_str(), entry["program"].as_str()), (Some("warn"), Some("test")));
        assert_eq!(entry["message"], "two\nlines, and \"quotes\"");
        assert_eq!(entry["statistics"], false);
    }
}
