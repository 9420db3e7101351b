//! Writes DNS messages.

use std::net::IpAddr;

use super::kind;
use super::message::Section;
use super::name::Name;

/// A message that is being written. Names are written out: what we say fits into one datagram all the same.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A question.
    pub fn query() -> Self {
        Self { bytes: vec![0; HEAD] }
    }

    /// An answer, or what is said unasked.
    pub fn response() -> Self {
        let mut writer = Self::query();
        // A response that is from whoever knows (RFC 6762, sections 18.2 and 18.4).
        writer.bytes[2] = 0x84;
        writer
    }

    /// Asks for records of this kind of a name.
    pub fn question(&mut self, name: &Name, kind: u16) {
        self.count(0);
        self.name(name);
        self.bytes.extend([kind.to_be_bytes(), CLASS.to_be_bytes()].as_flattened());
    }

    /// Says that there is such a name. Others may say so of other names.
    pub fn pointer(&mut self, section: Section, name: &Name, ttl: u32, to: &Name) {
        let shared = [kind::PTR, CLASS];
        self.record(section, name, shared, ttl, |writer| writer.name(to));
    }

    /// Says at which port of which host it is.
    pub fn service(&mut self, section: Section, name: &Name, ttl: u32, port: u16, host: &Name) {
        self.record(section, name, [kind::SRV, CLASS | ONLY], ttl, |writer| {
            writer.bytes.extend([0; 4]);
            writer.bytes.extend(port.to_be_bytes());
            writer.name(host);
        });
    }

    /// Says its strings, each behind its length.
    pub fn text(&mut self, section: Section, name: &Name, ttl: u32, strings: &[u8]) {
        self.record(section, name, [kind::TXT, CLASS | ONLY], ttl, |writer| {
            // There must be one, if only an empty one (RFC 6763, section 6.1).
            writer.bytes.extend(if strings.is_empty() { &[0] } else { strings });
        });
    }

    /// Says an address of it.
    pub fn address(&mut self, section: Section, name: &Name, ttl: u32, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.record(section, name, [kind::A, CLASS | ONLY], ttl, |writer| {
                writer.bytes.extend(v4.octets());
            }),
            IpAddr::V6(v6) => self.record(section, name, [kind::AAAA, CLASS | ONLY], ttl, |writer| {
                writer.bytes.extend(v6.octets());
            }),
        }
    }

    /// How long it is so far.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The message.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn record(
        &mut self,
        section: Section,
        name: &Name,
        kind_and_class: [u16; 2],
        ttl: u32,
        data: impl FnOnce(&mut Self),
    ) {
        self.count(match section {
            Section::Answer => 1,
            Section::Authority => 2,
            Section::Additional => 3,
        });
        self.name(name);
        self.bytes.extend(kind_and_class.map(u16::to_be_bytes).as_flattened());
        self.bytes.extend(ttl.to_be_bytes());
        let at = self.bytes.len();
        self.bytes.extend([0; 2]);
        data(self);
        let length = (self.bytes.len() - at - 2) as u16;
        self.bytes[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }

    fn name(&mut self, name: &Name) {
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
    }

    /// One more in the head.
    fn count(&mut self, which: usize) {
        let at = 4 + 2 * which;
        let count = u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]) + 1;
        self.bytes[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
}

const HEAD: usize = 12;
/// The Internet.
const CLASS: u16 = 1;
/// What others said of this name before holds no more (RFC 6762, section 10.2).
const ONLY: u16 = 0x8000;
