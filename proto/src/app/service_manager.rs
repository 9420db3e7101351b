//! What a service manager is notified of: ready, status, watchdog, stopping.
//!
//! This is systemd's protocol (sd_notify(3), systemd.service(5)), and that of whoever else speaks it: lines in a
//! datagram to the Unix socket that `NOTIFY_SOCKET` names. Without that variable nothing is ever sent.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The service manager that started this program, if one did.
#[derive(Debug)]
pub struct ServiceManager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// Whoever the environment names.
    pub fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|name| connect(&name).ok());
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        // Another process may have been told of it, and have left its environment to this one.
        let is_other = number("WATCHDOG_PID").is_some_and(|pid| pid != u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|&micros| micros > 0 && !is_other);
        Self { watchdog: watchdog.map(Duration::from_micros).filter(|_| socket.is_some()), socket }
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// How often it wants to hear that the program [lives](Self::alive): half of the time after which it restarts it.
    pub fn interval(&self) -> Option<Duration> {
        self.watchdog.map(|time| time / 2)
    }

    /// The program does its work from now on.
    pub fn ready(&self) {
        self.notify("READY=1");
    }

    /// How the program is, in one line for people.
    pub fn status(&self, text: &str) {
        self.notify(&format!("STATUS={}", text.lines().next().unwrap_or_default()));
    }

    /// The program lives.
    pub fn alive(&self) {
        self.notify("WATCHDOG=1");
    }

    /// The program ends.
    pub fn stopping(&self) {
        self.notify("STOPPING=1");
    }

    /// One with this watchdog, and what it is told.
    #[cfg(test)]
    pub(super) fn for_tests(watchdog: Duration) -> (Self, UnixDatagram) {
        let (socket, told) = UnixDatagram::pair().unwrap();
        told.set_nonblocking(true).unwrap();
        (Self { socket: Some(socket), watchdog: Some(watchdog) }, told)
    }

    fn notify(&self, what: &str) {
        if let Some(socket) = &self.socket {
            // It is told again, or notices; and the program must not wait for it.
            let _ = socket.send(what.as_bytes());
        }
    }
}

/// A socket for whoever listens at this path, or at this abstract name if it begins with `@` (unix(7)).
fn connect(name: &OsStr) -> std::io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_reached_by_path_and_by_abstract_name() {
        let id = std::process::id();
        let path = std::env::temp_dir().join(format!("chunkcast-notify-{id}"));
        let abstract_name = format!("chunkcast-notify-{id}");
        let named = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let at_path = UnixDatagram::bind(&path).unwrap();
        let at_name = UnixDatagram::bind_addr(&named).unwrap();
        for (manager, name) in
            [(at_path, path.clone().into_os_string()), (at_name, format!("@{abstract_name}").into())]
        {
            let socket = Some(connect(&name).unwrap());
            let told = ServiceManager { socket, watchdog: Some(Duration::from_secs(10)) };
            told.ready();
            told.status("well\nand more");
            told.alive();
            told.stopping();
            for line in ["READY=1", "STATUS=well", "WATCHDOG=1", "STOPPING=1"] {
                let mut buffer = [0; 64];
                let length = manager.recv(&mut buffer).unwrap();
                assert_eq!(std::str::from_utf8(&buffer[..length]), Ok(line));
            }
            assert_eq!(told.interval(), Some(Duration::from_secs(5)));
        }
        std::fs::remove_file(&path).unwrap();
        assert!(connect(path.as_os_str()).is_err());
    }
}
