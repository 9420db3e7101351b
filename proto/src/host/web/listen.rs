//! Where the server listens, and how that is written.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};

use super::super::console::Console;
use super::super::interface::parse_scoped;
use super::super::stop::Stop;
use super::arguments::{WebArgs, WebPolicy};
use super::server;
use super::site::Site;

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
    pub fn serve(
        self,
        site: Arc<dyn Site>,
        stop: &Stop,
        console: &Console,
    ) -> Result<JoinHandle<Result<()>>> {
        let address = self.listener.local_addr().context("cannot tell the HTTP port")?;
        let shown: SocketAddr = match address.ip() {
            ip if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
            ip => (ip, address.port()).into(),
        };
        let who = if address.ip().is_loopback() { "" } else { ", to whoever can reach this computer" };
        console.say(format_args!("shows itself at http://{shown}/{who}"));
        server::start(self.listener, self.args, self.policy, site, stop, console)
    }
}

/// Reads `--http`: an address and a port; a port alone is one of this computer only.
///
/// # Errors
/// A sentence that says what can be written.
pub(super) fn parse_http(text: &str) -> Result<SocketAddr, String> {
    if let Some(address) = text.parse().ok().or_else(|| parse_scoped(text)) {
        return Ok(address);
    }
    let port = text.strip_prefix("localhost").unwrap_or(text);
    match (port.strip_prefix(':').unwrap_or(port).parse::<u16>(), text.parse::<IpAddr>()) {
        (Ok(port), _) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        (_, Ok(address)) => Ok((address, DEFAULT_PORT).into()),
        _ => Err(format!(
            "{text:?} is no address and port; write it like 8080 (for this computer only), 0.0.0.0:8080 (for all) or \
             [::1]:8080"
        )),
    }
}

/// Reads `--http-host`: a name or an address, without a port.
///
/// # Errors
/// A sentence that says what can be written.
pub(super) fn parse_http_host(text: &str) -> Result<String, String> {
    let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = address.parse::<IpAddr>() {
        return Ok(address.to_canonical().to_string());
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if text.is_empty() || !text.chars().all(is_name) {
        return Err(format!("{text:?} is no host name; write it like bench3.example, without a port"));
    }
    Ok(text.to_ascii_lowercase())
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

const DEFAULT_PORT: u16 = 8080;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_for_this_computer_only() {
        for (text, address) in [
            ("8080", "127.0.0.1:8080"),
            (":8080", "127.0.0.1:8080"),
            ("localhost:81", "127.0.0.1:81"),
            ("0.0.0.0:8080", "0.0.0.0:8080"),
            ("192.168.1.20", "192.168.1.20:8080"),
            ("[::]:80", "[::]:80"),
            ("::1", "[::1]:8080"),
        ] {
            assert_eq!(parse_http(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in ["", ":", "here", "127.0.0.1:99999", "http://127.0.0.1:80/", "localhost"] {
            assert!(parse_http(text).unwrap_err().contains("0.0.0.0:8080"), "{text}");
        }
    }

    #[test]
    fn a_host_name_has_no_port() {
        assert_eq!(parse_http_host("Bench3.Example"), Ok("bench3.example".into()));
        assert_eq!(parse_http_host("192.168.1.5"), Ok("192.168.1.5".into()));
        assert_eq!(parse_http_host("[FD00::5]"), Ok("fd00::5".into()));
        for text in ["", "bench3:80", "192.168.1.5:80", "http://bench3", "a b"] {
            assert!(parse_http_host(text).is_err(), "{text}");
        }
    }

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
