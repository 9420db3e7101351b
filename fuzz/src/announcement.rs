//! What an announcement says, whoever sent it: names are short and without control characters, and what was read is
//! written so that it is read the same.

use proto::discovery::{Announcement, MAX_LABEL_BYTES};
use proto::names::printable;
use proto::wire::MAX_NAME_BYTES;

pub fn run(data: &[u8]) {
    let text = printable(&String::from_utf8_lossy(data));
    assert!(!text.chars().any(char::is_control));

    let strings: Vec<_> = Strings(data).map(pair).collect();
    let Ok(read) = Announcement::from_txt(strings.iter().map(|(key, value)| (&key[..], *value))) else {
        return;
    };
    assert!(read.name.len() <= MAX_NAME_BYTES && !read.name.chars().any(char::is_control));
    assert!((1..=MAX_LABEL_BYTES).contains(&read.instance().len()));
    assert!(read.group.is_none_or(|group| group.ip().is_multicast()));
    let txt = read.to_txt();
    let again = Announcement::from_txt(txt.iter().map(|(key, value)| (*key, value.as_bytes())))
        .expect("what is written can be read");
    assert_eq!((&again.name, again.mark, again.size), (&read.name, read.mark, read.size));
    assert_eq!(again.group, read.group);
}

/// The strings of a TXT record (RFC 1035, section 3.3.14).
struct Strings<'a>(&'a [u8]);

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.0.split_first()?;
        let (string, rest) = rest.split_at(rest.len().min(length.into()));
        self.0 = rest;
        Some(string)
    }
}

/// A string's key and value (RFC 6763, section 6.3).
fn pair(string: &[u8]) -> (String, &[u8]) {
    let end = string.iter().position(|&byte| byte == b'=').unwrap_or(string.len());
    let value = string.get(end + 1..).unwrap_or_default();
    (String::from_utf8_lossy(&string[..end]).into_owned(), value)
}
