//! Why a JPEG is not decoded.

use proto::jpeg::JpegError;
use thiserror::Error;

/// Why a JPEG is not decoded: the picture's fault, except for [`Threads`](Self::Threads).
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// It is no whole JPEG.
    #[error("the picture is no whole JPEG: {0}")]
    NotWhole(#[from] JpegError),
    /// It is progressive: its first row is known only at its last byte, and decoding costs several times as much.
    #[error("the picture is a progressive JPEG; only baseline JPEGs are shown")]
    Progressive,
    /// It is coded losslessly.
    #[error("the picture is a lossless JPEG; only baseline JPEGs are shown")]
    Lossless,
    /// It is arithmetic-coded or hierarchical.
    #[error("the picture is an arithmetic-coded or hierarchical JPEG; only baseline JPEGs are shown")]
    Arithmetic,
    /// It does not have 8 bits per sample.
    #[error("the picture has {0} bits per sample; only 8 are shown")]
    Precision(u8),
    /// It is neither grey nor in three colours.
    #[error("the picture has {0} colour components; only 1 (grey) and 3 are shown")]
    Components(u8),
    /// Its header claims a size beyond the bounds.
    #[error("the picture claims to be {width}x{height}; at most 8192 each way and 36 megapixels are shown")]
    TooLarge {
        /// Width in pixels.
        width: u16,
        /// Height in pixels.
        height: u16,
    },
    /// Its chroma is sampled in a way that nothing here can show.
    #[error("the picture's colour sampling is not one that can be shown (4:2:0, 4:2:2, 4:4:4 and grey are)")]
    Sampling,
    /// It has its data in more scans than it has components: each would cost a walk over the whole picture.
    #[error(
        "the picture has {scans} scans for {components} colour components; at most one for each is decoded"
    )]
    Scans {
        /// How many scans it has.
        scans: u32,
        /// How many colour components.
        components: u8,
    },
    /// It has several scans, for which all of it has to be kept as coefficients, and is too large for that.
    #[error(
        "the picture has several scans and is {width}x{height}; with several, at most 4 megapixels are decoded"
    )]
    TooLargeForScans {
        /// Width in pixels.
        width: u16,
        /// Height in pixels.
        height: u16,
    },
    /// It has more tables and markers than any picture needs.
    #[error("the picture has {bytes} bytes of tables and markers; a kilobyte is usual, and 64 are read")]
    Tables {
        /// How many bytes of them.
        bytes: usize,
    },
    /// What the decoder read does not agree with what the header said.
    #[error("the picture contradicts its own header")]
    Contradictory,
    /// Its data are damaged.
    #[error("the picture is damaged: {0}")]
    Damaged(String),
    /// A decoding thread has ended.
    #[error("a decoding thread has ended; start the program again")]
    Threads,
}
