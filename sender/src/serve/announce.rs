//! Announces the sender on its network by multicast DNS (RFC 6762, RFC 6763), so that receivers find it by its name.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result};
use proto::SessionId;
use proto::discovery::mdns::{Message, Name, Responder, Service};
use proto::discovery::{Announcement, Mark, SERVICE};
use proto::sys::mdns::{Ready, Sockets};
use proto::sys::{Stop, join, spawn};
use proto::wire::KeyId;

use crate::capture::Sizes;

/// What is announced.
#[derive(Clone, Debug)]
pub(crate) struct ServiceNotice {
    /// What people call the sender.
    pub name: String,
    /// Its session.
    pub session: SessionId,
    /// Pictures per second, where that is known.
    pub fps: Option<f64>,
    /// Where it serves, if it does: 0 for the address of any of its interfaces.
    pub served: Option<SocketAddr>,
    /// The group that it sends to.
    pub group: Option<SocketAddr>,
    /// The key that it is locked with.
    pub key: Option<KeyId>,
    /// The only interface to announce it by.
    pub interface: Option<String>,
}

/// An announced sender; [`end`](Self::end) takes it back.
#[derive(Debug)]
pub(crate) struct Announcer {
    sizes: Arc<Sizes>,
    announcing: JoinHandle<Result<()>>,
}

impl Announcer {
    /// Announces it, and again when `sizes` says another one.
    ///
    /// # Errors
    /// If the system gives no threads, or it cannot be called so.
    pub(crate) fn start(notice: ServiceNotice, sizes: Arc<Sizes>, stop: &Stop) -> Result<Self> {
        let responder = Responder::new(service(&notice).context(CANNOT)?, Instant::now()).context(CANNOT)?;
        let announcing = spawn("announce", stop, {
            let sizes = sizes.clone();
            move || announce(&notice, responder, &sizes)
        })?;
        Ok(Self { sizes, announcing })
    }

    /// Takes it back.
    ///
    /// # Errors
    /// If its thread failed.
    pub(crate) fn end(self) -> Result<()> {
        self.sizes.close();
        join(self.announcing)
    }
}

/// Why a sender that runs by this interface, or all, could not be announced now, with the way out; or by which it
/// could.
///
/// # Errors
/// In a sentence.
pub(crate) fn can_announce(interface: Option<&str>) -> Result<Vec<String>, String> {
    let sockets = Sockets::open(interface);
    sockets
        .trouble()
        .map_or_else(|| Ok(sockets.interfaces()), |why| Err(format!("{CANNOT}: {why}; {WAY_OUT}")))
}

/// Announces what is wanted, and answers for it, until it is over.
fn announce(notice: &ServiceNotice, mut responder: Responder, sizes: &Sizes) -> Result<()> {
    let mut sockets = Sockets::open(notice.interface.as_deref());
    let mut trouble = None;
    loop {
        say_trouble(&sockets, &mut trouble);
        let now = Instant::now();
        let (size, is_over) = sizes.take();
        if is_over {
            break;
        }
        responder.set_text(text(notice, size), now);
        let until = match responder.poll(now) {
            Ok(say) => {
                sockets.say(|index, addresses| responder.message(say, index, addresses));
                continue;
            }
            Err(until) => until,
        };
        match sockets.wait(&[sizes.as_fd()], until).context("cannot wait for datagrams")? {
            Ready::Other => {}
            Ready::Changed => responder.announce_again(Instant::now()),
            Ready::Go => sockets.receive(|index, _, bytes| {
                let renamed = Message::parse(bytes)
                    .is_some_and(|message| responder.hear(index, &message, Instant::now()));
                if renamed {
                    tracing::info!("another sender has that name: announced as \"{}\"", responder.label());
                }
            }),
        }
    }
    sockets.say(|_, _| responder.goodbye());
    Ok(())
}

/// Says once what is wrong, and when it is not any more.
fn say_trouble(sockets: &Sockets, said: &mut Option<String>) {
    let trouble = sockets.trouble();
    if trouble != *said {
        match &trouble {
            Some(why) => tracing::warn!("{CANNOT}: {why}; {WAY_OUT}"),
            None => tracing::info!("this sender is announced by multicast DNS now"),
        }
        *said = trouble;
    }
}

fn service(notice: &ServiceNotice) -> Option<Service> {
    let announcement = announcement(notice, None);
    // Its own host name: two senders on one computer need not have the same addresses, and none has another's.
    let host = Name::dotted(&format!("chunkcast-{}.local", announcement.mark))?;
    let address = notice.served.map(|served| served.ip()).filter(|ip: &IpAddr| !ip.is_unspecified());
    Some(Service {
        kind: Name::dotted(SERVICE)?,
        label: announcement.instance(),
        host,
        // Who can only be listened to has no port (RFC 6763 has no other word for it).
        port: notice.served.map_or(0, |served| served.port()),
        address,
        text: text(notice, None),
    })
}

fn announcement(notice: &ServiceNotice, size: Option<(u16, u16)>) -> Announcement {
    let ServiceNotice { name, session, fps, group, key, .. } = notice.clone();
    Announcement { name, size, fps, mark: Mark::of(session), group, key }
}

/// The strings of its TXT record, each behind its length.
fn text(notice: &ServiceNotice, size: Option<(u16, u16)>) -> Vec<u8> {
    let mut text = Vec::new();
    for (key, value) in announcement(notice, size).to_txt() {
        let string = format!("{key}={value}");
        text.push(u8::try_from(string.len()).unwrap_or(u8::MAX));
        text.extend(string.bytes().take(u8::MAX.into()));
    }
    text
}

const CANNOT: &str = "cannot announce this sender by multicast DNS";
const WAY_OUT: &str = "receivers can still connect by address: receiver --connect HOST";
