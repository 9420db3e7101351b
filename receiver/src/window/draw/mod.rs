//! Shapes, colours and letters, as pixels in memory.

pub(super) mod bitmap;
pub(super) mod fit;
pub(super) mod grid;
pub(super) mod painter;
pub(super) mod palette;
#[cfg(test)]
pub(super) mod read;
pub(super) mod yuv;
