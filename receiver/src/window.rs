//! The window: it shows the newest picture at once, and says so when there is none.
//!
//! SDL wants the main thread. The decoding thread puts each picture into a mailbox and [wakes](Waker::wake) the window;
//! a picture that a newer one displaces is never shown, and goes back to whoever put it there.

mod card;
mod convert;
mod fit;
mod graphics;
mod sdl_raw;
mod software;
mod status;

pub use status::{State, Status};

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use proto::host::Stop;
use proto::{FrameId, Latest, MediaTime, Taken};
use sdl2::event::{Event, EventSender, WindowEvent};
use sdl2::keyboard::Keycode;
use sdl2::render::WindowCanvas;
use sdl2::video::{FullscreenType, WindowPos};
use sdl2::{EventPump, Sdl, VideoSubsystem};

use crate::decode::{Decoded, Form};
use graphics::Graphics;
use software::Software;

/// How the window is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Begin on the full screen.
    pub fullscreen: bool,
    /// Wait for the screen's refresh before each picture: no tearing, and up to one refresh later.
    pub vsync: bool,
}

/// A picture to be shown.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Which frame it was.
    pub id: FrameId,
    /// When it was taken, on the sender's clock.
    pub captured: MediaTime,
    /// When it had been decoded.
    pub decoded_at: Instant,
    /// Its pixels, best in the [form](Window::form) that the window wants.
    pub pixels: Arc<Decoded>,
}

/// A picture that was shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Which frame it was.
    pub id: FrameId,
    /// When it was taken, on the sender's clock.
    pub captured: MediaTime,
    /// When it had been decoded.
    pub decoded_at: Instant,
    /// When it had been handed to the screen.
    pub presented_at: Instant,
    /// How long it took to hand it over.
    pub present: Duration,
}

/// An open window. It belongs to the main thread.
pub struct Window {
    canvas: Canvas,
    waker: Waker,
    pump: EventPump,
    video: VideoSubsystem,
    sdl: Sdl,
}

enum Canvas {
    Graphics(WindowCanvas),
    Software(sdl2::video::Window),
}

/// Wakes the window from any thread. Cheap to clone; after the window is gone it does nothing.
#[derive(Clone)]
pub struct Waker {
    /// `None` once SDL is about to end: an event must not meet a queue that is being taken apart.
    sender: Arc<Mutex<Option<EventSender>>>,
    event: u32,
}

/// What pictures are shown on.
trait Screen {
    fn window(&mut self) -> &mut sdl2::video::Window;
    fn show(&mut self, picture: &Decoded, pump: &EventPump) -> Result<()>;
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
        sdl_raw::expect_full_range_yuv();
        let wake_event = sdl.event().and_then(|events| sdl_raw::register_event(&events)).map_err(failed)?;
        let sender = Arc::new(Mutex::new(Some(sdl.event().map_err(failed)?.event_sender())));
        let waker = Waker { sender, event: wake_event };
        let pump = sdl.event_pump().map_err(failed)?;
        let canvas = match Graphics::open(&video, options)? {
            Some(canvas) => Canvas::Graphics(canvas),
            None => Canvas::Software(Software::open(&video, options)?),
        };
        Ok(Self { canvas, waker, pump, video, sdl })
    }

    /// The form of pictures that it shows soonest.
    pub fn form(&self) -> Form {
        match self.canvas {
            Canvas::Graphics(_) => Form::Planes,
            Canvas::Software(_) => Form::Pixels,
        }
    }

    /// One line for people: by what it shows pictures.
    pub fn describe(&self) -> String {
        let by = match &self.canvas {
            Canvas::Graphics(canvas) => format!("{} on graphics hardware", canvas.info().name),
            Canvas::Software(_) => "software".to_owned(),
        };
        format!("window by {by} ({}); f: full screen, q: quit", self.video.current_video_driver())
    }

    /// What wakes it.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Shows what comes until the user closes the window or `stop` is requested; requests `stop` itself in the end.
    ///
    /// `shown` is called for each picture right after it was handed to the screen.
    ///
    /// # Errors
    ///
    /// The window could not be drawn to.
    pub fn run(
        self,
        inbox: &Latest<Picture>,
        status: &Mutex<Status>,
        stop: &Stop,
        shown: impl FnMut(Shown),
    ) -> Result<()> {
        let waker = self.waker();
        std::thread::scope(|scope| {
            // The window waits for SDL's events alone, so the request to stop is made one of them.
            scope.spawn(|| {
                while !stop.wait(A_WHILE) {}
                waker.wake();
            });
            let _stop = StopAtEnd(stop);
            let Self { canvas, waker: last, pump, video, sdl } = self;
            let done = match canvas {
                Canvas::Graphics(canvas) => {
                    let textures = canvas.texture_creator();
                    View::new(Graphics::new(canvas, &textures), pump, &video, &sdl)
                        .run(inbox, status, stop, shown)
                }
                Canvas::Software(window) => {
                    View::new(Software::new(window), pump, &video, &sdl).run(inbox, status, stop, shown)
                }
            };
            last.end();
            drop((video, sdl));
            done
        })
    }
}

