//! What a person reads on standard error: messages, and below them one line of statistics that rewrites itself.

use std::io::{IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex, PoisonError};

/// Standard error, shared by all threads. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Console {
    line: Arc<Mutex<Line>>,
    program: &'static str,
    is_silent: bool,
}

#[derive(Debug)]
struct Line {
    is_terminal: bool,
    shown: bool,
}

impl Console {
    /// The console of the program with this name, which begins each message.
    pub fn new(program: &'static str) -> Self {
        let line = Line { is_terminal: stderr().is_terminal(), shown: false };
        Self { line: Arc::new(Mutex::new(line)), program, is_silent: false }
    }

    /// One that says nothing, for whoever says everything himself.
    pub fn silent() -> Self {
        Self { is_silent: true, ..Self::new("") }
    }

    /// Says something that a person should read, on a line of its own.
    pub fn say(&self, message: impl std::fmt::Display) {
        if self.is_silent {
            return;
        }
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let clear = if line.shown { "\r\x1b[K" } else { "" };
        line.shown = false;
        // Nobody can be told that standard error is gone.
        let _ = writeln!(stderr(), "{clear}{}: {message}", self.program);
    }

    /// Shows the statistics: over the line shown before on a terminal, on a new line elsewhere.
    pub fn show(&self, statistics: &str) {
        if self.is_silent {
            return;
        }
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.is_terminal {
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
}
