//! Announces the sender on its network by multicast DNS (RFC 6762, RFC 6763), so that receivers find it by its name.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use mdns_sd::{DaemonEvent, IfKind, Receiver, ServiceDaemon, ServiceInfo};
use proto::host::{Announcement, Console, SERVICE, Stop, join, spawn};
use proto::{Latest, SessionId, Taken};

/// What is announced.
#[derive(Clone, Debug)]
pub struct Notice {
    /// What people call the sender.
    pub name: String,
    /// Its session.
    pub session: SessionId,
    /// Pictures per second, where that is known.
    pub fps: Option<f64>,
    /// Where it can be asked, if it serves: 0 for the address of any of its interfaces.
    pub served: Option<SocketAddr>,
    /// The group that it sends to.
    pub group: Option<SocketAddr>,
    /// The only interface to announce it by.
    pub interface: Option<String>,
}

/// Where the size of the newest picture is put when it has changed.
pub type Sizes = Latest<(u16, u16)>;

/// An announced sender; [`end`](Self::end) takes it back.
#[derive(Debug)]
pub struct Announcer {
    sizes: Arc<Sizes>,
    announcing: JoinHandle<Result<()>>,
    watching: JoinHandle<Result<()>>,
}

impl Announcer {
    /// Announces it, and again when `sizes` says another one.
    ///
    /// # Errors
    /// If the system gives no sockets or threads.
    pub fn start(notice: Notice, sizes: Arc<Sizes>, stop: &Stop, console: &Console) -> Result<Self> {
        let daemon = ServiceDaemon::new().context(CANNOT)?;
        if let Some(name) = &notice.interface {
            daemon.disable_interface(IfKind::All).context(CANNOT)?;
            daemon.enable_interface(&**name).context(CANNOT)?;
        }
        let events = daemon.monitor().context(CANNOT)?;
        let watching = spawn("announce watch", stop, {
            let console = console.clone();
            move || {
                watch(&events, &console);
                Ok(())
            }
        })?;
        let announcing = spawn("announce", stop, {
            let (sizes, console) = (sizes.clone(), console.clone());
            move || {
                if let Err(error) = announce(&daemon, &notice, &sizes) {
                    console.say(format_args!("{error:#}; receivers can still ask by address"));
                }
                // It says goodbye of all that it has announced.
                if let Ok(done) = daemon.shutdown() {
                    let _ = done.recv_timeout(GOODBYE_WITHIN);
                }
                Ok(())
            }
        })?;
        Ok(Self { sizes, announcing, watching })
    }

    /// Takes it back.
    ///
    /// # Errors
    /// If one of its threads failed.
    pub fn end(self) -> Result<()> {
        self.sizes.close();
        join(self.announcing)?;
        join(self.watching)
    }
}

/// Announces what is wanted until no more sizes come.
fn announce(daemon: &ServiceDaemon, notice: &Notice, sizes: &Sizes) -> Result<()> {
    let mut size = None;
    loop {
        daemon.register(service(notice, size)?).context(CANNOT)?;
        match sizes.take(None) {
            Taken::Value(newest) => size = Some(newest),
            Taken::TimedOut | Taken::Closed => return Ok(()),
        }
    }
}

fn service(notice: &Notice, size: Option<(u16, u16)>) -> Result<ServiceInfo> {
    let Notice { name, session, fps, served, group, .. } = notice.clone();
    let announcement = Announcement { name, size, fps, session, group };
    // Its own host name: two senders on one computer need not have the same addresses, and none has another's.
    let host = format!("chunkcast-{session}.local.");
    let address = served.map(|served| served.ip()).filter(|ip| !ip.is_unspecified());
    let addresses: Vec<IpAddr> = address.into_iter().collect();
    // Who can only be listened to has no port (RFC 6763 has no other word for it).
    let port = served.map_or(0, |served| served.port());
    let info = ServiceInfo::new(
        SERVICE,
        &announcement.instance(),
        &host,
        &addresses[..],
        port,
        &announcement.to_txt()[..],
    );
    let info = info.map_err(|error| anyhow!("{CANNOT}: {error}"))?;
    Ok(if addresses.is_empty() { info.enable_addr_auto() } else { info })
}

/// Says once what is wrong, and under which name it was announced if its own was taken; until the daemon has ended.
fn watch(events: &Receiver<DaemonEvent>, console: &Console) {
    let mut complained = false;
    while let Ok(event) = events.recv() {
        match event {
            DaemonEvent::Error(error) if !complained => {
                complained = true;
                console.say(format_args!("{CANNOT}: {error}; receivers can still ask by address"));
            }
            DaemonEvent::NameChange(change) if change.original.ends_with(SERVICE) => {
                let name = change.new_name.strip_suffix(SERVICE).unwrap_or(&change.new_name);
                // The service's name has dots and backslashes of its own escaped (RFC 6763, section 4.3).
                let name = name.trim_end_matches('.').replace(r"\.", ".").replace(r"\\", r"\");
                console.say(format_args!("another sender has that name: announced as \"{name}\""));
            }
            _ => {}
        }
    }
}

const CANNOT: &str = "cannot announce this sender by multicast DNS";
/// A goodbye is one datagram for each interface.
const GOODBYE_WITHIN: Duration = Duration::from_millis(500);
