//! What a browser, or whoever says that he is one, may send: each answer is one head, which nothing in the request or
//! in a sender's name can split; and where there is a key, nothing is shown but what the form for it is made of.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use proto::app::Broadcast;
use proto::app::web::{Family, Rehearsal, Site, WebAction, WebFeed};
use proto::keys::Key;
use proto::{Frame, MediaTime};

use super::Bytes;

pub fn run(data: &[u8]) {
    let locked = LOCKED.heads(Pieces(Bytes(data)));
    for head in &locked {
        let is_of_the_form =
            head.contains("Content-Type: text/css") || head.contains("Content-Type: image/svg");
        assert!(
            is_of_the_form || !head.starts_with("HTTP/1.1 2") && !head.starts_with("HTTP/1.1 3"),
            "{head:?}"
        );
    }
    for head in locked.into_iter().chain(SERVER.heads(Pieces(Bytes(data)))) {
        assert!(head.starts_with("HTTP/1.1 ") && head.ends_with("\r\n\r\n"), "{head:?}");
        assert_eq!(head.matches("\r\n\r\n").count(), 1, "{head:?}");
        assert!(!head.replace("\r\n", "").contains(['\r', '\n', '\0']), "{head:?}");
    }
}

/// The data in pieces, whose lengths are made of their first bytes.
struct Pieces<'a>(Bytes<'a>);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let first = *self.0.0.first()?;
        Some(self.0.take(1 + usize::from(first & 63)))
    }
}

/// A program with names as an attacker would choose them.
struct Program(Vec<Arc<Broadcast>>);

impl Site for Program {
    fn program(&self) -> &'static str {
        "receiver"
    }

    fn feeds(&self) -> Vec<WebFeed> {
        let feed = |(newest, name): (&Arc<Broadcast>, &str)| {
            let is_relative = name.is_empty();
            WebFeed { name: name.into(), newest: Arc::clone(newest), trouble: None, is_relative }
        };
        self.0.iter().zip(["a\"b\\c\r\n\r\nX: y", "\u{202e}<script>", ""]).map(feed).collect()
    }

    fn stats(&self) -> Arc<str> {
        r#"{"time":1.5,"frames":{"sent":1,"a\"b":2},"to":[{"address":"x\n","bytes":3}]}"#.into()
    }

    fn families(&self) -> &'static [Family] {
        FAMILIES
    }

    fn actions(&self) -> &'static [WebAction] {
        &[WebAction::Snapshot, WebAction::Replay]
    }

    fn act(&self, _: WebAction, feed: usize) -> Result<String, String> {
        if feed == 0 { Ok("saved a\r\n\r\nb".into()) } else { Err("there is no\r\nroom".into()) }
    }
}

static SERVER: LazyLock<Rehearsal> = LazyLock::new(|| server(None));
static LOCKED: LazyLock<Rehearsal> = LazyLock::new(|| server(Some(Key::from_random(&[7; 16]))));

fn server(key: Option<Key>) -> Rehearsal {
    let all: Vec<Arc<Broadcast>> = (0..3).map(|_| Arc::default()).collect();
    let jpeg = Arc::new(vec![0xff, 0xd8, 0xff, 0xd9]);
    all[0].put(1, Frame { captured: MediaTime::from_micros(5), jpeg, signature: None }, Instant::now());
    let local = "192.0.2.7".parse().expect("it is an address");
    Rehearsal::new(Arc::new(Program(all)), vec!["bench3.example".into()], local, key)
        .expect("there is room for a file")
}

const FAMILIES: &[Family] = &[
    Family::counter("a_total", "h", "frames/*").by(&["state"]),
    Family::counter("b_total", "h", "to/*/bytes").by(&["address"]),
];
