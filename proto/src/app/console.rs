//! What a person reads on standard error: messages, and below them one line of statistics that rewrites itself. Or, for
//! a program that collects logs, each of them as one JSON object a line.

use std::io::{IsTerminal, stderr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tracing::Level;

use crate::names::printable;
use crate::sys::NonblockingWriter;

/// Standard error, shared by all threads. Cheap to clone.
///
/// Whoever says something never waits for whoever reads it, be it a full pipe or a terminal that was halted. What finds
/// no room is written later, as far as it was kept.
#[derive(Clone, Debug)]
pub struct Console {
    output: Arc<Mutex<Output>>,
    program: &'static str,
    format: LogFormat,
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

#[derive(Debug)]
struct Output {
    /// `None` if there is none.
    lines: Option<NonblockingWriter>,
    is_terminal: bool,
    /// Whether the last line is one of statistics, to be written over.
    shown: bool,
    /// Messages that were not kept, and of which nothing was said yet.
    left_out: u64,
}

/// A line of [`LogFormat::Json`].
#[derive(Serialize)]
struct LogEntry<'a> {
    time: String,
    level: &'static str,
    program: &'a str,
    /// Whether the message is a line of statistics.
    statistics: bool,
    message: &'a str,
    /// What the message is about, by name.
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "as_object")]
    fields: &'a [(&'static str, Value)],
}

impl Console {
    /// The console of the program with this name, which begins each message.
    pub fn new(program: &'static str) -> Self {
        // There is one, however many consoles are made.
        static STANDARD_ERROR: LazyLock<Arc<Mutex<Output>>> =
            LazyLock::new(|| Arc::new(Mutex::new(Output::to(stderr().as_fd()))));
        Self { output: STANDARD_ERROR.clone(), program, format: LogFormat::Text }
    }

    /// The same, writing in this format.
    #[must_use]
    pub fn in_format(self, format: LogFormat) -> Self {
        Self { format, ..self }
    }

