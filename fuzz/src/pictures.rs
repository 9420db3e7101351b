//! Small pictures, as encoders make them.

/// All of them: those that the target `decode` begins with, without the flags before them.
pub(crate) fn all() -> [&'static [u8]; 6] {
    [
        &include_bytes!("../seeds/decode/gray")[1..],
        &include_bytes!("../seeds/decode/yuv420")[1..],
        &include_bytes!("../seeds/decode/yuv422")[1..],
        &include_bytes!("../seeds/decode/yuv444")[1..],
        &include_bytes!("../seeds/decode/one-block")[1..],
        // In bands, with restart markers between them.
        &include_bytes!("../seeds/decode/bands")[1..],
    ]
}
