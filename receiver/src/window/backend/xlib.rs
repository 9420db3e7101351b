//! What Xlib alone knows of the window's display. It ends the program when that goes away; here it ends in order.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_ulong, c_void};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Mutex, OnceLock};

use sdl2::sys;
use sdl2::video::Window;

use crate::sync::lock;

/// What is done when the display has gone. It returns the status that the program ends with.
pub(crate) type LastWords = Box<dyn FnOnce() -> u8 + Send>;

/// What the events of the window's display come by: `None` if that is not X11's.
pub(crate) fn connection(window: &Window) -> Option<OwnedFd> {
    let display = display(window)?;
    let number = function(c"XConnectionNumber")?;
    // SAFETY: Xlib gives this name to a function of exactly this type, and the display is open while the window is.
    let number: extern "C" fn(*mut c_void) -> c_int = unsafe { std::mem::transmute(number) };
    let fd = number(display);
    if fd < 0 {
        return None;
    }
    // SAFETY: the descriptor is Xlib's, which closes it no sooner than the window's display; here it is only doubled.
    unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned().ok()
}

/// Has `last_words` said by whichever thread finds that the window's display has gone, and then ends the program. Xlib
/// knows no way to go on: its handler must not return.
pub(crate) fn at_loss(window: &Window, last_words: LastWords) {
    if display(window).is_none() {
        return;
    }
    let Some(set) = function(c"XSetIOErrorHandler") else { return };
    *lock(LAST_WORDS.get_or_init(Mutex::default)) = Some(last_words);
    // SAFETY: Xlib gives this name to a function of exactly this type (Xlib, 11.8.2).
    let set: extern "C" fn(Handler) -> *mut c_void = unsafe { std::mem::transmute(set) };
    set(lost);
}

/// The window is closed in order: there is nothing more to be said.
pub(crate) fn forget() {
    if let Some(last_words) = LAST_WORDS.get() {
        *lock(last_words) = None;
    }
}

type Handler = extern "C" fn(*mut c_void) -> c_int;

static LAST_WORDS: OnceLock<Mutex<Option<LastWords>>> = OnceLock::new();

extern "C" fn lost(_display: *mut c_void) -> c_int {
    let last_words = LAST_WORDS.get().and_then(|last_words| lock(last_words).take());
    let Some(last_words) = last_words else {
        // Another thread says them already.
        loop {
            std::thread::park();
        }
    };
    let status = last_words();
    // SAFETY: it takes no pointer and does not return. What would be done at exit(3) is done to a display that is gone,
    // beside threads that may be waiting for it.
    unsafe { libc::_exit(status.into()) }
}

/// Whether a compositor draws the screen: it owns a selection of that name (Extended Window Manager Hints, "Compositing
/// Managers"). `None` where the display is not X11's.
pub(crate) fn has_compositor(window: &Window) -> Option<bool> {
    let display = display(window)?;
    let (atom, owner) = (function(c"XInternAtom")?, function(c"XGetSelectionOwner")?);
    // SAFETY: Xlib gives this name to a function of exactly this type, and the display is open while the window is.
    let atom = unsafe { std::mem::transmute::<*mut c_void, InternAtom>(atom) };
    // SAFETY: as above.
    let owner = unsafe { std::mem::transmute::<*mut c_void, SelectionOwner>(owner) };
    Some(owner(display, atom(display, c"_NET_WM_CM_S0".as_ptr(), 0)) != 0)
}

type InternAtom = extern "C" fn(*mut c_void, *const c_char, c_int) -> c_ulong;
type SelectionOwner = extern "C" fn(*mut c_void, c_ulong) -> c_ulong;

/// Xlib's own idea of the window's display.
fn display(window: &Window) -> Option<*mut c_void> {
    // SAFETY: all of it may be zero; SDL fills it in for the version that it is told, which is the one that it has.
    let mut info: sys::SDL_SysWMinfo = unsafe { std::mem::zeroed() };
    // SAFETY: the window is alive, and what is written to is of the types that SDL asks for.
    let known = unsafe {
        sys::SDL_GetVersion(&mut info.version);
        sys::SDL_GetWindowWMInfo(window.raw(), &mut info)
    };
    if known != sys::SDL_bool::SDL_TRUE || info.subsystem != sys::SDL_SYSWM_TYPE::SDL_SYSWM_X11 {
        return None;
    }
    // SAFETY: where the window is X11's, this is what was filled in.
    let display = unsafe { info.info.x11.display };
    (!display.is_null()).then_some(display.cast())
}

/// A function of Xlib, which SDL has loaded.
fn function(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: both names end with a zero. It is the library that SDL works with, which is never unloaded by this.
    let function = unsafe {
        let library = sys::SDL_LoadObject(c"libX11.so.6".as_ptr());
        if library.is_null() {
            return None;
        }
        sys::SDL_LoadFunction(library, name.as_ptr())
    };
    (!function.is_null()).then_some(function)
}
