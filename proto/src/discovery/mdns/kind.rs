//! Kinds of records (RFC 1035, section 3.2.2; RFC 2782; RFC 3596).

/// An IPv4 address.
pub const A: u16 = 1;
/// A pointer to a name.
pub const PTR: u16 = 12;
/// Strings.
pub const TXT: u16 = 16;
/// An IPv6 address.
pub const AAAA: u16 = 28;
/// A host and port.
pub const SRV: u16 = 33;
/// Any of them, in a question.
pub const ANY: u16 = 255;
