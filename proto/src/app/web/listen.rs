//! Where the server listens, and how that is written.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, bail};

use super::server;
use super::shared::Settings;
use super::site::Site;
use super::tls::Tls;
use crate::app::page_keys::PageKeys;
use crate::app::web_args::{WebArgs, WebPolicy};
use crate::sys::Stop;

/// A server that nobody is answered by yet.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    settings: Settings,
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
        let settings = Settings {
            args: args.clone(),
            policy: WebPolicy::default(),
            keys: PageKeys::default(),
            tls: tls(args)?,
        };
        Ok(Some(Self { listener, settings }))
    }

    /// The same, which lets people and pages do what `policy` says.
    #[must_use]
    pub fn with_policy(mut self, policy: WebPolicy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// The same, which lets in nobody who has none of these keys, if there are any.
    #[must_use]
    pub fn with_keys(mut self, keys: PageKeys) -> Self {
        self.settings.keys = keys;
        self
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().context("cannot tell the HTTP port")
    }

    /// Shows `site` to whoever asks, until `stop`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn serve(self, site: Arc<dyn Site>, stop: &Stop) -> Result<JoinHandle<Result<()>>> {
        let address = self.address()?;
        let shown: SocketAddr = match address.ip() {
            ip if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
            ip => (ip, address.port()).into(),
        };
        let (is_here, has_key) = (address.ip().is_loopback(), self.settings.keys.count() > 0);
        let who = match (has_key, is_here) {
            (true, _) => ", to who has the key",
            (false, true) => "",
            (false, false) => ", to whoever can reach this computer",
        };
        let scheme = if self.settings.tls.is_some() { "https" } else { "http" };
        tracing::info!("shows itself at {scheme}://{shown}/{who}");
        if has_key && !is_here && self.settings.tls.is_none() {
            tracing::warn!(
                "the pages are not encrypted: whoever types the key there shows it to who listens on the network; give \
                 --http-cert and --http-key, or listen on this computer alone, behind a proxy with TLS"
            );
        }
        server::start(self.listener, address.port(), self.settings, site, stop)
    }
}

/// What makes connections secret, if that is asked for.
fn tls(args: &WebArgs) -> Result<Option<Tls>> {
    match (&args.http_cert, &args.http_key) {
        (Some(certificate), Some(key)) => Tls::read(certificate, key).map(Some),
        (None, None) => Ok(None),
        (Some(_), None) => {
            bail!("--http-cert needs --http-key too, the file with the certificate's private key")
        }
        (None, Some(_)) => {
            bail!("--http-key needs --http-cert too, the file with the certificate of this key")
        }
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
