//! A folder of JPEG files, in the order of their names.

use std::cmp::Ordering;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use proto::host::{Console, Stop};
use proto::{Buffer, Pool};

use super::{Dropped, LARGEST_JPEG, Next, Source, Timing};
use crate::encode::unique;
use crate::picture::{Captured, Picture};

/// The JPEG files of a folder, in natural order of their names: `img2.jpg` comes before `img10.jpg`.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    files: Vec<PathBuf>,
    next: usize,
    damaged: u64,
    repeat: bool,
    pool: Pool,
    console: Console,
}

impl Folder {
    /// The `.jpg` and `.jpeg` files that are in the folder now. With `repeat` they begin again after the last.
    pub fn open(path: &Path, repeat: bool, console: Console) -> anyhow::Result<Self> {
        let entries =
            path.read_dir().with_context(|| format!("cannot read the folder {}", path.display()))?;
        let mut files = Vec::new();
        for entry in entries {
            let file = entry.with_context(|| format!("cannot read the folder {}", path.display()))?.path();
            let extension = file.extension().unwrap_or_default();
            if ["jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known)) {
                files.push(file);
            }
        }
        ensure!(!files.is_empty(), "the folder {} has no .jpg files", path.display());
        files.sort_by(|a, b| {
            natural_order(a.as_os_str().as_encoded_bytes(), b.as_os_str().as_encoded_bytes())
        });
        Ok(Self { path: path.into(), files, next: 0, damaged: 0, repeat, pool: Pool::new(POOLED), console })
    }

    fn read(&mut self, index: usize) -> anyhow::Result<Buffer> {
        let mut buffer = self.pool.take();
        let jpeg = unique(&mut buffer);
        jpeg.clear();
        let file = File::open(&self.files[index])?;
        ensure!(file.metadata()?.is_file(), "it is no file");
        file.take(LARGEST_JPEG as u64 + 1).read_to_end(jpeg)?;
        ensure!(jpeg.len() <= LARGEST_JPEG, "it is larger than {} MiB", LARGEST_JPEG >> 20);
        // What follows the end marker is not part of the picture.
        let end = proto::jpeg::scan(jpeg)?.end;
        jpeg.truncate(end);
        Ok(self.pool.share(buffer))
    }
}

impl Source for Folder {
    fn next(&mut self, stop: &Stop) -> anyhow::Result<Next> {
        while !stop.is_requested() {
            if self.files.is_empty() {
                bail!("the folder {} has no whole JPEG", self.path.display());
            }
            if self.next == self.files.len() {
                if !self.repeat {
                    return Ok(Next::End);
                }
                self.next = 0;
            }
            match self.read(self.next) {
                Ok(jpeg) => {
                    self.next += 1;
                    let at = Instant::now();
                    return Ok(Next::Picture(Captured { picture: Picture::Jpeg(jpeg), at }));
                }
                Err(error) => {
                    // It is not tried again, so it is said once.
                    let file = self.files.remove(self.next);
                    self.damaged += 1;
                    self.console.warn(format_args!("{} is passed over: {error:#}", file.display()));
                }
            }
        }
        Ok(Next::End)
    }

    fn describe(&self) -> String {
        format!("{}: {} JPEG files", self.path.display(), self.files.len())
    }

    fn timing(&self) -> Timing {
        Timing::Stored(None)
    }

    fn dropped(&self) -> Dropped {
        Dropped { damaged: self.damaged, superseded: 0 }
    }
}

/// Compares names so that numbers in them count by value.
fn natural_order(a: &[u8], b: &[u8]) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (Some(l), Some(r)) = (left.first(), right.first()) else {
            // Names that differ only in leading zeros still have one order.
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        let order = if l.is_ascii_digit() && r.is_ascii_digit() {
            let (x, y) = (number(&mut left), number(&mut right));
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        } else {
            (left, right) = (&left[1..], &right[1..]);
            l.cmp(r)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Takes the digits at the beginning, and returns those from the first that counts.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    *text = rest;
    &digits[digits.iter().take_while(|&&digit| digit == b'0').count()..]
}

/// Pictures that may be under way at once.
const POOLED: usize = 6;

#[cfg(test)]
mod tests {
    use super::super::stream::tests::{TestFolder, jpeg};
    use super::*;

    fn pictures(folder: &mut Folder, most: usize) -> Vec<Vec<u8>> {
        let stop = Stop::new().unwrap();
        std::iter::from_fn(|| match folder.next(&stop).unwrap() {
            Next::Picture(Captured { picture: Picture::Jpeg(jpeg), .. }) => Some(jpeg.to_vec()),
            _ => None,
        })
        .take(most)
        .collect()
    }

    #[test]
    fn files_come_in_natural_order_and_only_whole_jpegs() {
        let folder = TestFolder::new("order");
        let padded = [jpeg(2), vec![0; 9]].concat();
        for (name, content) in
            [("img10.jpg", &jpeg(10)), ("img2.JPG", &padded), ("img1.jpeg", &jpeg(1)), ("note.txt", &jpeg(9))]
        {
            folder.write(name, content);
        }
        folder.write("img3.jpg", b"not a picture");
        folder.write("img4.jpg", &jpeg(4)[..100]);
        let mut source = Folder::open(folder.path(), false, Console::new("test")).unwrap();
        assert_eq!(pictures(&mut source, 99), [jpeg(1), jpeg(2), jpeg(10)]);
        let mut source = Folder::open(folder.path(), true, Console::new("test")).unwrap();
        assert_eq!(pictures(&mut source, 5), [jpeg(1), jpeg(2), jpeg(10), jpeg(1), jpeg(2)]);
        assert_eq!(source.dropped().damaged, 2);
    }

    #[test]
    fn a_folder_without_pictures_is_an_error() {
        let folder = TestFolder::new("empty");
        let error = Folder::open(folder.path(), false, Console::new("test")).unwrap_err();
        assert!(error.to_string().contains("no .jpg files"), "{error}");
        folder.write("a.jpg", b"text");
        let mut source = Folder::open(folder.path(), true, Console::new("test")).unwrap();
        assert!(source.next(&Stop::new().unwrap()).is_err(), "none is whole: no endless search");
    }

    #[test]
    fn numbers_in_names_count_by_value() {
        let mut names = ["b1", "a10b2", "a9", "a10b10", "a010", "a", "a1x", "a18446744073709551616000"];
        names.sort_by(|a, b| natural_order(a.as_bytes(), b.as_bytes()));
        assert_eq!(names, ["a", "a1x", "a9", "a010", "a10b2", "a10b10", "a18446744073709551616000", "b1"]);
    }
}