impl Waker {
    /// Makes the window look into its mailbox now.
    pub fn wake(&self) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let event = Event::User {
            timestamp: 0,
            window_id: 0,
            type_: self.event,
            code: 0,
            data1: std::ptr::null_mut(),
            data2: std::ptr::null_mut(),
        };
        if let Some(sender) = &*sender {
            // It fails only when thousands of events wait already, and then the window is about to look anyway.
            let _ = sender.push_event(event);
        }
    }

    /// One that wakes nobody.
    #[cfg(test)]
    pub(crate) fn of_nobody() -> Self {
        Self { sender: Arc::default(), event: 0 }
    }

    fn end(&self) {
        *self.sender.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Requests it when the window is gone, in whichever way: the other threads wait for nothing else.
struct StopAtEnd<'a>(&'a Stop);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

/// What is on the screen, and what is to be.
struct View<'a, S> {
    screen: S,
    pump: EventPump,
    video: &'a VideoSubsystem,
    sdl: &'a Sdl,
    picture: Option<Picture>,
    card: Decoded,
    /// What the card says, while it is shown.
    on_card: Option<Vec<String>>,
    title: String,
    /// The window has taken the size of the first picture, or the user gave it one.
    is_sized: bool,
    /// Where the window was, and its size, before it took the full screen.
    windowed: Option<((i32, i32), (u32, u32))>,
    must_draw: bool,
}

impl<'a, S: Screen> View<'a, S> {
    fn new(screen: S, pump: EventPump, video: &'a VideoSubsystem, sdl: &'a Sdl) -> Self {
        Self {
            screen,
            pump,
            video,
            sdl,
            picture: None,
            card: Decoded::default(),
            on_card: None,
            title: String::new(),
            is_sized: false,
            windowed: None,
            must_draw: true,
        }
    }

    fn run(
        mut self,
        inbox: &Latest<Picture>,
        status: &Mutex<Status>,
        stop: &Stop,
        mut shown: impl FnMut(Shown),
    ) -> Result<()> {
        let mut refreshed: Option<Instant> = None;
        self.follow_fullscreen();
        while !stop.is_requested() {
            if let Taken::Value(picture) = inbox.take(Some(Duration::ZERO)) {
                self.fit_window(&picture.pixels);
                let started = Instant::now();
                self.screen.show(&picture.pixels, &self.pump)?;
                let presented_at = Instant::now();
                let Picture { id, captured, decoded_at, .. } = picture;
                shown(Shown { id, captured, decoded_at, presented_at, present: presented_at - started });
                self.picture = Some(picture);
                self.on_card = None;
                self.must_draw = false;
            }
            if self.must_draw || refreshed.is_none_or(|at| at.elapsed() >= REFRESH) {
                refreshed = Some(Instant::now());
                self.refresh(status)?;
            }
            let wait = refreshed.map_or(REFRESH, |at| REFRESH.saturating_sub(at.elapsed()));
            let mut next = self.pump.wait_event_timeout(wait.as_millis() as u32 + 1);
            while let Some(event) = next {
                if self.is_over(&event) {
                    return Ok(());
                }
                next = self.pump.poll_event();
            }
        }
        Ok(())
    }

    /// Brings the title up to date, and what is shown while no picture comes.
    fn refresh(&mut self, status: &Mutex<Status>) -> Result<()> {
        let (title, lines) = {
            let status = status.lock().unwrap_or_else(PoisonError::into_inner);
            (status.title(), status.card(Instant::now()))
        };
        if title != self.title {
            self.screen.window().set_title(&title)?;
            self.title = title;
        }
        match (lines, &self.picture) {
            // The stream is live: its newest picture stays, and is drawn again where the window lost it.
            (None, Some(picture)) if self.must_draw || self.on_card.is_some() => {
                self.screen.show(&picture.pixels, &self.pump)?;
                self.on_card = None;
            }
            (None, Some(_)) => {}
            (lines, _) => {
                let lines = lines.unwrap_or_else(|| vec!["waiting for a picture".to_owned()]);
                if self.must_draw || self.on_card.as_ref() != Some(&lines) {
                    let (width, height) = self.screen.window().drawable_size();
                    card::draw(&mut self.card, width, height, &lines);
                    self.screen.show(&self.card, &self.pump)?;
                    self.on_card = Some(lines);
                }
            }
        }
        self.must_draw = false;
        Ok(())
    }

