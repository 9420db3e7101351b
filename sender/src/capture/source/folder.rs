//! A folder of JPEG files, in the order of their names.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail, ensure};
use proto::jpeg::{self, Splitter};
use proto::sys::Stop;
use proto::{Buffer, Pool};

use super::{LARGEST_JPEG, NextPicture, Source, SourceDrops, Timing};
use crate::picture::{Captured, Picture, unique};

/// The JPEG files of a folder, in natural order of their names: `img2.jpg` comes before `img10.jpg`.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    files: Vec<PathBuf>,
    next: usize,
    /// Files that had no picture, and as of when: they are not tried again until they have changed.
    passed_over: BTreeMap<PathBuf, Option<Version>>,
    damaged: u64,
    /// Pictures that were given since the files were listed.
    given: u64,
    ever_given: bool,
    /// Whether nothing was found in the last round, and whether that was said.
    nothing: Nothing,
    repeat: bool,
    pool: Pool,
}

/// When a file was changed last, and how long it is.
type Version = (SystemTime, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nothing {
    No,
    Found,
    Said,
}

impl Folder {
    /// The `.jpg` and `.jpeg` files that are in the folder now. With `repeat`, those that are there after the last one
    /// come next, and so on.
    pub(crate) fn open(path: &Path, repeat: bool) -> anyhow::Result<Self> {
        let files = list(path)?;
        ensure!(!files.is_empty(), "the folder {} has no .jpg files", path.display());
        Ok(Self {
            path: path.into(),
            files,
            next: 0,
            passed_over: BTreeMap::new(),
            damaged: 0,
            given: 0,
            ever_given: false,
            nothing: Nothing::No,
            repeat,
            pool: Pool::new(POOLED),
        })
    }

    /// A file's picture; `None` if it has none, which is said once.
    fn read(&mut self, index: usize) -> Option<Buffer> {
        let file = &self.files[index];
        let version = file.metadata().and_then(|file| Ok((file.modified()?, file.len()))).ok();
        if self.passed_over.get(file) == Some(&version) {
            return None;
        }
        let mut buffer = self.pool.take();
        match read_file(file, unique(&mut buffer)) {
            Ok(()) => return Some(self.pool.share(buffer)),
            // It is one that was taken out since the files were listed.
            Err(error) if self.repeat && is_not_found(&error) => {}
            Err(error) => {
                self.damaged += 1;
                if self.passed_over.insert(file.clone(), version).is_none() {
                    tracing::warn!("{} is passed over: {error:#}", file.display());
                }
            }
        }
        None
    }

    /// Lists the files once more.
    fn begin_again(&mut self) {
        (self.next, self.given) = (0, 0);
        // A folder that cannot be read now has no files now.
        self.files = list(&self.path).unwrap_or_default();
        let files = &self.files;
        self.passed_over.retain(|file, _| files.binary_search_by(|known| by_name(known, file)).is_ok());
    }
}

/// The `.jpg` and `.jpeg` files of a folder.
fn list(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = path.read_dir().with_context(|| format!("cannot read the folder {}", path.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.with_context(|| format!("cannot read the folder {}", path.display()))?.path();
        let extension = file.extension().unwrap_or_default();
        if ["jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known)) {
            files.push(file);
        }
    }
    files.sort_by(|a, b| by_name(a, b));
    Ok(files)
}

fn by_name(a: &Path, b: &Path) -> Ordering {
    natural_order(a.as_os_str().as_encoded_bytes(), b.as_os_str().as_encoded_bytes())
}

/// The first picture of a file.
fn read_file(path: &Path, jpeg: &mut Vec<u8>) -> anyhow::Result<()> {
    jpeg.clear();
    // Of a named pipe, somebody may never open the other end.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    ensure!(file.metadata()?.is_file(), "it is no file");
    file.take(MOST_READ as u64).read_to_end(jpeg)?;
    let mut splitter = Splitter::new(LARGEST_JPEG);
    let Some(found) = splitter.next(jpeg) else {
        let is_too_large = splitter.too_large() > 0 || splitter.inside_picture() && jpeg.len() == MOST_READ;
        ensure!(!is_too_large, "it is larger than {} MiB, the most that can be sent", LARGEST_JPEG >> 20);
        jpeg::scan(jpeg)?;
        bail!("it has no whole JPEG");
    };
    // What stands before the picture, or follows its end, is no part of it.
    jpeg.truncate(found.end);
    jpeg.drain(..found.start);
    Ok(())
}

fn is_not_found(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

impl Source for Folder {
    fn next(&mut self, stop: &Stop) -> anyhow::Result<NextPicture> {
        while !stop.is_requested() {
            if let Some(index) = (self.next < self.files.len()).then_some(self.next) {
                self.next += 1;
                let Some(jpeg) = self.read(index) else { continue };
                self.given += 1;
                (self.ever_given, self.nothing) = (true, Nothing::No);
                return Ok(NextPicture::Picture(Captured {
                    picture: Picture::Jpeg(jpeg),
                    at: Instant::now(),
                }));
            }
            if !self.ever_given {
                bail!("the folder {} has no whole JPEG", self.path.display());
            }
            if !self.repeat {
                return Ok(NextPicture::End);
            }
            if self.given == 0 {
                match self.nothing {
                    // Whoever puts in another picture may have taken out the old one first.
                    Nothing::No => (self.nothing, _) = (Nothing::Found, stop.wait(AT_ONCE_AGAIN)),
                    Nothing::Found => {
                        self.nothing = Nothing::Said;
                        return Ok(NextPicture::Gone(format!(
                            "the folder {} has no pictures now; it is looked at again and again",
                            self.path.display()
                        )));
                    }
                    Nothing::Said => _ = stop.wait(LOOK_EVERY),
                }
            }
            self.begin_again();
        }
        Ok(NextPicture::End)
    }

    fn describe(&self) -> String {
        format!("{}: {} JPEG files", self.path.display(), self.files.len())
    }

    fn timing(&self) -> Timing {
        Timing::Stored(None)
    }

    fn dropped(&self) -> SourceDrops {
        SourceDrops { damaged: self.damaged, superseded: 0 }
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
/// So that a picture of the largest size is found behind some other bytes.
const MOST_READ: usize = LARGEST_JPEG + (1 << 20);
/// How soon a folder in which nothing was found is looked at again: at first, and once that was said.
const AT_ONCE_AGAIN: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::super::stream::tests::{TestFolder, jpeg};
    use super::*;

    fn pictures(folder: &mut Folder, most: usize) -> Vec<Vec<u8>> {
        let stop = Stop::new().unwrap();
        std::iter::from_fn(|| match folder.next(&stop).unwrap() {
            NextPicture::Picture(Captured { picture: Picture::Jpeg(jpeg), .. }) => Some(jpeg.to_vec()),
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
        let mut source = Folder::open(folder.path(), false).unwrap();
        assert_eq!(pictures(&mut source, 99), [jpeg(1), jpeg(2), jpeg(10)]);
        let mut source = Folder::open(folder.path(), true).unwrap();
        assert_eq!(pictures(&mut source, 5), [jpeg(1), jpeg(2), jpeg(10), jpeg(1), jpeg(2)]);
        assert_eq!(source.dropped().damaged, 2);
    }

    #[test]
    fn each_round_has_the_files_that_are_there_then() {
        let folder = TestFolder::new("rounds");
        let (one, bad) = (folder.write("1.jpg", &jpeg(1)), folder.write("3.jpg", &jpeg(3)[..100]));
        folder.write("2.jpg", &jpeg(2));
        let mut source = Folder::open(folder.path(), true).unwrap();
        assert_eq!(pictures(&mut source, 2), [jpeg(1), jpeg(2)]);
        std::fs::remove_file(one).unwrap();
        folder.write("2.jpg", &jpeg(5));
        folder.write("10.JPG", &jpeg(10));
        assert_eq!(pictures(&mut source, 3), [jpeg(5), jpeg(10), jpeg(5)]);
        assert_eq!(source.dropped().damaged, 1, "a file that does not change is tried once");
        std::fs::write(bad, jpeg(3)).unwrap();
        assert_eq!(pictures(&mut source, 4), [jpeg(3), jpeg(10), jpeg(5), jpeg(3)]);
    }

    #[test]
    fn a_folder_that_is_empty_for_a_while_is_waited_for() {
        let folder = TestFolder::new("empty-for-a-while");
        let one = folder.write("1.jpg", &jpeg(1));
        let mut source = Folder::open(folder.path(), true).unwrap();
        assert_eq!(pictures(&mut source, 2), [jpeg(1), jpeg(1)]);
        std::fs::remove_file(&one).unwrap();
        let stop = Stop::new().unwrap();
        assert!(
            matches!(source.next(&stop).unwrap(), NextPicture::Gone(why) if why.contains("no pictures now"))
        );
        std::fs::write(one, jpeg(2)).unwrap();
        assert_eq!(pictures(&mut source, 2), [jpeg(2), jpeg(2)]);
    }

    #[test]
    fn what_is_no_file_holds_nobody_up_and_what_is_too_large_is_called_so() {
        let folder = TestFolder::new("odd");
        let pipe = folder.path().join("1.jpg");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        std::fs::create_dir(folder.path().join("2.jpg")).unwrap();
        let comment = [&[0xff, 0xfe, 0xff, 0xff][..], &[0; 65533]].concat().repeat(1 + (LARGEST_JPEG >> 16));
        let mut large = jpeg(3);
        large.splice(2..2, comment);
        let large = folder.write("3.jpg", &large);
        for before in [&[0xff, 0xd8][..], &[0; 4], &jpeg(9)[300..]] {
            folder.write("4.jpg", &[before, &jpeg(4)].concat());
            let mut source = Folder::open(folder.path(), false).unwrap();
            assert_eq!(pictures(&mut source, 9), [jpeg(4)], "behind {before:?}");
            assert_eq!(source.dropped().damaged, 3);
        }
        let said = |path: &Path| read_file(path, &mut Vec::new()).unwrap_err().to_string();
        assert!(said(&large).contains("larger than 16 MiB"), "{}", said(&large));
        assert!(said(&pipe).contains("no file"), "{}", said(&pipe));
    }

    #[test]
    fn a_folder_without_pictures_is_an_error() {
        let folder = TestFolder::new("empty");
        let error = Folder::open(folder.path(), false).unwrap_err();
        assert!(error.to_string().contains("no .jpg files"), "{error}");
        folder.write("a.jpg", b"text");
        let mut source = Folder::open(folder.path(), true).unwrap();
        assert!(source.next(&Stop::new().unwrap()).is_err(), "none is whole: no endless search");
    }

    #[test]
    fn numbers_in_names_count_by_value() {
        let mut names = ["b1", "a10b2", "a9", "a10b10", "a010", "a", "a1x", "a18446744073709551616000"];
        names.sort_by(|a, b| natural_order(a.as_bytes(), b.as_bytes()));
        assert_eq!(names, ["a", "a1x", "a9", "a010", "a10b2", "a10b10", "a18446744073709551616000", "b1"]);
    }
}