    /// Writes a message, on a line of its own. An error is what the program ends by: whoever reads has a moment to do
    /// so.
    pub(super) fn write(&self, level: Level, message: &str, fields: &[(&'static str, Value)]) {
        let mut output = self.lock();
        self.flush(&mut output, Duration::ZERO);
        let is_last = level == Level::ERROR;
        if is_last {
            self.own_up(&mut output);
        } else if output.left_out > 0 || output.waiting() > KEPT {
            output.left_out += 1;
            return;
        }
        self.push(&mut output, level, message, fields);
        self.flush(&mut output, if is_last { GRACE } else { Duration::ZERO });
    }

    /// Shows the statistics: over the line shown before on a terminal, on a new line elsewhere.
    pub fn show(&self, statistics: &str) {
        if !tracing::enabled!(target: "statistics", Level::INFO) {
            self.catch_up();
            return;
        }
        let mut output = self.lock();
        self.flush(&mut output, Duration::ZERO);
        if output.waiting() > 0 {
            // They are old when there is room, and new ones come.
            return;
        }
        if self.format == LogFormat::Json {
            output.push(&self.entry(Level::INFO, true, statistics, &[]));
        } else if output.is_terminal {
            // Cut to the width that every terminal has, so that a wrapped line does not pile up.
            let width =
                rustix::termios::tcgetwinsize(stderr()).map_or(80, |size| usize::from(size.ws_col.max(20)));
            let text: String = statistics.chars().take(width - 1).collect();
            output.push(format!("\r\x1b[K{text}").as_bytes());
            output.shown = true;
        } else {
            output.push(format!("{statistics}\n").as_bytes());
        }
        self.flush(&mut output, Duration::ZERO);
    }

    /// Leaves the statistics line as it stands and goes on below it. Whoever reads has a moment to catch up.
    pub fn finish(&self) {
        let mut output = self.lock();
        if output.shown {
            output.push(b"\n");
            output.shown = false;
        }
        self.flush(&mut output, GRACE);
    }

    /// Writes what waits, as far as there is room now.
    pub(super) fn catch_up(&self) {
        self.flush(&mut self.lock(), Duration::ZERO);
    }

    /// How it writes.
    pub(super) fn format(&self) -> LogFormat {
        self.format
    }

    /// Writes what waits; when that is all written, says what is missing.
    fn flush(&self, output: &mut Output, patience: Duration) {
        output.flush(patience);
        if output.left_out > 0 && output.waiting() == 0 {
            self.own_up(output);
            output.flush(patience);
        }
    }

    /// Says how many messages were left out, if any were.
    fn own_up(&self, output: &mut Output) {
        let left_out = std::mem::take(&mut output.left_out);
        if left_out > 0 {
            let message = format!("messages are missing here, because nobody read them in time: {left_out}");
            self.push(output, Level::WARN, &message, &[]);
        }
    }

    fn push(&self, output: &mut Output, level: Level, message: &str, fields: &[(&'static str, Value)]) {
        if self.format == LogFormat::Json {
            output.push(&self.entry(level, false, message, fields));
            return;
        }
        let clear = if output.shown { "\r\x1b[K" } else { "" };
        output.shown = false;
        let mut text = format!("{clear}{}: ", self.program);
        if matches!(level, Level::DEBUG | Level::TRACE) {
            text += &format!("{}: ", word(level));
        }
        // There may be names in it that others chose, of files also.
        text += &printable(message);
        for (name, value) in fields {
            text += &format!(" {name}={}", as_word(value));
        }
        text.push('\n');
        output.push(text.as_bytes());
    }

    fn lock(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(
        &self,
        level: Level,
        statistics: bool,
        message: &str,
        fields: &[(&'static str, Value)],
    ) -> Vec<u8> {
        let (time, level) = (rfc3339(Timestamp::now()), word(level));
        let entry = LogEntry { time, level, program: self.program, statistics, message, fields };
        let mut line = serde_json::to_vec(&entry).expect("an entry is strings");
        line.push(b'\n');
        line
    }
}

impl Output {
    fn to(fd: BorrowedFd<'_>) -> Self {
        Self {
            lines: NonblockingWriter::to(fd).ok(),
            is_terminal: fd.is_terminal(),
            shown: false,
            left_out: 0,
        }
    }

    fn push(&mut self, text: &[u8]) {
        if let Some(lines) = &mut self.lines {
            lines.push(text);
        }
    }

    fn flush(&mut self, patience: Duration) {
        // Nobody can be told that standard error is gone.
        let _ = self.lines.as_mut().map(|lines| lines.flush(patience));
    }

    fn waiting(&self) -> usize {
        self.lines.as_ref().map_or(0, NonblockingWriter::waiting)
    }
}

/// A level as it is typed and written.
fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// A value that ends where it seems to.
fn as_word(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    let text = printable(text);
    let is_word = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '='));
    if is_word { text } else { Value::String(text).to_string() }
}

fn as_object<S: Serializer>(fields: &&[(&'static str, Value)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(fields.iter().map(|(name, value)| (name, value)))
}

/// UTC, to the millisecond, as RFC 3339 has it (section 5.6).
fn rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Bytes of messages that are kept for whoever reads later: as much as a pipe holds.
const KEPT: usize = 1 << 16;
/// How long the last words wait for a reader.
const GRACE: Duration = Duration::from_millis(500);

#[cfg(test)]
impl Console {
    /// What is written to the console meanwhile.
    pub(super) fn caught(format: LogFormat, meanwhile: impl FnOnce(Self)) -> String {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let output = Arc::new(Mutex::new(Output::to(writer.as_fd())));
        meanwhile(Self { output, format, ..Self::new("test") });
        drop(writer);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
        text
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use tracing::subscriber::with_default;

    use super::*;

    #[test]
    fn nobody_waits_for_who_reads_nothing_and_who_reads_again_is_told_what_is_missing() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let (mut reader, writer) = std::io::pipe().unwrap();
            let output = Arc::new(Mutex::new(Output::to(writer.as_fd())));
            let console = Console { output, format, ..Console::new("test") };
            drop(writer);
            let (done, is_done) = std::sync::mpsc::channel();
            let talking = std::thread::spawn(move || {
                with_default(tracing_subscriber::registry(), || {
                    for number in 0..SAID {
                        console.write(Level::INFO, &format!("message {number}"), &[]);
                        console.show("statistics");
                    }
                });
                done.send(()).unwrap();
                console.write(Level::ERROR, "the end", &[]);
            });
            is_done.recv_timeout(Duration::from_secs(10)).expect("it waits for its reader");
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            talking.join().unwrap();
            let (mut messages, mut missing) = (0, 0);
            for line in
                text.lines().filter(|line| !line.contains("statistics\":true") && *line != "statistics")
            {
                let message = match format {
                    LogFormat::Text => line.strip_prefix("test: ").unwrap().to_owned(),
                    LogFormat::Json => {
                        let entry: Value = serde_json::from_str(line).unwrap();
                        entry["message"].as_str().unwrap().to_owned()
                    }
                };
                match message.rsplit_once(' ').unwrap() {
                    ("message", number) => {
                        assert_eq!(number.parse(), Ok(messages + missing));
                        messages += 1;
                    }
                    ("the", _) => {}
                    (_, number) => missing += number.parse::<u32>().unwrap(),
                }
            }
            assert!(missing > 0 && text.contains("the end"), "{missing} are missing");
            assert_eq!(messages + missing, SAID);
        }
    }

    const SAID: u32 = 20_000;

    #[test]
    fn a_message_with_the_name_of_a_file_in_it_commands_no_terminal_and_is_one_line() {
        let name = std::path::Path::new("a\x1b[2J\ntest: b\u{202e}.jpg").display();
        let message = format!("{name} is passed over");
        let text = Console::caught(LogFormat::Text, |console| console.write(Level::WARN, &message, &[]));
        assert_eq!(text, "test: a\u{fffd}[2J\u{fffd}test: b\u{fffd}.jpg is passed over\n");
    }

    #[test]
    fn a_time_is_written_as_rfc_3339_has_it() {
        // By date --utc --date=@N.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.042Z"),
            (951_782_399, "2000-02-28T23:59:59.042Z"),
            (951_782_400, "2000-02-29T00:00:00.042Z"),
            (1_709_251_199, "2024-02-29T23:59:59.042Z"),
            (1_709_251_200, "2024-03-01T00:00:00.042Z"),
            (1_735_689_599, "2024-12-31T23:59:59.042Z"),
            (1_795_622_319, "2026-11-25T15:58:39.042Z"),
            (4_107_542_400, "2100-03-01T00:00:00.042Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_millisecond(seconds * 1000 + 42).unwrap()), text);
        }
    }

    #[test]
    fn an_entry_is_one_line_whatever_is_said() {
        let console = Console::new("test").in_format(LogFormat::Json);
        let line = console.entry(Level::WARN, false, "two\nlines, and \"quotes\"", &[]);
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let entry: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((entry["level"].as_str(), entry["program"].as_str()), (Some("warn"), Some("test")));
        assert_eq!(entry["message"], "two\nlines, and \"quotes\"");
        assert_eq!(entry["statistics"], false);
    }
}
