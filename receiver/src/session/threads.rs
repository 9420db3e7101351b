//! The threads that receive, one for each socket, and what is opened for them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use anyhow::{Context, Result};
use proto::netem::{Impairment, Netem};
use proto::sys::{join, spawn};

use super::endpoint::Endpoint;
use super::host::Host;
use super::shared::ReceiveContext;
use super::subscription::Subscription;
use super::target::Target;
use super::timeouts::LOOK_UP_EVERY;
use crate::feed::Status;
use crate::net::ReceiveSocket;
use crate::sync::lock;

/// The receiving threads. Some are started later, when a sender is found.
pub(crate) struct ReceiveThreads {
    threads: Mutex<Vec<JoinHandle<Result<()>>>>,
    interface: Option<String>,
    impairment: Option<Impairment>,
    pub(crate) shared: Arc<ReceiveContext>,
}

impl ReceiveThreads {
    /// None yet: those that will be kept to this interface, behind this bad network.
    pub(crate) fn new(
        interface: Option<String>,
        impairment: Option<Impairment>,
        shared: Arc<ReceiveContext>,
    ) -> Arc<Self> {
        Arc::new(Self { threads: Mutex::default(), interface, impairment, shared })
    }

    /// Starts a thread that receives from `socket`; `status` says what is waited for. If it is not `shown`, its first
    /// sender has a tile only once it is heard.
    pub(crate) fn receive(
        &self,
        socket: ReceiveSocket,
        subscription: Option<Subscription>,
        status: Status,
        shown: bool,
    ) -> Result<()> {
        self.start(self.endpoint(socket, subscription, status, shown)?)
    }

    /// The same for the group of a sender that was found, which may go to another one.
    pub(crate) fn receive_group_of(
        &self,
        target: Arc<Target>,
        socket: ReceiveSocket,
        status: Status,
        shown: bool,
    ) -> Result<()> {
        self.start(self.endpoint(socket, None, status, shown)?.for_group_of(target))
    }

    fn endpoint(
        &self,
        socket: ReceiveSocket,
        subscription: Option<Subscription>,
        status: Status,
        shown: bool,
    ) -> Result<Endpoint> {
        let netem = self.impairment.clone().map(Netem::new);
        Endpoint::new(socket, netem, subscription, status, shown, &self.shared)
    }

    fn start(&self, endpoint: Endpoint) -> Result<()> {
        let thread = spawn("receive", &self.shared.stop, move || endpoint.run())?;
        self.join_later(thread);
        Ok(())
    }

    /// Receives from a host whose name is not known, as soon as it is.
    pub(crate) fn receive_once_known(self: &Arc<Self>, host: Host) -> Result<()> {
        let threads = self.clone();
        let look_up = move || {
            let ReceiveContext { stop, .. } = &*threads.shared;
            while !stop.wait(LOOK_UP_EVERY) {
                let Ok(addresses) = host.look_up() else { continue };
                let begin = || {
                    let Opened { socket, subscription, status } =
                        Opened::to_host(&host, &addresses, threads.interface())?;
                    threads.receive(socket, subscription, status, true)
                };
                match begin() {
                    _ if stop.is_requested() => {}
                    Ok(()) => return,
                    Err(error) => tracing::warn!("cannot connect to {}: {error:#}", host.text),
                }
            }
        };
        // Nobody waits for its end, as for that of other lookups.
        Builder::new().name("lookup".into()).spawn(look_up).context("cannot start the lookup thread")?;
        Ok(())
    }

    /// Has a thread waited for before the program ends.
    pub(crate) fn join_later(&self, thread: JoinHandle<Result<()>>) {
        lock(&self.threads).push(thread);
    }

    /// The interface that was named.
    pub(crate) fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// Waits for all of them, and for those that are started meanwhile.
    pub(crate) fn join(&self) -> Result<()> {
        let mut result = Ok(());
        loop {
            let Some(thread) = lock(&self.threads).pop() else { return result };
            let ended = join(thread);
            result = result.and(ended);
        }
    }
}

/// A socket, and where it subscribes.
pub(crate) struct Opened {
    pub(crate) socket: ReceiveSocket,
    pub(crate) subscription: Option<Subscription>,
    /// What is waited for, in words.
    pub(crate) status: Status,
}

impl Opened {
    /// For a sender that was typed, and is at these addresses now.
    pub(crate) fn to_host(host: &Host, addresses: &[SocketAddr], interface: Option<&str>) -> Result<Self> {
        Self::towards(&host.target(addresses)?, &host.text, interface)
    }

    /// For a sender to subscribe at, there; `name` is what people call it.
    pub(crate) fn towards(target: &Arc<Target>, name: &str, interface: Option<&str>) -> Result<Self> {
        let address = target.address();
        let socket = ReceiveSocket::open_towards(address, interface)?;
        tracing::info!("connecting to {name} at {address}");
        let whom = if name == address.to_string() { name.to_owned() } else { format!("{name} ({address})") };
        Ok(Self {
            socket,
            subscription: Some(Subscription::new(target.clone())),
            status: Status::new("connecting to", whom),
        })
    }
}
