//! Several hosts on this machine: `scripts/netlab`, held up for as long as a test needs it.

use std::os::fd::AsFd;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::display::Display;
use super::peer::Peer;
use super::running::Running;

/// Hosts on one switch; gone when it is dropped.
pub(crate) struct Lab {
    name: String,
}

impl Lab {
    /// `hosts` hosts, host0 with 10.77.0.1 and fd77::1 and so on; `None`, said aloud, where that is not possible.
    pub(crate) fn up(hosts: usize) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            super::skip("network namespaces need root", true);
            return None;
        }
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let lab =
            Self { name: format!("cc{}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)) };
        let up = lab.command(&["up", &hosts.to_string()]).output().unwrap();
        if !up.status.success() {
            super::skip(
                &format!("no network namespaces: {}", String::from_utf8_lossy(&up.stderr).trim()),
                false,
            );
            return None;
        }
        Some(lab)
    }

    /// One of netlab's commands, like `["loss", "host1", "10"]`.
    pub(crate) fn netlab(&self, arguments: &[&str]) {
        let done = self.command(arguments).output().unwrap();
        assert!(done.status.success(), "netlab {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Runs a command on `host` and returns what it wrote to standard output.
    pub(crate) fn run(&self, host: &str, command: &[&str]) -> String {
        let done = self.command(&[&["exec", host], command].concat()).output().unwrap();
        assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Has `host` drop what arrives of multicast DNS, as many networks do.
    pub(crate) fn block_mdns(&self, host: &str) {
        let rules = "add table inet blocked; \
                     add chain inet blocked arrive { type filter hook input priority 0; }; \
                     add rule inet blocked arrive udp dport 5353 drop";
        self.run(host, &["nft", rules]);
    }

    /// A sender on `host`.
    pub(crate) fn sender(&self, host: &str, arguments: &[&str]) -> Running {
        Running::start("sender", &["ip", "netns", "exec", &self.namespace(host)], arguments)
    }

    /// A receiver on `host`, listening before this returns.
    pub(crate) fn receiver(&self, host: &str, arguments: &[&str]) -> Running {
        Running::listening(&["ip", "netns", "exec", &self.namespace(host)], arguments)
    }

    /// The same, whose monotonic clock is so many seconds ahead of everybody else's.
    pub(crate) fn receiver_ahead(&self, host: &str, seconds: u32, arguments: &[&str]) -> Running {
        let (namespace, seconds) = (self.namespace(host), seconds.to_string());
        let under = ["ip", "netns", "exec", &namespace, "unshare", "--time", "--monotonic", &seconds];
        Running::listening(&under, arguments)
    }

    /// A receiver on `host` that looks for senders by itself, with a window on `display` if one is given.
    pub(crate) fn finder(&self, host: &str, display: Option<&Display>, arguments: &[&str]) -> Running {
        let namespace = self.namespace(host);
        let display = display.map(|display| format!("DISPLAY={}", display.name));
        let mut under = vec!["ip", "netns", "exec", &namespace];
        under.extend(display.iter().flat_map(|display| ["env", display.as_str()]));
        Running::start("receiver", &under, arguments)
    }

    /// A receiver on `host` that knows computers' names by a file like /etc/hosts.
    pub(crate) fn receiver_with_hosts(&self, host: &str, hosts: &str, arguments: &[&str]) -> Running {
        // Each `ip netns exec` has mounts of its own.
        let with = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
        let under = ["ip", "netns", "exec", &self.namespace(host), "sh", "-c", with, hosts];
        Running::start("receiver", &under, arguments)
    }

    /// Somebody else's program on `host`; `None`, said aloud, where it is not installed.
    pub(crate) fn peer(&self, host: &str, command: &[&str]) -> Option<Peer> {
        Peer::under(&["ip", "netns", "exec", &self.namespace(host)], command)
    }

    /// What `open` makes, such as a socket, as if on `host`.
    pub(crate) fn on<T: Send>(&self, host: &str, open: impl FnOnce() -> T + Send) -> T {
        let namespace = std::fs::File::open(format!("/run/netns/{}", self.namespace(host))).unwrap();
        // It is the thread that moves, and it ends there.
        std::thread::scope(|scope| {
            let moved = scope.spawn(|| {
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), kind).unwrap();
                open()
            });
            moved.join().unwrap()
        })
    }

    /// What `ip netns` calls `host`.
    pub(crate) fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(super::root().join("scripts/netlab"));
        command.args(arguments).env("NETLAB", &self.name);
        command
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.command(&["down"]).output();
    }
}
