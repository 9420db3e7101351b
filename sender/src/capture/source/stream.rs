//! Pictures from a stream of bytes: a file, a named pipe, or standard input; MJPEG or Y4M, told apart by content.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, stdin};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use proto::Pool;
use proto::sys::Stop;

use super::input::{Input, Read, ReaderStep};
use super::mjpeg::Mjpeg;
use super::y4m::{self, Y4m};
use super::{NextPicture, Source, SourceDrops, Timing};
use crate::picture::Captured;

/// Pictures from a file or a pipe.
///
/// From a pipe, a picture is captured when its last byte was read. From a regular file, pictures are there at once,
/// and only a bounded part of it is in memory.
#[derive(Debug)]
pub struct InputStream {
    input: Input,
    name: String,
    /// Where it is opened anew in each round; `None` for standard input.
    path: Option<PathBuf>,
    /// Whether it is a regular file: its pictures are not live.
    stored: bool,
    repeat: bool,
    format: Option<InputFormat>,
    /// Pictures since the beginning of the file, and in the rounds before.
    pictures: u64,
    earlier: u64,
    /// For how long there has been nothing at its path, if there has.
    missing: Option<Instant>,
    /// Whether that was said.
    is_gone: bool,
    /// Damaged pictures, without those that the present reader counts.
    damaged: u64,
    pool: Pool,
}

#[derive(Debug)]
enum InputFormat {
    Mjpeg(Mjpeg),
    Y4m(Y4m),
}

impl InputStream {
    /// Standard input. It ends with the input; with `repeat`, a regular file begins again.
    pub fn standard_input(repeat: bool) -> anyhow::Result<Self> {
        ensure!(
            !stdin().is_terminal(),
            "standard input is a terminal; pipe pictures in, such as: ffmpeg -i FILE -f mjpeg - | sender --source -"
        );
        let file = stdin().as_fd().try_clone_to_owned().context("cannot use standard input")?;
        Self::new(File::from(file), "standard input".into(), repeat)
    }

