//! What `sender doctor` checks.

use std::io::Write;

use anyhow::Result;
use proto::host::Interface;

/// Says what this computer has to send pictures with and by.
///
/// # Errors
/// If the interfaces cannot be listed, or nobody reads what is said.
pub fn check(out: &mut impl Write) -> Result<()> {
    writeln!(out, "Network interfaces:")?;
    for interface in Interface::all()? {
        let mtu = interface.mtu().map_or_else(|| "unknown".to_owned(), |mtu| mtu.to_string());
        writeln!(out, "  {:<10} index {}, MTU {mtu}", interface.name, interface.index)?;
        for address in &interface.addresses {
            writeln!(out, "             {address}")?;
        }
    }
    writeln!(out, "\nCameras:")?;
    crate::cameras::list(out)
}
