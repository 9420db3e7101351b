//! A display without a screen, and what a person would see on it.

use std::cell::OnceCell;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use proto::framecode::{Strip, read_strip};

use super::Folder;

/// An X server of its own. It ends with this value.
pub(crate) struct Display {
    process: Child,
    /// What `DISPLAY` is there, such as `:1`.
    pub(crate) name: String,
    folder: Folder,
}

/// What was on a display at one moment.
pub(crate) struct Screen {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pitch: usize,
    first: usize,
    file: Vec<u8>,
    luma: OnceCell<Vec<u8>>,
}

/// A part of a screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Display {
    /// A display of this size; `None`, said aloud, where there is no Xvfb.
    pub(crate) fn start(width: usize, height: usize) -> Option<Self> {
        let folder = Folder::new();
        let started = Command::new("Xvfb")
            // Whenever its last client has gone it would begin anew, and refuse who comes meanwhile.
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp"])
            .args(["-screen", "0", &format!("{width}x{height}x24")])
            .arg("-fbdir")
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) => {
                super::skip(&format!("Xvfb cannot be started: {error}; install xvfb"), false);
                return None;
            }
        };
        let mut number = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let name = format!(":{}", number.trim());
        let display = Self { process, name, folder };
        assert!(!number.trim().is_empty(), "Xvfb has no display to give");
        Some(display)
    }

    /// What is there now. Xvfb keeps it in a file, in the format of `xwd`.
    pub(crate) fn screen(&self) -> Screen {
        let file = std::fs::read(self.file()).unwrap();
        let field = |n: usize| u32::from_be_bytes(file[4 * n..4 * n + 4].try_into().unwrap()) as usize;
        let (header, colours) = (field(0), field(19));
        Screen {
            width: field(4),
            height: field(5),
            pitch: field(12),
            first: header + 12 * colours,
            file,
            luma: OnceCell::new(),
        }
    }

    /// The file in which Xvfb keeps what is there, in the format of `xwd`.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("Xvfb_screen0")
    }

    /// Looks until `is_there`; says whether that came to be within ten seconds.
    pub(crate) fn comes_to(&self, is_there: impl Fn(&Screen) -> bool) -> bool {
        let until = Instant::now() + PATIENCE;
        while !is_there(&self.screen()) {
            if Instant::now() > until {
                return false;
            }
            super::pause(10);
        }
        true
    }

    /// The next `count` different numbers that the test card's strip shows, where a card of size `drawn` fills `area`.
    /// Fewer, if they do not come within ten seconds.
    pub(crate) fn numbers(&self, count: usize, area: Area, drawn: (u32, u32)) -> Vec<u32> {
        let (until, mut numbers, mut before) = (Instant::now() + PATIENCE, Vec::new(), None);
        while numbers.len() < count && Instant::now() < until {
            let now = self.screen().number(area, drawn);
            // What is read twice was not read while it was being drawn.
            if let Some(number) = now
                && now == before
                && numbers.last() != now.as_ref()
            {
                numbers.push(number);
            }
            before = now;
            super::pause(2);
        }
        numbers
    }

    /// Types a key, as at a keyboard, with the mouse in the middle; `None`, said aloud, where there is no xdotool.
    pub(crate) fn key(&self, key: &str) -> Option<()> {
        let Screen { width, height, .. } = self.screen();
        let (x, y) = ((width / 2).to_string(), (height / 2).to_string());
        self.xdotool(&["mousemove", &x, &y, "key", key])
    }

    /// Gives the keyboard another layout, such as `gr`; `None`, said aloud, where there is no setxkbmap.
    pub(crate) fn layout(&self, layout: &str) -> Option<()> {
        let done = Command::new("setxkbmap").arg(layout).env("DISPLAY", &self.name).output();
        match done {
            Ok(done) => {
                assert!(done.status.success(), "setxkbmap: {}", String::from_utf8_lossy(&done.stderr));
                Some(())
            }
            Err(error) => {
                super::skip(&format!("setxkbmap cannot be started: {error}; install x11-xkb-utils"), false);
                None
            }
        }
    }

    /// Clicks in the middle of an area.
    pub(crate) fn click(&self, area: Area) -> Option<()> {
        let (x, y) = (area.left + area.width / 2, area.top + area.height / 2);
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string(), "click", "1"])
    }

    /// Takes the receiver's window off the screen, as a window manager does that minimises it.
    pub(crate) fn minimise(&self) -> Option<()> {
        self.xdotool(&["search", "--name", "", "windowunmap", "%@"])
    }

    /// Puts it back.
    pub(crate) fn restore(&self) -> Option<()> {
        self.xdotool(&["search", "--name", "", "windowmap", "%@"])
    }

    /// Gives the receiver's window another size.
    pub(crate) fn resize(&self, width: usize, height: usize) -> Option<()> {
        self.xdotool(&["search", "--name", "", "windowsize", "%@", &width.to_string(), &height.to_string()])
    }

    fn xdotool(&self, arguments: &[&str]) -> Option<()> {
        let done = Command::new("xdotool").args(arguments).env("DISPLAY", &self.name).output();
        match done {
            Ok(done) => {
                assert!(done.status.success(), "xdotool: {}", String::from_utf8_lossy(&done.stderr));
                Some(())
            }
            Err(error) => {
                super::skip(&format!("xdotool cannot be started: {error}; install xdotool"), false);
                None
            }
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Screen {
    /// The whole of it.
    pub(crate) fn area(&self) -> Area {
        Area { left: 0, top: 0, width: self.width, height: self.height }
    }

    /// Red, green and blue.
    pub(crate) fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let bgrx = &self.file[self.first + y * self.pitch + 4 * x..];
        [bgrx[2], bgrx[1], bgrx[0]]
    }

    /// How light each pixel is, row by row.
    pub(crate) fn luma(&self) -> &[u8] {
        self.luma.get_or_init(|| {
            let luma = |[red, green, blue]: [u8; 3]| {
                ((77 * u32::from(red) + 151 * u32::from(green) + 28 * u32::from(blue)) >> 8) as u8
            };
            self.pixels(self.area()).map(luma).collect()
        })
    }

    /// Whether the colour in the middle is this one, as near as JPEG comes.
    pub(crate) fn shows(&self, rgb: [u8; 3]) -> bool {
        let is = self.at(self.width / 2, self.height / 2);
        (0..3).all(|c| is[c].abs_diff(rgb[c]) <= 8)
    }

    /// Whether the card that stands in for a picture fills `area`: its ground nearly everywhere, and large letters.
    pub(crate) fn has_card(&self, area: Area) -> bool {
        self.pixels(area).filter(|&rgb| rgb == CARD_GROUND).count() > area.width * area.height / 2
            && self.letters() > 1000
    }

    /// Pixels of the large letters of the card that stands in for a picture.
    pub(crate) fn letters(&self) -> usize {
        self.pixels(self.area()).filter(|&rgb| rgb == CARD_LETTERS).count()
    }

    /// The number in the strip of a test card of size `drawn` that fills `area`.
    pub(crate) fn number(&self, area: Area, drawn: (u32, u32)) -> Option<u32> {
        // No more than there may be of the strip: it is read many times a second.
        let strip = Strip::of(drawn.0, drawn.1)?;
        let top = Area { height: (strip.height() * area.height).div_ceil(drawn.1 as usize), ..area };
        let luma: Vec<u8> = self.pixels(top).map(|[_, green, _]| green).collect();
        read_strip(&luma, area.width, (area.width as u32, area.height as u32), drawn)
    }

    /// The colour of the edge of a tile, if it has one all around.
    pub(crate) fn edge(&self, tile: Area) -> Option<[u8; 3]> {
        let (right, bottom) = (tile.left + tile.width - 1, tile.top + tile.height - 1);
        let (x, y) = (tile.left + tile.width / 2, tile.top + tile.height / 2);
        let colours = [(tile.left, y), (right, y), (x, tile.top), (x, bottom)].map(|(x, y)| self.at(x, y));
        colours.iter().all(|colour| *colour == colours[0]).then_some(colours[0])
    }

    /// Whether a tile has a red edge: it reddens from half as bright on.
    pub(crate) fn is_red(&self, tile: Area) -> bool {
        self.edge(tile).is_some_and(|[red, green, blue]| red > 0x78 && green < red / 2 && blue < red / 2)
    }

    /// The tiles of a grid, row by row: what black lines all across part, and black lines from top to bottom of each
    /// row.
    pub(crate) fn tiles(&self) -> Vec<Area> {
        let is_row = |y: usize| (0..self.width).any(|x| self.at(x, y) != [0; 3]);
        let tiles_of = |row: std::ops::Range<usize>| {
            let is_column = |x: usize| row.clone().any(|y| self.at(x, y) != [0; 3]);
            runs(self.width, is_column).into_iter().map(move |column| Area {
                left: column.start,
                top: row.start,
                width: column.len(),
                height: row.len(),
            })
        };
        runs(self.height, is_row).into_iter().flat_map(|row| tiles_of(row).collect::<Vec<_>>()).collect()
    }

    fn pixels(&self, area: Area) -> impl Iterator<Item = [u8; 3]> + '_ {
        let rows = area.top..area.top + area.height;
        rows.flat_map(move |y| (area.left..area.left + area.width).map(move |x| self.at(x, y)))
    }
}

impl Area {
    /// In the middle of a screen.
    pub(crate) fn centred(width: usize, height: usize, screen: &Screen) -> Self {
        Self { left: (screen.width - width) / 2, top: (screen.height - height) / 2, width, height }
    }
}

/// Where something is so without a break.
fn runs(end: usize, is_so: impl Fn(usize) -> bool) -> Vec<std::ops::Range<usize>> {
    let (mut runs, mut start) = (Vec::new(), None);
    for at in 0..=end {
        match (at < end && is_so(at), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                runs.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    runs
}

/// Long enough for a busy machine; who is in time does not wait for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is not to be trusted as live.
pub(crate) const RED: [u8; 3] = [0xff, 0x64, 0x5a];
const CARD_GROUND: [u8; 3] = [0x12, 0x16, 0x1c];
const CARD_LETTERS: [u8; 3] = [0xea, 0xee, 0xf2];