    /// The file or named pipe at `path`. A file that is neither MJPEG nor Y4M is refused.
    pub fn open(path: &Path, repeat: bool) -> anyhow::Result<Self> {
        let file = open_file(path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut stream = Self::new(file, path.display().to_string(), repeat)?;
        stream.path = Some(path.to_owned());
        let known_name = path.extension().is_some_and(|extension| {
            ["mjpeg", "mjpg", "jpg", "jpeg", "y4m"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        });
        let known_start =
            [b"\xff\xd8\xff".as_slice(), b"--"].iter().any(|start| stream.input.unused().starts_with(start));
        ensure!(
            !stream.stored || known_name || known_start || matches!(stream.format, Some(InputFormat::Y4m(_))),
            "{0} is of an unknown type; taken are .mjpeg, .y4m, .jpg and folders of .jpg. ffmpeg turns other videos \
             into one: ffmpeg -i {0} -f mjpeg - | sender --source -",
            path.display()
        );
        Ok(stream)
    }

    pub(super) fn new(file: File, name: String, repeat: bool) -> anyhow::Result<Self> {
        let stored = file.metadata().is_ok_and(|metadata| metadata.is_file());
        let (input, pool) = (Input::new(file), Pool::new(POOLED));
        let repeat = repeat && stored;
        let mut stream = Self {
            input,
            name,
            path: None,
            stored,
            repeat,
            format: None,
            pictures: 0,
            earlier: 0,
            missing: None,
            is_gone: false,
            damaged: 0,
            pool,
        };
        if stored {
            // Reading a file does not wait, and its rate is wanted before its pictures.
            stream.find_format(&Stop::new()?)?;
        }
        Ok(stream)
    }

    /// Looks at the first bytes. Says whether the format is known now; it is not if the program was asked to end.
    fn find_format(&mut self, stop: &Stop) -> anyhow::Result<bool> {
        if self.format.is_some() {
            return Ok(true);
        }
        loop {
            let start = &self.input.unused()[..self.input.unused().len().min(y4m::MAGIC.len())];
            if start == y4m::MAGIC {
                let y4m = Y4m::begin(&mut self.input, stop).with_context(|| self.name.clone())?;
                self.format = y4m.map(InputFormat::Y4m);
                return Ok(self.format.is_some());
            }
            let undecided = y4m::MAGIC.starts_with(start);
            match if undecided { self.input.fill(stop)? } else { Read::End } {
                Read::More => {}
                Read::Stopped => return Ok(false),
                Read::End => {
                    self.format = Some(InputFormat::Mjpeg(Mjpeg::new()));
                    return Ok(true);
                }
            }
        }
    }

    /// Goes to the beginning of the file, or of the one that has its place now.
    fn begin_again(&mut self) -> anyhow::Result<()> {
        let begun = match &self.path {
            None => self.input.rewind(),
            Some(path) => open_file(path).and_then(|file| match file.metadata()?.is_file() {
                true => {
                    self.input = Input::new(file);
                    Ok(())
                }
                false => Err(io::Error::other("it is no file any more")),
            }),
        };
        self.damaged = self.dropped().damaged;
        (self.format, self.earlier, self.pictures) = (None, self.earlier + self.pictures, 0);
        begun.with_context(|| format!("cannot read {} again", self.name))
    }

    /// Begins another round; what to say if there is none now. A file that is being replaced is waited for.
    fn next_round(&mut self, stop: &Stop) -> anyhow::Result<Option<NextPicture>> {
        loop {
            if self.pictures > 0 {
                (self.missing, self.is_gone) = (None, false);
            } else {
                let since = *self.missing.get_or_insert_with(Instant::now);
                if since.elapsed() >= PATIENCE && !std::mem::replace(&mut self.is_gone, true) {
                    let why = format!("{} has no picture now; it is looked at again and again", self.name);
                    return Ok(Some(NextPicture::Gone(why)));
                }
                if stop.wait(if self.is_gone { PATIENCE } else { SOON }) {
                    return Ok(Some(NextPicture::End));
                }
            }
            match self.begin_again() {
                Err(error) if self.path.is_none() => return Err(error),
                Err(_) => {}
                Ok(()) => return Ok(None),
            }
        }
    }

    fn step(&mut self, stop: &Stop) -> anyhow::Result<ReaderStep> {
        if !self.find_format(stop)? {
            return Ok(ReaderStep::Stopped);
        }
        let Self { input, pool, .. } = self;
        match &mut self.format {
            Some(InputFormat::Mjpeg(mjpeg)) => mjpeg.next(input, pool, stop),
            Some(InputFormat::Y4m(y4m)) => y4m.next(input, pool, stop),
            None => Ok(ReaderStep::Stopped),
        }
        .with_context(|| self.name.clone())
    }
}

impl Source for InputStream {
    fn next(&mut self, stop: &Stop) -> anyhow::Result<NextPicture> {
        loop {
            match self.step(stop)? {
                ReaderStep::Picture(picture) => {
                    self.pictures += 1;
                    // A file's picture may have been read with others long before it is asked for.
                    let at = if self.stored { Instant::now() } else { self.input.read_at() };
                    return Ok(NextPicture::Picture(Captured { picture, at }));
                }
                ReaderStep::Stopped => return Ok(NextPicture::End),
                ReaderStep::CutShort => {
                    self.damaged += 1;
                    if self.earlier == 0 {
                        tracing::info!("the last picture was cut short; it is not sent");
                    }
                }
                ReaderStep::End => {}
            }
            ensure!(
                self.pictures + self.earlier > 0,
                "{} ended without a picture; JPEGs one after the other, or Y4M, are expected",
                self.name
            );
            if !self.repeat {
                return Ok(NextPicture::End);
            }
            if let Some(instead) = self.next_round(stop)? {
                return Ok(instead);
            }
        }
    }

    fn describe(&self) -> String {
        match &self.format {
            None => self.name.clone(),
            Some(InputFormat::Mjpeg(_)) => format!("{}: MJPEG", self.name),
            Some(InputFormat::Y4m(y4m)) => {
                let header = y4m.header();
                let rate = header.rate.map_or(String::new(), |rate| format!(" at {rate:.4} fps"));
                format!("{}: Y4M {}x{} {:?}{rate}", self.name, header.width, header.height, header.layout)
            }
        }
    }

    fn timing(&self) -> Timing {
        let rate = match &self.format {
            Some(InputFormat::Y4m(y4m)) => y4m.header().rate,
            _ => None,
        };
        if self.stored { Timing::Stored(rate) } else { Timing::Live(rate) }
    }

    fn dropped(&self) -> SourceDrops {
        let reader = match &self.format {
            Some(InputFormat::Mjpeg(mjpeg)) => mjpeg.damaged(),
            _ => 0,
        };
        SourceDrops { damaged: self.damaged + reader, superseded: 0 }
    }
}

/// Opens a file. A named pipe would otherwise keep us here until somebody writes into it, whatever is asked of us
/// meanwhile.
fn open_file(path: &Path) -> io::Result<File> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    OpenOptions::new().read(true).custom_flags(nonblocking).open(path)
}

/// How soon a file without a picture is looked at again, for how long, and how often after that was said.
const SOON: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(1);
/// Pictures that may be under way at once: one being encoded or sent, one waiting, one being read, and some to spare.
const POOLED: usize = 6;

#[cfg(test)]
pub(super) mod tests;
