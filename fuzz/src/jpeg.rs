//! The walk through a JPEG's segments, and the splitter, which finds the same pictures however a stream is cut.

use proto::jpeg::{Splitter, scan, scan_head, with_huffman_tables};

pub fn run(data: &[u8]) {
    if let Ok(info) = scan(data) {
        assert!(info.end <= data.len() && info.width > 0 && info.height > 0);
        let head = scan_head(data).expect("a whole one has a head").info;
        assert_eq!((head.width, head.height), (info.width, info.height));
        assert_eq!(head.components, info.components);
        assert_eq!(
            scan(&data[..info.end]).map(|again| again.end),
            Ok(info.end),
            "what is behind it is not read"
        );
    }
    if let Ok(head) = scan_head(data) {
        let parts = with_huffman_tables(data, &head);
        assert!(parts.iter().map(|part| part.len()).sum::<usize>() >= data.len());
    }
    let _ = proto::rtp::check(data);

    let whole = split(data, data.len().max(1), 1 << 20);
    for piece in [1, 3, 17] {
        if data.len() < 4000 || piece > 3 {
            assert_eq!(split(data, piece, 1 << 20), whole, "in pieces of {piece}");
        }
    }
    for largest in [100, 1000] {
        assert!(split(data, 64, largest).iter().all(|jpeg| jpeg.len() <= largest));
    }
}

/// The pictures that are found in a stream which comes in pieces.
fn split(stream: &[u8], piece: usize, largest: usize) -> Vec<Vec<u8>> {
    let mut splitter = Splitter::new(largest);
    let (mut buffer, mut found) = (Vec::new(), Vec::new());
    for bytes in stream.chunks(piece) {
        buffer.extend_from_slice(bytes);
        while let Some(range) = splitter.next(&buffer) {
            found.push(buffer[range.clone()].to_vec());
            buffer.drain(..range.end);
            splitter.removed(range.end);
        }
        let unneeded = splitter.keep_from();
        assert!(unneeded <= buffer.len());
        buffer.drain(..unneeded);
        splitter.removed(unneeded);
    }
    found
}
