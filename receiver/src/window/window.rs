//! An open window, from the first to the last of it.
//!
//! SDL wants the main thread. The decoding thread puts each picture into a mailbox and [wakes](Waker::wake) the window;
//! a picture that a newer one displaces is never shown, and goes back to whoever put it there.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use proto::sys::Stop;
use sdl2::render::WindowCanvas;
use sdl2::{EventPump, Sdl, VideoSubsystem};

use super::backend::canvas::failed;
use super::backend::events::Waiting;
use super::backend::gpu::Graphics;
use super::backend::software::Software;
use super::backend::xlib::LastWords;
use super::backend::{sdl, xlib};
use super::coded_strip::CodedStrip;
use super::context::WindowContext;
use super::draw::font::Fonts;
use super::options::{Detail, Options};
use super::screen::ScreenInfo;
use super::view::View;
use crate::codec::PixelFormat;
use crate::discovery::Finder;
use crate::feed::{Feeds, Waker};
use crate::measure::Measurement;
use crate::session::Keyring;

/// An open window. It belongs to the main thread.
pub struct Window {
    canvas: Driver,
    waiting: Waiting,
    pump: EventPump,
    video: VideoSubsystem,
    sdl: Sdl,
    detail: Detail,
    measurement: Option<Arc<Measurement>>,
}

enum Driver {
    Graphics(WindowCanvas),
    Software(sdl2::video::Window),
}

impl Driver {
    fn window(&self) -> &sdl2::video::Window {
        match self {
            Self::Graphics(canvas) => canvas.window(),
            Self::Software(window) => window,
        }
    }
}

impl Window {
    /// Opens the window, on the main thread.
    ///
    /// # Errors
    ///
    /// There is no display; the message names the outputs that need none.
    pub fn open(options: &Options) -> Result<Self> {
        for (hint, value) in HINTS {
            sdl2::hint::set(hint, value);
        }
        let sdl = sdl2::init().map_err(no_display)?;
        let video = sdl.video().map_err(no_display)?;
        if video.current_video_driver() == "offscreen" {
            bail!(no_display("there is no DISPLAY and no WAYLAND_DISPLAY".to_owned()));
        }
        sdl::expect_full_range_yuv();
        let pump = sdl.event_pump().map_err(failed)?;
        let canvas = match Graphics::open(&video, options)? {
            Some(canvas) => Driver::Graphics(canvas),
            None => Driver::Software(Software::open(&video, options)?),
        };
        let waiting = Waiting::new(xlib::connection(canvas.window()), &sdl)?;
        Ok(Self { canvas, waiting, pump, video, sdl, detail: options.detail, measurement: None })
    }

    /// The form of pictures that it shows soonest.
    pub fn format(&self) -> PixelFormat {
        match self.canvas {
            Driver::Graphics(_) => PixelFormat::Planes,
            Driver::Software(_) => PixelFormat::Pixels,
        }
    }

    /// One line for people: by what it shows pictures.
    pub fn describe(&self) -> String {
        let by = match &self.canvas {
            Driver::Graphics(canvas) => format!("{} on graphics hardware", canvas.info().name),
            Driver::Software(_) => "software".to_owned(),
        };
        format!("window by {by} ({}); h: keys", self.video.current_video_driver())
    }

    /// The screen that it is on, as far as the system tells of it.
    pub(crate) fn screen(&self) -> ScreenInfo {
        let window = self.canvas.window();
        let mode = self.video.current_display_mode(window.display_index().unwrap_or(0)).ok();
        ScreenInfo {
            session: std::env::var("XDG_SESSION_TYPE").ok().filter(|session| !session.is_empty()),
            refresh_hz: mode.and_then(|mode| u32::try_from(mode.refresh_rate).ok()).filter(|hz| *hz > 0),
            compositor: match self.video.current_video_driver() {
                "wayland" => Some(true),
                "KMSDRM" => Some(false),
                _ => xlib::has_compositor(window),
            },
        }
    }

    /// What wakes it.
    pub fn waker(&self) -> Waker {
        let bell = self.waiting.bell.clone();
        Waker::new(move || bell.ring())
    }

    /// Has the strip of codes shown beside the pictures, and hands these over.
    pub(crate) fn measure(&mut self, measurement: Arc<Measurement>) {
        self.measurement = Some(measurement);
    }

    /// Has `last_words` said when the display goes away, of which the window learns too late to go on.
    pub(crate) fn at_loss(&self, last_words: LastWords) {
        xlib::at_loss(self.canvas.window(), last_words);
    }

    /// Shows what comes until the user closes the window or `stop` is requested; requests `stop` itself in the end.
    ///
    /// # Errors
    ///
    /// The window could not be drawn to.
    pub fn run(self, feeds: &Feeds, finder: Option<&Finder>, keyring: &Keyring, stop: &Stop) -> Result<()> {
        let waker = self.waker();
        std::thread::scope(|scope| {
            // The window waits for one thing alone, so the request to stop is made one of it.
            scope.spawn(|| {
                while !stop.wait(A_WHILE) {}
                waker.wake();
            });
            let _stop = StopAtEnd(stop);
            let Self { canvas, waiting, pump, video, sdl, detail, measurement } = self;
            let strip = measurement.map(CodedStrip::new);
            let fonts = Rc::new(Fonts::new());
            let context = WindowContext {
                pump,
                video: &video,
                sdl: &sdl,
                feeds,
                finder,
                keyring,
                waiting,
                detail,
                fonts,
            };
            let done = match canvas {
                Driver::Graphics(canvas) => {
                    let textures = canvas.texture_creator();
                    View::new(Graphics::new(canvas, &textures), context, strip).run(stop)
                }
                Driver::Software(window) => View::new(Software::new(window), context, strip).run(stop),
            };
            drop((video, sdl));
            xlib::forget();
            done
        })
    }
}

/// Requests it when the window is gone, in whichever way: the other threads wait for nothing else.
struct StopAtEnd<'a>(&'a Stop);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// Why there is no window, and what to do about it.
fn no_display(why: String) -> anyhow::Error {
    anyhow!(
        "cannot open a window: {why}; without a display use --output none, --output - (JPEG frames to standard \
         output), --output FOLDER/ or --output FILE.mjpeg"
    )
}

const A_WHILE: Duration = Duration::from_secs(3600);

const HINTS: [(&str, &str); 5] = [
    // Signals are the program's, not SDL's.
    ("SDL_NO_SIGNAL_HANDLERS", "1"),
    ("SDL_RENDER_SCALE_QUALITY", "linear"),
    // A window drawn to by software goes to the display in shared memory. Left alone, SDL sends it through OpenGL,
    // which where there is no hardware for it takes 12 ms instead of 1 for 1920x1080.
    ("SDL_FRAMEBUFFER_ACCELERATION", "0"),
    ("SDL_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR", "0"),
    // Without a desktop (KMSDRM): two buffers, as a third shows each picture a refresh later.
    ("SDL_VIDEO_DOUBLE_BUFFER", "1"),
];
