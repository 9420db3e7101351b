//! Any bytes as a picture, by one thread and by several, in all forms: what is decoded can be read to its last row.

use std::cell::RefCell;
use std::hint::black_box;

use proto::jpeg::scan;
use receiver::{DecodeTarget, Decoded, Decoder, PixelFormat};

pub fn run(data: &[u8]) {
    let Some((&flags, jpeg)) = data.split_first() else { return };
    decode(jpeg, flags & 8 != 0, aim(flags));
}

/// What the flags want of the decoder.
pub(crate) fn aim(flags: u8) -> DecodeTarget {
    let format = if flags & 1 == 0 { PixelFormat::Planes } else { PixelFormat::Pixels };
    let side = u32::from(flags >> 4);
    let area = (flags & 2 != 0).then_some((side * 4 + 1, side * 3 + 1));
    DecodeTarget { format, area, alone: flags & 4 == 0 }
}

/// Decodes a picture, if it is not so large that others would have to wait for it, and reads all of it.
pub(crate) fn decode(jpeg: &[u8], by_many: bool, aim: DecodeTarget) {
    if scan(jpeg).is_ok_and(|info| u32::from(info.width) * u32::from(info.height) > MOST_PIXELS) {
        return;
    }
    DECODERS.with_borrow_mut(|Decoders { one, many, into }| {
        let decoder = if by_many { many } else { one };
        let Ok((width, height)) = decoder.decode(jpeg, aim, into) else { return };
        assert!(width > 0 && height > 0);
        let (mut sum, mut rows) = (0_u64, 0);
        for strip in into.strips() {
            rows += strip.rows();
            sum +=
                into.planes(strip).iter().flat_map(|plane| plane.iter()).map(|&y| u64::from(y)).sum::<u64>();
        }
        assert_eq!(rows, into.height(), "strips are the whole picture");
        black_box(sum);
    });
}

struct Decoders {
    one: Decoder,
    many: Decoder,
    into: Decoded,
}

thread_local! {
    static DECODERS: RefCell<Decoders> = RefCell::new(Decoders {
        one: Decoder::with_threads(1),
        many: Decoder::with_threads(4),
        into: Decoded::default(),
    });
}

/// Somewhat more than from where on several threads share a picture.
const MOST_PIXELS: u32 = 640 * 640;
