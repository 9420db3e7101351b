//! Parses single values, with errors that say what is wrong.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Result, bail};
use clap::builder::{OsStringValueParser, TypedValueParser};
use proto::sys::parse_scoped;

use crate::output::OutputSpec;
use crate::window::Detail;

/// Refuses addresses that cannot be listened on.
///
/// # Errors
/// A sentence for the person who typed it.
pub(super) fn parse_listen(text: &str) -> Result<SocketAddr> {
    let listen: SocketAddr = match text.parse().ok().or_else(|| parse_scoped(text)) {
        Some(listen) => listen,
        // A bare port or address is completed.
        None => match (text.trim_start_matches(':').parse::<u16>(), text.parse::<IpAddr>()) {
            (Ok(port), _) => (Ipv4Addr::UNSPECIFIED, port).into(),
            (_, Ok(address)) => (address, DEFAULT_PORT).into(),
            _ => bail!(
                "{text:?} is no address and port; write it like 0.0.0.0:9000, [::]:9000 or 239.255.10.1:9000"
            ),
        },
    };
    if listen.port() == 0 {
        bail!("port 0 is none; give the port that the sender sends to, such as {DEFAULT_PORT}");
    }
    Ok(listen)
}

/// What reads `--output`: words, or a path of any bytes.
pub(super) fn output_parser() -> impl TypedValueParser<Value = OutputSpec> {
    OsStringValueParser::new().try_map(|text| OutputSpec::try_from(text.as_os_str()))
}

/// Reads how much is to be written on a picture.
///
/// # Errors
/// A sentence that says what can be written.
pub(super) fn parse_detail(text: &str) -> Result<Detail, String> {
    match text {
        "off" => Ok(Detail::Off),
        "small" => Ok(Detail::Small),
        "full" => Ok(Detail::Full),
        _ => Err("it is off, small or full".into()),
    }
}

/// Where is listened when nothing else is said.
pub(super) const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), DEFAULT_PORT);
const DEFAULT_PORT: u16 = 9000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_takes_an_address_a_port_or_both() {
        for (text, address) in [
            ("0.0.0.0:9000", "0.0.0.0:9000"),
            ("9001", "0.0.0.0:9001"),
            (":9001", "0.0.0.0:9001"),
            ("239.255.10.1", "239.255.10.1:9000"),
            ("[::]:7", "[::]:7"),
        ] {
            assert_eq!(parse_listen(text).unwrap(), address.parse().unwrap(), "{text}");
        }
        for text in ["0.0.0.0:0", "somewhere", "1.2.3.4:99999"] {
            assert!(parse_listen(text).is_err(), "{text}");
        }
    }
}
