//! Shows that a datagram is intact. What is sealed has a tag instead (`keys`).
//!
//! It is put on last when sending and checked first when receiving, so that nothing unverified gets further.

use super::header::{CHECKSUM, HEADER_BYTES};

/// Writes the checksum over all the rest of `datagram`.
pub(super) fn seal(datagram: &mut [u8]) {
    let sum = checksum(datagram).to_be_bytes();
    datagram[CHECKSUM..HEADER_BYTES].copy_from_slice(&sum);
}

/// Whether the checksum is that of the rest of `datagram`, which is at least a header long.
pub(super) fn is_intact(datagram: &[u8]) -> bool {
    datagram[CHECKSUM..HEADER_BYTES] == checksum(datagram).to_be_bytes()
}

/// CRC-32 as in Ethernet and zlib (ISO 3309, polynomial 04C11DB7 reflected).
fn checksum(datagram: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&datagram[..CHECKSUM]);
    crc.update(&datagram[HEADER_BYTES..]);
    crc.finalize()
}
