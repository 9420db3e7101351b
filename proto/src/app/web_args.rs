//! The options of the web server, for both programs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::ValueEnum;

use crate::sys::parse_scoped;

/// Whether and how a program shows itself.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct WebArgs {
    /// Show the picture and the figures in a browser: listen for HTTP on this address and port; a port alone, such as
    /// 8080, is for this computer only
    #[arg(long = "http", value_name = "ADDR:PORT", value_parser = parse_http, help_heading = WEB)]
    pub address: Option<SocketAddr>,

    /// A name under which the page may be asked for, besides addresses, of which any will do. Repeatable
    #[arg(long = "http-host", value_name = "NAME", value_parser = parse_http_host, help_heading = WEB)]
    pub hosts: Vec<String>,

    /// How many may watch in browsers and players at once
    #[arg(long = "http-viewers", value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..), help_heading = WEB)]
    pub viewers: u8,

    /// Show the pages by HTTPS, and nothing else at that port, with the certificate in this PEM file
    #[arg(long, value_name = "FILE", help_heading = WEB)]
    pub http_cert: Option<PathBuf>,

    /// The private key of --http-cert, in this PEM file
    #[arg(long, value_name = "FILE", help_heading = WEB)]
    pub http_key: Option<PathBuf>,
}

/// What those may who ask for the page, and pages of others.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct WebPolicy {
    /// Who may save pictures by the page's buttons: local (who is at this computer), on (whoever reaches the page) or
    /// off
    #[arg(long = "http-actions", value_name = "off|local|on", default_value = "local", hide_possible_values = true, help_heading = WEB)]
    pub actions: Actions,

    /// Let pages of other sites show the pictures, as dashboards do
    #[arg(long = "http-embed", help_heading = WEB)]
    pub embed: bool,

    /// With a key: let who is at this computer see the pages without it
    #[arg(long = "http-open", help_heading = WEB)]
    pub open: bool,
}

/// `--http-actions`: who may have something saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Actions {
    /// Nobody.
    Off,
    /// Who is at this computer.
    #[default]
    Local,
    /// Whoever may ask for pictures.
    On,
}

/// Reads `--http`: an address and a port; a port alone is one of this computer only.
///
/// # Errors
/// A sentence that says what can be written.
fn parse_http(text: &str) -> Result<SocketAddr, String> {
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
fn parse_http_host(text: &str) -> Result<String, String> {
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

const WEB: &str = "Web";
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
}
