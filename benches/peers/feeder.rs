//! Feeds pictures to a transmitter at a fixed rate, and times when each comes out of the viewer.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Context;
use proto::jpeg::Splitter;

use crate::child::{Pipes, Program, Usage};
use crate::clip::{FRAME, Jpegs, Pictures, number_of};
use crate::lab::Lab;
use crate::pairs::{Format, Pair};

/// How much is fed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feed<'a> {
    /// Pictures a second.
    pub(crate) fps: u32,
    /// For how long it is not measured at first.
    pub(crate) warm_seconds: u32,
    /// For how long it is measured then.
    pub(crate) seconds: u32,
    /// The wire between the two programs, where what they put on it is to be counted.
    pub(crate) wire: Option<&'a Lab>,
}

/// What one run of one pair came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// Pictures written in the measured time.
    pub(crate) sent: usize,
    /// From a picture's last byte written to its last byte read (or its last row drawn), in ms; of each that came.
    pub(crate) latency_ms: Vec<f64>,
    /// What the transmitter used: processor time in the measured time alone.
    pub(crate) tx: Usage,
    /// What the viewer used.
    pub(crate) rx: Usage,
    /// For viewers that draw: the same until the bottom edge was drawn; `latency_ms` is the top edge's.
    pub(crate) bottom_ms: Vec<f64>,
    /// Luma PSNR of what came against what was sent, in dB, where pictures are decoded.
    pub(crate) psnr_db: Option<f64>,
    /// Bytes on the wire in the measured time, both ways, with all headers.
    pub(crate) wire_bytes: Option<u64>,
    /// How many more these are than without repair on a clean path, as a part of those.
    pub(crate) overhead: Option<f64>,
}

/// When each picture was written, by its number.
pub(crate) struct Journal {
    written: Mutex<Vec<Option<Instant>>>,
}

impl Journal {
    /// A journal for this many numbers.
    pub(crate) fn new(numbers: usize) -> Self {
        Self { written: Mutex::new(vec![None; numbers]) }
    }

    /// Says that picture `number` begins to be written.
    pub(crate) fn begin(&self, number: usize) {
        self.lock()[number] = Some(Instant::now());
    }

    /// Says that picture `number` has been written; it may have come out already.
    pub(crate) fn end(&self, number: usize) {
        let now = Instant::now();
        if let Some(written) = &mut self.lock()[number] {
            *written = now;
        }
    }

    /// When picture `number` was written; asked once.
    pub(crate) fn take(&self, number: usize) -> Option<Instant> {
        self.lock()[number].take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Option<Instant>>> {
        self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// JPEG frames through a pair, from pipe to pipe.
pub(crate) fn jpegs(pair: &Pair, clip: &Jpegs, feed: Feed<'_>, folder: &Path) -> anyhow::Result<Run> {
    let mut rx = Program::start(
        &pair.rx,
        folder,
        Pipes { input: false, output: pair.output != Format::Screen },
        None,
    )?;
    let output = if pair.output == Format::Screen { None } else { Some(rx.output()?) };
    let journal = Journal::new(clip.frames.len());
    let framed: Vec<_> = clip.frames.iter().map(|jpeg| frame_jpeg(pair.input, jpeg)).collect();
    let number = |turn| turn % framed.len();
    let (mut run, latency_ms) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| output.map(|pipe| read_jpegs(pipe, clip, &journal)).unwrap_or_default());
        let run = drive(pair, rx, feed, folder, |pipe, turn, measured| {
            write_timed(pipe, &[&framed[number(turn)]], number(turn), measured.then_some(&journal))
        });
        (run, reading.join().unwrap_or_default())
    });
    if let Ok(run) = &mut run {
        run.latency_ms = latency_ms;
    }
    run
}

/// Raw pictures through a pair, from pipe to pipe.
pub(crate) fn pictures(
    pair: &Pair,
    clip: &mut Pictures,
    feed: Feed<'_>,
    folder: &Path,
) -> anyhow::Result<Run> {
    let mut rx = Program::start(&pair.rx, folder, Pipes { input: false, output: true }, None)?;
    let output = rx.output()?;
    let journal = Journal::new(1 << 16);
    let (width, size) = (clip.width, clip.size());
    let samples = Mutex::new(Vec::new());
    let (mut run, latency_ms) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| read_pictures(output, pair.output, (width, size), &journal, &samples));
        let run = drive(pair, rx, feed, folder, |pipe, turn, measured| {
            let (header, before) = y4m_framing(pair.input, turn, &clip.header.clone());
            let number = turn as u16;
            let parts = [&header[..], before, clip.stamped(turn, number)];
            write_timed(pipe, &parts, turn & 0xffff, measured.then_some(&journal))
        });
        (run, reading.join().unwrap_or_default())
    });
    if let Ok(run) = &mut run {
        run.latency_ms = latency_ms;
        let samples = samples.into_inner().unwrap_or_default();
        let errors: Vec<f64> =
            samples.iter().map(|(turn, picture)| clip.luma_error(*turn, picture)).collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        run.psnr_db = (!errors.is_empty()).then(|| 10.0 * (255.0 * 255.0 / mean).log10());
    }
    run
}

