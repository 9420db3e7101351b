//! EBML elements (RFC 8794): an identifier, a length, a body.

/// An element's identifier, its marker bits included, as RFC 9559 lists them.
pub(super) type Id = u32;

/// The length of an element whose end is not known yet, in as many bytes as [`patched_size`] makes.
pub(super) const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// Appends an identifier.
pub(super) fn id(out: &mut Vec<u8>, id: Id) {
    let bytes = id.to_be_bytes();
    out.extend_from_slice(&bytes[id.leading_zeros() as usize / 8..]);
}

/// Appends a length in as few bytes as it takes (RFC 8794 section 4).
pub(super) fn size(out: &mut Vec<u8>, size: u64) {
    // All ones would say that the length is not known.
    let octets = (1..8).find(|octets| size < (1 << (7 * octets)) - 1).unwrap_or(8);
    let marked = size | 1 << (7 * octets);
    out.extend_from_slice(&marked.to_be_bytes()[8 - octets..]);
}

/// A length in eight bytes, to be written over [`UNKNOWN_SIZE`].
pub(super) fn patched_size(size: u64) -> [u8; 8] {
    (size | 1 << 56).to_be_bytes()
}

/// Appends an element with these bytes in it.
pub(super) fn bytes(out: &mut Vec<u8>, element: Id, body: &[u8]) {
    id(out, element);
    size(out, body.len() as u64);
    out.extend_from_slice(body);
}

/// Appends an unsigned number, in as few bytes as it takes.
pub(super) fn uint(out: &mut Vec<u8>, element: Id, value: u64) {
    let octets = 8 - (value | 1).leading_zeros() as usize / 8;
    bytes(out, element, &value.to_be_bytes()[8 - octets..]);
}

/// Appends an element with what `fill` appends to it.
pub(super) fn master(out: &mut Vec<u8>, element: Id, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    bytes(out, element, &body);
}

/// Appends an element without meaning, of `length` bytes in all, at least 2: room for what is to be written later.
pub(super) fn void(out: &mut Vec<u8>, length: usize) {
    let end = out.len() + length;
    id(out, VOID);
    // The length is coded in one byte or in two, whichever leaves a body that fills the rest exactly.
    match length - 2 {
        body @ ..=126 => size(out, body as u64),
        body => out.extend_from_slice(&(0x4000 | (body as u16 - 1)).to_be_bytes()),
    }
    out.resize(end, 0);
}

const VOID: Id = 0xec;

#[cfg(test)]
mod tests {
    use super::*;

    fn made(make: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        make(&mut out);
        out
    }

    #[test]
    fn lengths_take_as_few_bytes_as_they_can_and_are_never_the_unknown_one() {
        for (length, coded) in [
            (0, vec![0x80]),
            (126, vec![0xfe]),
            (127, vec![0x40, 0x7f]),
            (16_382, vec![0x7f, 0xfe]),
            (16_383, vec![0x20, 0x3f, 0xff]),
            (170_000, vec![0x22, 0x98, 0x10]),
            ((1 << 49) - 1, vec![0x01, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ] {
            assert_eq!(made(|out| size(out, length)), coded, "{length}");
        }
        assert_eq!(patched_size(5), [1, 0, 0, 0, 0, 0, 0, 5]);
    }

    #[test]
    fn identifiers_and_numbers_take_as_few_bytes_as_they_can() {
        assert_eq!(made(|out| uint(out, 0xe7, 0)), [0xe7, 0x81, 0]);
        assert_eq!(made(|out| uint(out, 0x2a_d7b1, 1_000_000)), [0x2a, 0xd7, 0xb1, 0x83, 0x0f, 0x42, 0x40]);
        assert_eq!(made(|out| uint(out, 0x53ac, 256)), [0x53, 0xac, 0x82, 1, 0]);
        assert_eq!(made(|out| master(out, 0x1a45_dfa3, |out| uint(out, 0xe7, 1))).len(), 5 + 3);
    }

    #[test]
    fn a_void_is_exactly_as_long_as_it_is_to_be() {
        for length in [2, 3, 12, 128, 129, 130, 200, 1000] {
            let void = made(|out| void(out, length));
            assert_eq!((void.len(), void[0]), (length, 0xec));
            let (octets, body) = match void[1] {
                first if first & 0x80 != 0 => (1, usize::from(first & 0x7f)),
                first => (2, usize::from(u16::from_be_bytes([first & 0x3f, void[2]]))),
            };
            assert_eq!(1 + octets + body, length);
        }
    }
}
