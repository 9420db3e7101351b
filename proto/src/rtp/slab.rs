//! Splits a picture into packets.

use std::ops::Range;

use super::content::Content;
use super::header::{Rtp, TABLES_BYTES};

/// All packets of a frame in one buffer, at equal distances, of which only the last may be shorter: pacing sends a
/// range of it, and segmentation offload wants that in one piece.
#[derive(Debug, Default)]
pub(super) struct PacketSlab {
    bytes: Vec<u8>,
    stride: usize,
    len: usize,
}

impl PacketSlab {
    /// Cuts `content` into packets of at most `datagram_bytes`, the first of which has the headers `first` but for the
    /// marker. What the slab held before is gone.
    pub(super) fn cut(&mut self, content: &Content<'_>, first: Rtp, datagram_bytes: usize) {
        let Content { picture, tables, data } = content;
        // Whatever the path takes, each packet carries something.
        self.stride = datagram_bytes.max(picture.header_bytes() + TABLES_BYTES + tables.bytes().len() + 1);
        self.bytes.clear();
        self.len = 0;
        let (mut rtp, mut offset) = (first, 0);
        while offset < data.len() {
            let begin = self.bytes.len();
            picture.emit(&rtp, offset, tables, &mut self.bytes);
            let room = self.stride - (self.bytes.len() - begin);
            let end = data.len().min(offset + room);
            if end == data.len() {
                Rtp::mark_last(&mut self.bytes[begin..]);
            }
            self.bytes.extend_from_slice(&data[offset..end]);
            offset = end;
            rtp.sequence = rtp.sequence.wrapping_add(1);
            self.len += 1;
        }
    }

    /// How many packets there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of every packet but the last.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Bytes of all packets.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The packets of this range, one behind the other.
    pub(super) fn range(&self, packets: Range<usize>) -> &[u8] {
        let end = (packets.end * self.stride).min(self.bytes.len());
        &self.bytes[packets.start * self.stride..end]
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::{Packet, RtpPicture, Sampling};
    use super::super::quantization::Tables;
    use super::*;

    #[test]
    fn the_packets_of_a_slab_are_the_scan() {
        let mut slab = PacketSlab::default();
        let tables = Tables::of_quality(80);
        for (length, datagram_bytes, restart_interval) in [
            (1, 1472, None),
            (1288, 1452, Some(40)),
            (1289, 1452, Some(40)),
            (100_000, 548, None),
            (50, 20, None),
        ] {
            let data: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
            let picture =
                RtpPicture { sampling: Sampling::Yuv420, q: 255, width: 640, height: 480, restart_interval };
            let first = Rtp { marker: false, sequence: 65_530, timestamp: 7, ssrc: 9 };
            slab.cut(&Content { picture, tables, data: &data }, first, datagram_bytes);
            let mut found = Vec::new();
            for number in 0..slab.len() {
                let bytes = slab.range(number..number + 1);
                assert!(bytes.len() <= datagram_bytes.max(slab.stride()));
                assert!(bytes.len() == slab.stride() || number + 1 == slab.len());
                let packet = Packet::parse(bytes).unwrap();
                assert_eq!((packet.picture, packet.offset), (picture, found.len()));
                assert_eq!(packet.rtp.sequence, 65_530_u16.wrapping_add(number as u16));
                assert_eq!(packet.rtp.marker, number + 1 == slab.len());
                assert_eq!(packet.tables.is_some(), number == 0);
                found.extend_from_slice(packet.data);
            }
            assert_eq!(found, data);
        }
    }
}
