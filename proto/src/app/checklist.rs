//! The output of a doctor: sections of findings, each with whether something has to be done about it.

use std::fmt::Display;
use std::io::{self, Write};

/// A list of findings on its way to a person.
pub struct Checklist<'a> {
    out: &'a mut dyn Write,
    is_well: bool,
    is_begun: bool,
}

impl<'a> Checklist<'a> {
    /// An empty one.
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out, is_well: true, is_begun: false }
    }

    /// Begins a section.
    ///
    /// # Errors
    /// If nobody reads it; so with the others.
    pub fn section(&mut self, title: impl Display) -> io::Result<()> {
        let gap = if std::mem::replace(&mut self.is_begun, true) { "\n" } else { "" };
        writeln!(self.out, "{gap}{title}")?;
        self.out.flush()
    }

    /// Something is as it should be.
    ///
    /// # Errors
    /// As above.
    pub fn ok(&mut self, text: impl Display) -> io::Result<()> {
        self.finding("ok", &text.to_string())
    }

    /// Something that is good to know, and neither well nor ill.
    ///
    /// # Errors
    /// As above.
    pub fn note(&mut self, text: impl Display) -> io::Result<()> {
        self.finding("", &text.to_string())
    }

    /// Something is to be done.
    ///
    /// # Errors
    /// As above.
    pub fn attention(&mut self, text: impl Display) -> io::Result<()> {
        self.is_well = false;
        self.finding("attention", &text.to_string())
    }

    /// Whether nothing was found that needs attention.
    pub fn is_well(&self) -> bool {
        self.is_well
    }

    /// Where it is written to, for what is more than a finding.
    pub fn out(&mut self) -> &mut dyn Write {
        self.out
    }

    fn finding(&mut self, mark: &str, text: &str) -> io::Result<()> {
        for (number, line) in wrapped(text).into_iter().enumerate() {
            let mark = if number == 0 { mark } else { "" };
            writeln!(self.out, "{}", format!("  {mark:<9}  {line}").trim_end())?;
        }
        self.out.flush()
    }
}

/// The text in lines of at most [`WIDTH`] characters, where its words allow that.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a first line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// With what stands before it, 100 characters.
const WIDTH: usize = 87;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_stand_below_each_other_and_one_that_needs_attention_is_remembered() {
        let mut out = Vec::new();
        let mut list = Checklist::new(&mut out);
        list.section("Port").unwrap();
        list.ok("it is free").unwrap();
        list.note("by the way").unwrap();
        assert!(list.is_well());
        list.attention("word ".repeat(20)).unwrap();
        assert!(!list.is_well());
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["Port", "  ok         it is free", "             by the way"]);
        assert!(
            lines[3].starts_with("  attention  word") && lines[4].starts_with("             word"),
            "{text}"
        );
        assert!(lines.iter().all(|line| line.len() <= 100) && lines.len() == 5, "{text}");
    }
}
