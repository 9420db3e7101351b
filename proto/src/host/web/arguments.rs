//! The options of both programs that are about the server.

use std::net::SocketAddr;

use clap::ValueEnum;

use super::listen::{parse_http, parse_http_host};

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
}

/// What those may who ask for the page, and pages of others.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct WebPolicy {
    /// Who may save pictures by the page's buttons: local (who is at this computer), on (whoever reaches the page) or off
    #[arg(long = "http-actions", value_name = "off|local|on", default_value = "local", hide_possible_values = true, help_heading = WEB)]
    pub actions: Actions,

    /// Let pages of other sites show the pictures, as dashboards do
    #[arg(long = "http-embed", help_heading = WEB)]
    pub embed: bool,
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

const WEB: &str = "Web";
