//! Where the server listens, and how that is written.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};

use super::server;
use super::site::Site;
use crate::app::web_args::{WebArgs, WebPolicy};
use crate::sys::Stop;

/// A server that nobody is answered by yet.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    args: WebArgs,
    policy: WebPolicy,
}

impl Listener {
    /// Takes the port; `None` if none is asked for.
    ///
    /// # Errors
    /// If it cannot be had; the sentence says what to do.
    pub fn bind(args: &WebArgs) -> Result<Option<Self>> {
        let Some(address) = args.address else { return Ok(None) };
        let listener = TcpListener::bind(address).map_err(|error| cannot_listen(address, &error))?;
        listener.set_nonblocking(true).context("cannot set up the HTTP socket")?;
        Ok(Some(Self { listener, args: args.clone(), policy: WebPolicy::default() }))
    }

    /// The same, which lets people and pages do what `policy` says.
    #[must_use]
    pub fn with_policy(self, policy: WebPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Shows `site` to whoever asks, until `stop`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn serve(self, site: Arc<dyn Site>, stop: &Stop) -> Result<JoinHandle<Result<()>>> {
        let address = self.listener.local_addr().context("cannot tell the HTTP port")?;
        let shown: SocketAddr = match address.ip() {
            ip if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
            ip => (ip, address.port()).into(),
        };
        let who = if address.ip().is_loopback() { "" } else { ", to whoever can reach this computer" };
        tracing::info!("shows itself at http://{shown}/{who}");
        server::start(self.listener, self.args, self.policy, site, stop)
    }
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("TCP port {address} is taken; end what has it, or choose another port with --http")
        }
        ErrorKind::AddrNotAvailable => anyhow!(
            "{} is no address of this computer; give --http {} for this computer only, or 0.0.0.0:{} for all",
            address.ip(),
            address.port(),
            address.port()
        ),
        ErrorKind::PermissionDenied => {
            anyhow!("TCP port {} needs root; choose one from 1024 on with --http", address.port())
        }
        _ => anyhow!("cannot listen on TCP {address}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_an_error_with_the_way_out() {
        let args = |address| WebArgs { address, viewers: 1, ..WebArgs::default() };
        assert!(Listener::bind(&args(None)).unwrap().is_none(), "nothing is listened on unasked");
        let first = Listener::bind(&args(Some("127.0.0.1:0".parse().unwrap()))).unwrap().unwrap();
        let taken = first.listener.local_addr().unwrap();
        let error = Listener::bind(&args(Some(taken))).unwrap_err().to_string();
        assert!(error.contains("--http") && error.contains("taken"), "{error}");
    }
}
