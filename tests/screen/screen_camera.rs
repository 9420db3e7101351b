//! A camera that films a screen: it takes pictures of an X server's, holds each for a time that is set, and gives it to a
//! sender. It knows when it took each, and a watcher beside it when each was seen on the screen.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::ChildStdin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// A camera at work, and who watches the screen.
pub(crate) struct ScreenCamera {
    over: Arc<AtomicBool>,
    taken: Arc<Mutex<Vec<Taken>>>,
    threads: Vec<JoinHandle<()>>,
    watcher: JoinHandle<Vec<Sight>>,
}

/// How it films.
#[derive(Clone, Copy)]
pub(crate) struct Filming {
    /// From one picture to the next: not in step with whatever is on the screen.
    pub(crate) period: Duration,
    /// From taking a picture to handing it over; as long as compressing it takes at least.
    pub(crate) delay: Duration,
    pub(crate) quality: i32,
    /// How long each picture is exposed: what it shows is the mean of that time.
    pub(crate) exposure: Duration,
    /// What covers the rows from the top on, so that the strip there is not seen.
    pub(crate) covered: usize,
    /// Where a picture's mark is seen on the screen.
    pub(crate) mark: (usize, usize),
}

/// What was filmed and seen, in milliseconds, of each picture that was seen.
pub(crate) struct Filmed {
    /// From taking it to seeing it on the screen.
    pub(crate) totals: Vec<f64>,
    /// From taking it to having handed it over.
    pub(crate) held: Vec<f64>,
    /// By how much a total is wrong at most: half of what taking it took, and half of that between two looks.
    pub(crate) error: f64,
}

/// When a picture was taken, and when it was handed over.
#[derive(Clone, Copy)]
struct Taken {
    from: Instant,
    to: Instant,
    given: Option<Instant>,
}

/// A mark was first seen between two looks.
struct Sight {
    mark: usize,
    before: Instant,
    at: Instant,
}

/// Rows of the screen that Xvfb keeps in a file.
struct Rows {
    file: File,
    width: usize,
    height: usize,
    pitch: usize,
    first: usize,
}

impl ScreenCamera {
    /// Begins to film the screen that is in this file, for a sender that reads `to`.
    pub(crate) fn start(screen: &Path, to: ChildStdin, filming: Filming) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (hand, handed) = mpsc::channel();
        let film = {
            let (over, taken, rows) = (over.clone(), taken.clone(), Rows::open(screen));
            spawn(move || film(&rows, filming, &over, &taken, &hand))
        };
        let hand_over = {
            let taken = taken.clone();
            spawn(move || hand_over(to, &handed, &taken))
        };
        let watcher = {
            let (over, rows) = (over.clone(), Rows::open(screen));
            spawn(move || watch(&rows, filming.mark, &over))
        };
        Self { over, taken, threads: vec![film, hand_over], watcher }
    }

    /// Ends it; what it filmed, and what was seen of that.
    pub(crate) fn end(self) -> Filmed {
        self.over.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        let sights = self.watcher.join().unwrap();
        let taken = self.taken.lock().unwrap();
        let (mut totals, mut held, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for Sight { mark, before, at } in sights {
            // The newest with this mark that had been handed over: the one before was so a quarter of a second earlier.
            let mut of_mark = taken.iter().skip(mark).step_by(MARKS);
            let was_given = |picture: &&Taken| picture.given.is_some_and(|given| given < at);
            let Some(Taken { from, to, given: Some(given) }) = of_mark.rfind(was_given) else {
                continue;
            };
            let millis = |time: Duration| time.as_secs_f64() * 1e3;
            let took = (*to - *from) / 2;
            let looked = (at - before) / 2;
            totals.push(millis(at - looked - (*from + took)));
            held.push(millis(*given - (*from + took)));
            errors.push(millis(took + looked));
        }
        errors.sort_by(f64::total_cmp);
        let error = errors.get(errors.len() / 2).copied().unwrap_or_default();
        Filmed { totals, held, error }
    }
}

