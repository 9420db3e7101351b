//! The other end of the cable: USB/IP as the kernel speaks it (Documentation/usb/usbip_protocol.rst).

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::descriptors::{Camera, DEVICE, Probe, string};
use crate::exposure::TERMINAL;
use crate::play::Player;

/// A camera that is plugged in; dropping it plugs it out.
pub struct Plugged {
    socket: UnixStream,
    player: Arc<Player>,
    threads: Vec<JoinHandle<()>>,
}

impl Plugged {
    /// Plugs the camera into the kernel's first port.
    pub fn plug(camera: &Arc<Camera>, player: &Arc<Player>) -> Self {
        let (kernel, socket) = UnixStream::pair().expect("a pair of sockets");
        attach(&kernel);
        let plug = player.replug();
        player.set(&camera.settle(&[]));
        let clone = || socket.try_clone().expect("a descriptor");
        let answers = Arc::new(Replies(Mutex::new(clone())));
        let mut host = Host {
            socket: clone(),
            camera: camera.clone(),
            player: player.clone(),
            answers: answers.clone(),
            probe: camera.settle(&[]),
        };
        let listening = std::thread::spawn(move || while host.serve().is_ok() {});
        let (camera, to_play) = (camera.clone(), player.clone());
        let playing = std::thread::spawn(move || to_play.play(&camera, &answers, plug));
        Self { socket, player: player.clone(), threads: vec![listening, playing] }
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        self.player.replug();
        let _ = self.socket.shutdown(Shutdown::Both);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Hands a socket to the kernel: port 0, the descriptor, a device id, speed 3 (high). After an unplugging the port is
/// taken for a moment.
fn attach(kernel: &UnixStream) {
    let until = Instant::now() + Duration::from_secs(10);
    let line = format!("0 {} 65538 3", kernel.as_raw_fd());
    while let Err(error) = std::fs::write("/sys/devices/platform/vhci_hcd.0/attach", &line) {
        assert!(
            error.kind() != ErrorKind::NotFound && Instant::now() < until,
            "cannot plug in: {error} (modprobe vhci-hcd)"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What goes to the kernel. If it is gone, nobody has to be told.
pub struct Replies(Mutex<UnixStream>);

impl Replies {
    /// The request is answered with data.
    pub fn data(&self, number: u32, data: &[u8]) {
        self.send(SUBMITTED, number, 0, data.len(), data);
    }

    fn send(&self, kind: u32, number: u32, status: i32, length: usize, data: &[u8]) {
        let mut bytes = vec![0; 48];
        bytes[0..4].copy_from_slice(&kind.to_be_bytes());
        bytes[4..8].copy_from_slice(&number.to_be_bytes());
        bytes[20..24].copy_from_slice(&status.to_be_bytes());
        bytes[24..28].copy_from_slice(&(length as u32).to_be_bytes());
        bytes.extend(data);
        let _ = self.0.lock().expect("no thread panicked").write_all(&bytes);
    }
}

/// What comes from the kernel.
struct Host {
    socket: UnixStream,
    camera: Arc<Camera>,
    player: Arc<Player>,
    answers: Arc<Replies>,
    /// The mode under negotiation.
    probe: Probe,
}

impl Host {
    /// Replies one request, or puts it where pictures go.
    fn serve(&mut self) -> std::io::Result<()> {
        let mut header = [0; 48];
        self.socket.read_exact(&mut header)?;
        let word = |at| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (kind, number, is_input, endpoint, length) =
            (word(0), word(4), word(12) == 1, word(16), word(24));
        if kind == UNLINK {
            self.player.take_back(word(20), |was_open| {
                let status = if was_open { CONNECTION_RESET } else { 0 };
                self.answers.send(UNLINKED, number, status, 0, &[]);
            });
            return Ok(());
        }
        let mut data = vec![0; if is_input { 0 } else { length as usize }];
        self.socket.read_exact(&mut data)?;
        if endpoint != 0 {
            self.player.request(number, length);
            return Ok(());
        }
        match self.control(&header[40..48], &data) {
            Some(mut answer) if is_input => {
                answer.truncate(length as usize);
                self.answers.data(number, &answer);
            }
            Some(_) => self.answers.send(SUBMITTED, number, 0, length as usize, &[]),
            None => self.answers.send(SUBMITTED, number, BROKEN_PIPE, 0, &[]),
        }
        Ok(())
    }

    /// A control transfer (USB 2.0, 9.4; UVC 1.0, 4.3): the answer, which may be empty, or `None` to refuse.
    fn control(&mut self, setup: &[u8], data: &[u8]) -> Option<Vec<u8>> {
        let (target, request, low, high, interface) = (setup[0], setup[1], setup[2], setup[3], setup[4]);
        let is_probe = interface == 1 && (high == PROBE || high == COMMIT);
        match (target, request) {
            (0x21 | 0xa1, _) if interface == 0 && setup[5] == TERMINAL => self.player.control(request, high, data),
            (0x80, GET_DESCRIPTOR) => match high {
                1 => Some(DEVICE.to_vec()),
                2 => Some(self.camera.configuration()),
                3 => Some(string(low)),
                _ => None,
            },
            (0x80..=0x82, GET_STATUS) => Some(vec![0, 0]),
            (0x80, GET_CONFIGURATION) => Some(vec![1]),
            (0x81, GET_INTERFACE) => Some(vec![0]),
            (0..=2, CLEAR_FEATURE) => {
                self.player.halt();
                Some(Vec::new())
            }
            (0..=2, SET_FEATURE | SET_CONFIGURATION | SET_INTERFACE) => Some(Vec::new()),
            (0x21, SET_CUR) if interface == 1 => {
                self.probe = self.camera.settle(data);
                if high == COMMIT {
                    self.player.set(&self.probe);
                }
                Some(Vec::new())
            }
            (0xa1, GET_CUR | GET_MIN | GET_MAX) if is_probe => Some(self.probe.0.to_vec()),
            (0xa1, GET_DEF) if is_probe => Some(self.camera.settle(&[]).0.to_vec()),
            (0xa1, GET_LEN) if is_probe => Some(vec![Probe::LENGTH as u8, 0]),
            (0xa1, GET_INFO) if is_probe => Some(vec![3]),
            _ => None,
        }
    }
}

// USB/IP.
const UNLINK: u32 = 2;
const SUBMITTED: u32 = 3;
const UNLINKED: u32 = 4;
const CONNECTION_RESET: i32 = -104;
const BROKEN_PIPE: i32 = -32;

// USB.
const GET_STATUS: u8 = 0;
const CLEAR_FEATURE: u8 = 1;
const SET_FEATURE: u8 = 3;
const GET_DESCRIPTOR: u8 = 6;
const GET_CONFIGURATION: u8 = 8;
const SET_CONFIGURATION: u8 = 9;
const GET_INTERFACE: u8 = 10;
const SET_INTERFACE: u8 = 11;

// USB Video Class.
const SET_CUR: u8 = 0x01;
const GET_CUR: u8 = 0x81;
const GET_MIN: u8 = 0x82;
const GET_MAX: u8 = 0x83;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;
const PROBE: u8 = 1;
const COMMIT: u8 = 2;
