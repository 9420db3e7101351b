//! What `receiver doctor` checks.

use std::io::Write;

use anyhow::Result;
use proto::host::{Console, Interface};

use crate::link::Link;
use crate::window::{Options, Window};

/// Says what this computer has to receive pictures with and to show them on.
///
/// # Errors
/// If the interfaces cannot be listed, or nobody reads what is said.
pub fn check(out: &mut impl Write) -> Result<()> {
    writeln!(out, "Network interfaces, any of whose addresses a sender's --dest can name:")?;
    for interface in Interface::all()? {
        let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
        writeln!(out, "  {:<10} index {}  {}", interface.name, interface.index, addresses.join("  "))?;
    }
    writeln!(out, "\nThe default port and its buffer:")?;
    match Link::open("0.0.0.0:9000".parse()?, None, &Console::new("receiver")) {
        Ok(_) => writeln!(out, "  port 9000 is free")?,
        Err(error) => writeln!(out, "  {error:#}")?,
    }
    writeln!(out, "\nDisplay:")?;
    match Window::open(&Options::default()) {
        Ok(window) => writeln!(out, "  {}", window.describe())?,
        Err(error) => writeln!(out, "  {error:#}")?,
    }
    Ok(())
}
