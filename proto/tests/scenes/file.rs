//! Sequences as text.

use crate::describe::describe;

/// An input, and when it comes.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) time: u64,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A datagram comes from there.
    Datagram(char, Vec<u8>),
    /// A sender is given a frame that was captured then.
    Frame(u64, Vec<u8>),
    /// A sender's source has pictures, or none.
    State(bool),
    /// A sender ends, or a subscriber leaves.
    End,
    /// Time passes.
    Nothing,
}

/// One line: an input and how that ended, or what the peer did.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// When, and until when it may be.
    pub(crate) within: (u64, u64),
    pub(crate) text: String,
}

impl Line {
    pub(crate) fn taken(input: &Input, end: String) -> Self {
        let what = match &input.what {
            What::Datagram(from, bytes) => format!("{from} {}", hex(bytes)),
            What::Frame(captured, bytes) => format!("frame {captured} {}", hex(bytes)),
            What::State(is_live) => format!("state {}", if *is_live { "live" } else { "gone" }),
            What::End => "end".into(),
            What::Nothing => "nothing".into(),
        };
        let text = if end.is_empty() { what } else { format!("{what} -> {end}") };
        Self { within: (input.time, input.time), text }
    }

    pub(crate) fn did(time: u64, what: String) -> Self {
        Self { within: (time, time), text: format!("-> {what}") }
    }

    pub(crate) fn time(&self) -> u64 {
        self.within.0
    }

    /// The datagram that it sent.
    pub(crate) fn sent(&self) -> Option<Vec<u8>> {
        self.text.strip_prefix("-> sends ").map(|rest| unhex(&rest[2..]))
    }

    /// The datagram that it is about.
    fn datagram(&self) -> Option<Vec<u8>> {
        match self.input() {
            Some(Input { what: What::Datagram(_, bytes), .. }) => Some(bytes),
            Some(_) => None,
            None => self.sent(),
        }
    }

    /// The input; `None` if it is what the peer did.
    pub(crate) fn input(&self) -> Option<Input> {
        let (what, _) = self.text.split_once(" -> ").unwrap_or((&self.text, ""));
        let words: Vec<_> = what.split(' ').collect();
        let what = match words[..] {
            ["->", ..] => return None,
            ["frame", captured, bytes] => What::Frame(captured.parse().unwrap(), unhex(bytes)),
            ["state", state] => What::State(state == "live"),
            ["end"] => What::End,
            ["nothing"] => What::Nothing,
            [from, bytes] if from.len() == 1 => What::Datagram(from.chars().next().unwrap(), unhex(bytes)),
            [from] if from.len() == 1 => What::Datagram(from.chars().next().unwrap(), Vec::new()),
            _ => panic!("what is {what}?"),
        };
        Some(Input { time: self.time(), what })
    }
}

/// The head of a file, and its lines.
pub(crate) fn read(text: &str) -> (String, Vec<Line>) {
    let (head, body) = text.split_once("\n\n").unwrap();
    let lines = body.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (when, text) = line.split_once(' ').unwrap();
        let (from, to) = when.split_once("..").unwrap_or((when, when));
        Line { within: (from.parse().unwrap(), to.parse().unwrap()), text: text.into() }
    });
    (head.into(), lines.collect())
}

/// A file as text.
pub(crate) fn write(head: &str, lines: &[Line]) -> String {
    let mut text = format!("{}\n\n", head.trim());
    let mut before = None;
    for line in lines {
        if before.is_some_and(|before| before != line.time()) {
            text.push('\n');
        }
        before = Some(line.time());
        if let Some(datagram) = line.datagram() {
            text += &format!("# {}\n", describe(&datagram));
        }
        let (from, to) = line.within;
        let when = if from == to { from.to_string() } else { format!("{from}..{to}") };
        text += &format!("{when} {}\n", line.text);
    }
    text
}

/// What a line of the head says.
pub(crate) fn get<'a>(head: &'a str, key: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    assert!(text.len().is_multiple_of(2), "half a byte in {text}");
    text.as_bytes().chunks(2).map(byte).collect()
}