/// Takes a picture each period, until it is over.
fn film(
    rows: &Rows,
    filming: Filming,
    over: &AtomicBool,
    taken: &Mutex<Vec<Taken>>,
    hand: &mpsc::Sender<(usize, Instant, Vec<u8>)>,
) {
    let (width, height) = (rows.width, rows.height);
    let mut pixels = vec![0; rows.pitch * height];
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(filming.quality).unwrap();
    compressor.set_subsamp(Subsamp::Sub2x2).unwrap();
    let mut due = Instant::now();
    for number in 0.. {
        sleep(due.saturating_duration_since(Instant::now()));
        if over.load(Ordering::Relaxed) {
            return;
        }
        due = (due + filming.period).max(Instant::now());
        // The strip is in the upper half, and is read at once.
        let (upper, lower) = pixels.split_at_mut(rows.pitch * (height / 2));
        let from = Instant::now();
        rows.read(0, upper);
        let mut to = Instant::now();
        if !filming.exposure.is_zero() {
            to = expose(rows, upper, from + filming.exposure);
        }
        rows.read(height / 2, lower);
        taken.lock().unwrap().push(Taken { from, to, given: None });
        pixels[..filming.covered * rows.pitch].fill(100);
        let level = (32 * (number % MARKS) + 16) as u8;
        for row in height / 2 - 60..height / 2 + 60 {
            let first = row * rows.pitch + 4 * (width / 2 - 120);
            pixels[first..first + 4 * 240].fill(level);
        }
        let format = PixelFormat::BGRX;
        let image = Image { pixels: &pixels[..], width, pitch: rows.pitch, height, format };
        let jpeg = compressor.compress_to_vec(image).unwrap();
        if hand.send((number, from + (to - from) / 2 + filming.delay, jpeg)).is_err() {
            return;
        }
    }
}

/// Goes on to read some rows until it is `until`, for the mean of them all; returns when that was read last.
fn expose(rows: &Rows, pixels: &mut [u8], until: Instant) -> Instant {
    let mut sums: Vec<u16> = pixels.iter().map(|&pixel| pixel.into()).collect();
    let (mut count, mut at) = (1, Instant::now());
    while at < until && count < 250 {
        sleep(EXPOSE_EVERY);
        rows.read(0, pixels);
        at = Instant::now();
        count += 1;
        sums.iter_mut().zip(&*pixels).for_each(|(sum, &pixel)| *sum += u16::from(pixel));
    }
    pixels.iter_mut().zip(sums).for_each(|(pixel, sum)| *pixel = (sum / count) as u8);
    at
}

/// Gives each picture to the sender when it is due.
fn hand_over(
    mut to: ChildStdin,
    handed: &mpsc::Receiver<(usize, Instant, Vec<u8>)>,
    taken: &Mutex<Vec<Taken>>,
) {
    for (number, due, jpeg) in handed {
        sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&jpeg).is_err() {
            return;
        }
        taken.lock().unwrap()[number].given = Some(Instant::now());
    }
}

/// Looks at the mark all the time; returns each that came anew.
fn watch(rows: &Rows, (x, y): (usize, usize), over: &AtomicBool) -> Vec<Sight> {
    let (mut sights, mut pixel) = (Vec::new(), [0; 4]);
    let (mut last, mut before) = (None, Instant::now());
    while !over.load(Ordering::Relaxed) {
        let at = Instant::now();
        rows.file.read_exact_at(&mut pixel, (rows.first + y * rows.pitch + 4 * x) as u64).unwrap();
        let mark = usize::from(pixel[1]) / 32;
        // Before the first picture there is a card, and beside a level's middle it is none.
        let is_mark = pixel[1] % 32 >= 8 && pixel[1] % 32 < 24 && pixel[0].abs_diff(pixel[2]) < 6;
        if is_mark && last != Some(mark) {
            if last.is_some() {
                sights.push(Sight { mark, before, at });
            }
            last = Some(mark);
        }
        before = at;
        sleep(LOOK_EVERY);
    }
    sights
}

impl Rows {
    fn open(screen: &Path) -> Self {
        let file = File::open(screen).unwrap();
        let mut header = [0; 80];
        file.read_exact_at(&mut header, 0).unwrap();
        let field = |n: usize| u32::from_be_bytes(header[4 * n..4 * n + 4].try_into().unwrap()) as usize;
        Self { width: field(4), height: field(5), pitch: field(12), first: field(0) + 12 * field(19), file }
    }

    fn read(&self, row: usize, into: &mut [u8]) {
        self.file.read_exact_at(into, (self.first + row * self.pitch) as u64).unwrap();
    }
}

/// Marks that can be told apart, of pictures one after the other.
const MARKS: usize = 8;
const LOOK_EVERY: Duration = Duration::from_micros(300);
const EXPOSE_EVERY: Duration = Duration::from_micros(500);
