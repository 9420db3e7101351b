//! When pictures go out, and how they are cut into USB transfers.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::descriptors::{Camera, PAYLOAD, Probe};
use crate::exposure::Exposure;
use crate::usbip::Replies;

/// Plays pictures into the host's requests.
#[derive(Default)]
pub struct Player {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The host's open requests: their number and room in bytes.
    requests: VecDeque<(u32, u32)>,
    probe: Option<Probe>,
    /// How often streaming began or ended; what was begun before is given up.
    run: u64,
    is_stalled: bool,
    exposure: Exposure,
    /// How often the camera was plugged in or out.
    plug: u64,
}

impl Player {
    /// Stops giving pictures, or goes on.
    pub fn stall(&self, is_stalled: bool) {
        self.change(|state| state.is_stalled = is_stalled);
    }

    /// Takes the light away, or gives it back.
    pub fn darken(&self, is_dark: bool) {
        self.change(|state| state.exposure.is_dark = is_dark);
    }

    /// Answers a request for a control of the camera's terminal.
    pub fn control(&self, request: u8, selector: u8, data: &[u8]) -> Option<Vec<u8>> {
        self.lock().exposure.control(request, selector, data)
    }

    /// The host set this mode.
    pub fn set(&self, probe: &Probe) {
        self.change(|state| {
            state.probe = Some(probe.clone());
            state.run += 1;
        });
    }

    /// The host stopped streaming.
    pub fn halt(&self) {
        self.change(|state| state.run += 1);
    }

    /// The host has room for some bytes.
    pub fn request(&self, number: u32, room: u32) {
        self.change(|state| state.requests.push_back((number, room)));
    }

    /// The host takes back a request; says whether it was still open. `answer` is called before any other can be.
    pub fn take_back(&self, number: u32, answer: impl FnOnce(bool)) {
        let mut state = self.lock();
        let place = state.requests.iter().position(|request| request.0 == number);
        answer(place.and_then(|at| state.requests.remove(at)).is_some());
    }

    /// The camera was plugged in or out: what was open is void. The number of this plugging.
    pub fn replug(&self) -> u64 {
        let mut state = self.lock();
        state.requests.clear();
        state.plug += 1;
        state.run += 1;
        self.changed.notify_all();
        state.plug
    }

    /// Plays until the camera is plugged out.
    pub fn play(&self, camera: &Camera, answers: &Replies, plug: u64) {
        let (mut count, mut toggle, mut due, mut run) = (0, 0, Instant::now(), 0);
        loop {
            let wanted = |state: &State| !state.requests.is_empty() && !state.is_stalled;
            let state = self.wait(|state| state.plug != plug || wanted(state));
            if state.plug != plug {
                return;
            }
            if state.run != run {
                run = state.run;
                due = Instant::now();
            }
            let Some(probe) = state.probe.clone() else { return };
            let interval = state.exposure.interval(probe.interval());
            drop(state);
            due = (due + Duration::from_nanos(100) * interval)
                .max(Instant::now() - Duration::from_secs(1));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            self.send(&picture(camera, &probe, count), toggle, answers, run);
            toggle ^= 1;
            count += 1;
        }
    }

    /// Sends one picture in as many payloads as it takes (UVC 1.0, 2.4.3.2), unless the host gives it up.
    fn send(&self, picture: &[u8], toggle: u8, answers: &Replies, run: u64) {
        let mut rest = picture;
        while !rest.is_empty() {
            let mut state = self.wait(|state| state.run != run || !state.requests.is_empty());
            if state.run != run {
                return;
            }
            let Some((number, room)) = state.requests.pop_front() else { return };
            let (part, after) = rest.split_at(rest.len().min(room.min(PAYLOAD) as usize - 2));
            let end_of_frame = if after.is_empty() { 2 } else { 0 };
            let mut payload = vec![2, 0x80 | toggle | end_of_frame];
            payload.extend(part);
            // While the state is locked, so that the request is not taken back in between.
            answers.data(number, &payload);
            rest = after;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn wait(&self, until: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        self.changed.wait_while(self.lock(), |state| !until(state)).expect("no thread panicked")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panicked")
    }
}

/// The bytes that go out as picture number `count`.
fn picture(camera: &Camera, probe: &Probe, count: u64) -> Vec<u8> {
    let pictures = &camera.sizes[probe.size()].pictures;
    let at = count as usize % pictures.len();
    let mut bytes = pictures[at].clone();
    if camera.cut.is_some_and(|cut| count % cut == cut - 1) {
        bytes.truncate(bytes.len() / 2);
    } else if camera.has_junk {
        let before = &pictures[(at + pictures.len() - 1) % pictures.len()];
        bytes.extend(&before[before.len().saturating_sub(300)..]);
    }
    bytes
}