    /// Handles what the user did; says whether it was to end.
    fn is_over(&mut self, event: &Event) -> bool {
        match event {
            Event::Quit { .. } | Event::Window { win_event: WindowEvent::Close, .. } => return true,
            Event::KeyDown { keycode: Some(Keycode::Q | Keycode::Escape), repeat: false, .. } => return true,
            Event::KeyDown { keycode: Some(Keycode::F), repeat: false, .. } => self.toggle_fullscreen(),
            Event::Window {
                win_event: WindowEvent::Exposed | WindowEvent::SizeChanged(..) | WindowEvent::Restored,
                ..
            } => self.must_draw = true,
            Event::Window { win_event: WindowEvent::Resized(..), .. } => {
                self.is_sized = true;
                self.must_draw = true;
            }
            _ => {}
        }
        false
    }

    fn toggle_fullscreen(&mut self) {
        let window = self.screen.window();
        // A window manager that refuses leaves the window as it is.
        if window.fullscreen_state() == FullscreenType::Off {
            self.windowed = Some((window.position(), window.size()));
            // Where there is no window manager, nobody else gives it the screen's place and size.
            if let Ok(screen) = window.display_index().and_then(|display| self.video.display_bounds(display))
            {
                let _ = place(window, (screen.x(), screen.y()), screen.size());
            }
            let _ = window.set_fullscreen(FullscreenType::Desktop);
        } else {
            let _ = window.set_fullscreen(FullscreenType::Off);
            match self.windowed.take() {
                Some((position, size)) => drop(place(window, position, size)),
                // It was never anything but full screen: the next picture gives it a size.
                None => self.is_sized = false,
            }
        }
        self.follow_fullscreen();
        self.must_draw = true;
    }

    /// On the full screen, nothing but the picture.
    fn follow_fullscreen(&mut self) {
        let windowed = self.screen.window().fullscreen_state() == FullscreenType::Off;
        self.sdl.mouse().show_cursor(windowed);
    }

    /// Gives the window the size of its first picture, or as much of it as the desktop has room for.
    fn fit_window(&mut self, picture: &Decoded) {
        if std::mem::replace(&mut self.is_sized, true) {
            return;
        }
        let window = self.screen.window();
        let room = window.display_index().and_then(|display| self.video.display_usable_bounds(display));
        if let (FullscreenType::Off, Ok(room)) = (window.fullscreen_state(), room) {
            let (width, height) = fit::inside((picture.width(), picture.height()), room.size());
            if window.set_size(width, height).is_ok() {
                window.set_position(WindowPos::Centered, WindowPos::Centered);
            }
        }
    }
}

fn place(window: &mut sdl2::video::Window, (x, y): (i32, i32), (width, height): (u32, u32)) -> Result<()> {
    window.set_position(WindowPos::Positioned(x), WindowPos::Positioned(y));
    Ok(window.set_size(width, height)?)
}

/// Why there is no window, and what to do about it.
fn no_display(why: String) -> anyhow::Error {
    anyhow!(
        "cannot open a window: {why}; without a display use --output none, --output - (JPEG frames to standard \
         output), --output FOLDER/ or --output FILE.mjpeg"
    )
}

fn failed(why: String) -> anyhow::Error {
    anyhow!("the window failed: {why}")
}

/// Title and card change no more often than a person can read.
const REFRESH: Duration = Duration::from_millis(500);
const A_WHILE: Duration = Duration::from_secs(3600);

const HINTS: [(&str, &str); 4] = [
    // Signals are the program's, not SDL's.
    ("SDL_NO_SIGNAL_HANDLERS", "1"),
    ("SDL_RENDER_SCALE_QUALITY", "linear"),
    // A window drawn to by software goes to the display in shared memory. Left alone, SDL sends it through OpenGL,
    // which where there is no hardware for it takes 12 ms instead of 1 for 1920x1080.
    ("SDL_FRAMEBUFFER_ACCELERATION", "0"),
    ("SDL_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR", "0"),
];
