//! Pictures that are known again by their pixels, whatever headers they came with.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use turbojpeg::PixelFormat;

/// Pictures of which no two are alike.
pub(crate) struct Album {
    numbers: HashMap<u64, usize>,
}

impl Album {
    /// These JPEGs, in this order.
    pub(crate) fn of<J: AsRef<[u8]>>(jpegs: &[J]) -> Self {
        let numbers: HashMap<_, _> = jpegs.iter().map(|jpeg| pixels(jpeg.as_ref())).zip(0..).collect();
        assert_eq!(numbers.len(), jpegs.len(), "the pictures are not distinct");
        Self { numbers }
    }

    /// Asserts that each of `jpegs` has exactly the pixels of a picture of the album, and returns which.
    pub(crate) fn find_all<J: AsRef<[u8]>>(&self, jpegs: &[J]) -> Vec<usize> {
        let find = |(at, jpeg): (usize, &J)| {
            let number = self.numbers.get(&pixels(jpeg.as_ref())).copied();
            number.unwrap_or_else(|| panic!("picture {at} of {} has other pixels", jpegs.len()))
        };
        jpegs.iter().enumerate().map(find).collect()
    }
}

/// The files of a folder, in the order of their names.
pub(crate) fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// What stands for all pixels of a picture, and its size.
fn pixels(jpeg: &[u8]) -> u64 {
    let image = turbojpeg::decompress(jpeg, PixelFormat::RGB).unwrap();
    let mut hasher = DefaultHasher::new();
    (image.width, image.height, image.pixels).hash(&mut hasher);
    hasher.finish()
}
