//! What a picture is decoded for.

/// What the decoded picture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Planes of Y, U and V as they are in the JPEG, where its sampling is one that `DecodedLayout` knows; otherwise
    /// pixels.
    Planes,
    /// Packed B, G, R and an unused byte: what a window without graphics hardware shows without another conversion.
    Pixels,
}

/// How a picture is to be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeTarget {
    /// What the decoded picture is for.
    pub format: PixelFormat,
    /// The area that it is shown in, in pixels: [`PixelFormat::Pixels`] are then decoded no larger than they need be,
    /// which takes much less time. `None`: as it is.
    pub area: Option<(u32, u32)>,
    /// Whether the other cores have nothing else to decode, so that several share one picture.
    pub alone: bool,
}

impl DecodeTarget {
    /// A picture as it is, decoded by all cores.
    pub fn whole(format: PixelFormat) -> Self {
        Self { format, area: None, alone: true }
    }
}

/// The largest size of a picture's shape within an area.
pub(crate) fn scaled(picture: (u32, u32), room: (u32, u32)) -> (u32, u32) {
    let [w, h, across, down] = [picture.0, picture.1, room.0, room.1].map(|n| u64::from(n.max(1)));
    let (width, height) = if w * down > h * across {
        (across, (h * across + w / 2) / w)
    } else {
        ((w * down + h / 2) / h, down)
    };
    let within = |size: u64, room: u64| size.clamp(1, room) as u32;
    (within(width, across), within(height, down))
}
