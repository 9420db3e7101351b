//! From a raw picture in a pipe to its pixels on a screen: an X server without one, whose frame buffer is a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::child::{Pipes, Program};
use crate::clip::{BITS, BLOCK, Pictures, number};
use crate::feeder::{Feed, Journal, Run, drive, milliseconds, write_timed, y4m_framing};
use crate::pairs::Pair;

/// Raw pictures through a pair, from the pipe to the screen.
pub(crate) fn shown(pair: &Pair, clip: &mut Pictures, feed: Feed<'_>, folder: &Path) -> anyhow::Result<Run> {
    let (server, display, screen) = start_server(clip.width, clip.height, folder)?;
    let rx = Program::start(&pair.rx, folder, Pipes { input: false, output: false }, Some(&display))?;
    let (top, bottom) = (Journal::new(1 << 16), Journal::new(1 << 16));
    let over = AtomicBool::new(false);
    let height = clip.height;
    let (run, sights) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&screen, height, [&top, &bottom], &over));
        let run = drive(pair, rx, feed, folder, |pipe, turn, measured| {
            let (header, before) = y4m_framing(pair.input, turn, &clip.header.clone());
            let number = if measured { turn as u16 } else { SEARCHED };
            let parts = [&header[..], before, clip.stamped(turn, number)];
            if measured {
                bottom.begin(turn);
            }
            write_timed(pipe, &parts, turn, measured.then_some(&top))?;
            if measured {
                bottom.end(turn);
            }
            Ok(())
        });
        over.store(true, Ordering::Relaxed);
        (run, watching.join().unwrap_or_default())
    });
    server.stop();
    let mut run = run?;
    let [top, bottom] =
        sights.with_context(|| format!("{}: the picture was not found on the screen", pair.name))?;
    (run.latency_ms, run.bottom_ms) = (top, bottom);
    Ok(run)
}

fn start_server(width: usize, height: usize, folder: &Path) -> anyhow::Result<(Program, String, Screen)> {
    let size = format!("{width}x{height}x24");
    let folder_name = folder.to_string_lossy();
    let command = [
        "Xvfb",
        "-displayfd",
        "1",
        "-noreset",
        "-screen",
        "0",
        &size,
        "-fbdir",
        &folder_name,
        "-nolisten",
        "tcp",
        "-s",
        "0",
    ];
    let command: Vec<String> = command.iter().map(ToString::to_string).collect();
    let mut server = Program::start(&command, folder, Pipes { input: false, output: true }, None)?;
    let mut display = String::new();
    let mut output = server.output()?;
    let mut byte = [0];
    while output.read(&mut byte)? == 1 && byte[0] != b'\n' {
        display.push(char::from(byte[0]));
    }
    ensure!(!display.is_empty(), "Xvfb does not start: {}", server.last_words());
    let screen = Screen::open(&folder.join("Xvfb_screen0"))?;
    Ok((server, format!(":{display}"), screen))
}

/// Waits for the search pattern, then notes when each number is seen in the top row and in the bottom row.
fn watch(
    screen: &Screen,
    height: usize,
    journals: [&Journal; 2],
    over: &AtomicBool,
) -> Option<[Vec<f64>; 2]> {
    let (x, y) = loop {
        if over.load(Ordering::Relaxed) {
            return None;
        }
        if let Some(place) = screen.find(height) {
            break place;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let rows = [y + BLOCK / 2, y + height - 4];
    let mut seen = [BTreeMap::new(), BTreeMap::new()];
    let mut last = [(SEARCHED, Instant::now()); 2];
    while !over.load(Ordering::Relaxed) {
        for edge in 0..2 {
            let now = Instant::now();
            let number = screen.number(x, rows[edge]);
            if number != last[edge].0 {
                last[edge] = (number, now);
            } else if number != SEARCHED
                && let Some(written) = journals[edge].take(usize::from(number))
            {
                // Seen twice, so it was no half-drawn row; the first sight counts.
                seen[edge].insert(number, milliseconds(last[edge].1, written));
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Some(seen.map(|edge| edge.into_values().collect()))
}

/// The X server's frame buffer, an XWD file that it draws into.
struct Screen {
    file: File,
    width: usize,
    height: usize,
    pixel: usize,
    line: usize,
    base: usize,
}

impl Screen {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut header = [0; 100];
        file.read_exact_at(&mut header, 0)?;
        let word = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| header[at * 4 + byte])) as usize;
        let (header_size, colours) = (word(0), word(19));
        let (width, height, pixel, line) = (word(4), word(5), word(11) / 8, word(12));
        Ok(Self { file, width, height, pixel, line, base: header_size + colours * COLOUR_ENTRY })
    }

    /// The green of `count` pixels from (x, y); nothing where the file ends before.
    fn greens(&self, x: usize, y: usize, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count * self.pixel];
        let at = self.base + y * self.line + x * self.pixel;
        if self.file.read_exact_at(&mut bytes, at as u64).is_err() {
            return Vec::new();
        }
        bytes.iter().skip(1).step_by(self.pixel).copied().collect()
    }

    fn number(&self, x: usize, y: usize) -> u16 {
        let greens = self.greens(x, y, BITS * BLOCK);
        if greens.is_empty() { SEARCHED } else { number(|bit| greens[bit * BLOCK + BLOCK / 2]) }
    }

    /// The top left corner of a picture that shows the search pattern, 1:1, along its top and bottom edge.
    fn find(&self, height: usize) -> Option<(usize, usize)> {
        (0..self.height.saturating_sub(height - 1)).find_map(|y| {
            let row = self.greens(0, y + BLOCK / 2, self.width);
            let x = (0..=self.width.checked_sub(BITS * BLOCK)?).find(|&x| {
                !row.is_empty()
                    && (0..BITS).all(|bit| {
                        let bright = SEARCHED >> bit & 1 == 1;
                        [4, BLOCK / 2, BLOCK - 4]
                            .iter()
                            .all(|inside| (row[x + bit * BLOCK + inside] > 128) == bright)
                    })
            })?;
            (self.number(x, y + height - 4) == SEARCHED).then_some((x, y))
        })
    }
}

/// Shown while it is searched; no picture that is measured has this number.
const SEARCHED: u16 = 0x5555;
const LOOK_EVERY: Duration = Duration::from_micros(250);
/// Bytes of one entry in an XWD file's colour table.
const COLOUR_ENTRY: usize = 12;