/// Starts the transmitter, writes every picture when it is due, and ends both programs. The viewer runs already.
pub(crate) fn drive(
    pair: &Pair,
    rx: Program,
    feed: Feed<'_>,
    folder: &Path,
    mut write: impl FnMut(&mut ChildStdin, usize, bool) -> std::io::Result<()>,
) -> anyhow::Result<Run> {
    std::thread::sleep(Duration::from_millis(1000));
    let mut tx = Program::start(&pair.tx, folder, Pipes { input: true, output: false }, None)?;
    let mut pipe = tx.input()?;
    std::thread::sleep(Duration::from_millis(700));
    let warm = (feed.fps * feed.warm_seconds) as usize;
    let total = warm + (feed.fps * feed.seconds) as usize;
    let mut before = (Usage::default(), Usage::default());
    let wire_bytes = || feed.wire.map(Lab::wire_bytes).transpose();
    let mut wire_before = None;
    let start = Instant::now();
    for turn in 0..total {
        let due = start + Duration::from_secs(1) * turn as u32 / feed.fps;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if turn == warm {
            before = (tx.usage()?, rx.usage()?);
            wire_before = wire_bytes()?;
        }
        match write(&mut pipe, turn, turn >= warm) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                anyhow::bail!("{}: the transmitter ended early: {}", pair.name, tx.last_words());
            }
            other => other.context("cannot feed the transmitter")?,
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    let used = |now: Usage, before: Usage| Usage { cpu: now.cpu - before.cpu, peak_mib: now.peak_mib };
    let run = Run {
        sent: total - warm,
        tx: used(tx.usage()?, before.0),
        rx: used(rx.usage()?, before.1),
        wire_bytes: wire_bytes()?.zip(wire_before).map(|(now, before)| now - before),
        ..Run::default()
    };
    drop(pipe);
    tx.stop();
    rx.stop();
    Ok(run)
}

/// Writes all parts of a picture; the journal, if given, gets the moment when the last byte was in.
pub(crate) fn write_timed(
    pipe: &mut ChildStdin,
    parts: &[&[u8]],
    number: usize,
    journal: Option<&Journal>,
) -> std::io::Result<()> {
    if let Some(journal) = journal {
        journal.begin(number);
    }
    for part in parts {
        pipe.write_all(part)?;
    }
    if let Some(journal) = journal {
        journal.end(number);
    }
    Ok(())
}

/// What a raw stream needs before picture `turn`: the stream's header, and the picture's.
pub(crate) fn y4m_framing(format: Format, turn: usize, header: &[u8]) -> (Vec<u8>, &'static [u8]) {
    match (format, turn) {
        (Format::Y4m, 0) => (header.to_vec(), FRAME),
        (Format::Y4m, _) => (Vec::new(), FRAME),
        _ => (Vec::new(), b""),
    }
}

fn frame_jpeg(format: Format, jpeg: &[u8]) -> Vec<u8> {
    if format != Format::Parts {
        return jpeg.to_vec();
    }
    let head = format!("--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: {}\r\n\r\n", jpeg.len());
    [head.as_bytes(), jpeg, b"\r\n"].concat()
}

fn read_jpegs(mut pipe: ChildStdout, clip: &Jpegs, journal: &Journal) -> Vec<f64> {
    let mut latency_ms = Vec::new();
    let mut splitter = Splitter::new(usize::MAX);
    let (mut bytes, mut part) = (Vec::with_capacity(PART), vec![0; PART]);
    while let Ok(count @ 1..) = pipe.read(&mut part) {
        let now = Instant::now();
        bytes.extend_from_slice(&part[..count]);
        while let Some(range) = splitter.next(&bytes) {
            let picture = &bytes[range.clone()];
            let found = clip.find(picture).or_else(|| clip.find(last_start(picture)));
            let written = found.and_then(|index| journal.take(index));
            latency_ms.extend(written.map(|then| milliseconds(now, then)));
            bytes.drain(..range.end);
            splitter.removed(range.end);
        }
    }
    latency_ms
}

/// From the last start of a picture on. A stream that lost the end of one picture (SRT's can) runs it into the next,
/// which is whole all the same.
fn last_start(bytes: &[u8]) -> &[u8] {
    let start = bytes.windows(3).rposition(|three| three == [0xff, 0xd8, 0xff]);
    &bytes[start.unwrap_or(0)..]
}

/// Numbered pictures, and what they looked like.
type Samples = Mutex<Vec<(usize, Vec<u8>)>>;

fn read_pictures(
    pipe: ChildStdout,
    format: Format,
    (width, size): (usize, usize),
    journal: &Journal,
    samples: &Samples,
) -> Vec<f64> {
    let mut pipe = pipe;
    let mut latency_ms = Vec::new();
    let mut picture = vec![0; size];
    if format == Format::Y4m && skip_line(&mut pipe).is_none() {
        return latency_ms;
    }
    loop {
        if format == Format::Y4m && skip_line(&mut pipe).is_none() || pipe.read_exact(&mut picture).is_err() {
            return latency_ms;
        }
        let now = Instant::now();
        let number = usize::from(number_of(&picture, width));
        if let Some(then) = journal.take(number) {
            latency_ms.push(milliseconds(now, then));
            if latency_ms.len() % SAMPLE_EVERY == 0
                && let Ok(mut samples) = samples.lock()
            {
                samples.push((number, picture.clone()));
            }
        }
    }
}

/// Reads up to a line feed, byte by byte so that nothing behind it is taken.
fn skip_line(pipe: &mut ChildStdout) -> Option<()> {
    let mut byte = [0];
    while pipe.read_exact(&mut byte).ok().map(|()| byte[0])? != b'\n' {}
    Some(())
}

/// From `then` to `now`.
pub(crate) fn milliseconds(now: Instant, then: Instant) -> f64 {
    now.saturating_duration_since(then).as_secs_f64() * 1e3
}

/// What is learned at a start is learned by then.
pub(crate) const WARM_SECONDS: u32 = 2;
const PART: usize = 1 << 20;
const SAMPLE_EVERY: usize = 30;
