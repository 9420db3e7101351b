//! An HTTP/1.1 client that sends exactly what it is given.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// All of its head, as it came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// A connection to a server.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Sends a request with these header fields.
    pub(crate) fn request(&mut self, method: &str, path: &str, fields: &[&str]) {
        let host = self.stream.get_ref().peer_addr().unwrap();
        let has_host = fields.iter().any(|field| field.starts_with("Host:"));
        let own = if has_host { String::new() } else { format!("Host: {host}\r\n") };
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        self.send(&format!("{method} {path} HTTP/1.1\r\n{own}{fields}\r\n"));
    }

    /// The next answer's head: `None` if the connection has ended.
    pub(crate) fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head).unwrap_or(0) == 0 {
                assert!(head.is_empty(), "the connection ended in a head: {head:?}");
                return None;
            }
        }
        Some(head)
    }

    /// The next answer, whose length it says; to HEAD there is no body.
    pub(crate) fn answer(&mut self, has_body: bool) -> Response {
        let head = self.head().expect("an answer");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = field(&head, "Content-Length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; if has_body { length } else { 0 }];
        self.stream.read_exact(&mut body).unwrap();
        Response { status, head, body }
    }

    /// A line, as the first boundary of a stream is.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line
    }

    /// The next picture of a stream, its head and its bytes: `None` if the stream has ended.
    pub(crate) fn part(&mut self) -> Option<(String, Vec<u8>)> {
        let head = self.head()?;
        let length = field(&head, "Content-Length").unwrap_or_else(|| panic!("no part: {head}"));
        let mut jpeg = vec![0; length.parse().unwrap()];
        self.stream.read_exact(&mut jpeg).ok()?;
        let mut end = [0; PART_END.len()];
        self.stream.read_exact(&mut end).ok()?;
        assert_eq!(end, *PART_END, "the boundary comes with the picture before it");
        Some((head, jpeg))
    }

    /// Whether the server has ended the connection, waiting for that.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.stream.read(&mut [0]).is_ok_and(|read| read == 0)
    }
}

impl Response {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }
}

/// A header field's value.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Asks once, on a connection of its own.
pub(crate) fn ask(to: SocketAddr, method: &str, path: &str, fields: &[&str]) -> Response {
    let mut client = Client::connect(to);
    client.request(method, path, fields);
    client.answer(method != "HEAD")
}

/// GETs once, on a connection of its own.
pub(crate) fn get(to: SocketAddr, path: &str) -> Response {
    ask(to, "GET", path, &[])
}

/// Long enough for a busy machine; who is in time does not wait for it.
const PATIENCE: Duration = Duration::from_secs(20);
const PART_END: &[u8; 15] = b"\r\n--chunkcast\r\n";
