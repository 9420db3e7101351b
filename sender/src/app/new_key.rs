//! Makes a key.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use proto::app::keys::{new_code, write_key_file};
use proto::sys::random_bytes;

/// Writes a new key to `path`, or its code to `out`.
///
/// # Errors
/// If there is something at `path` already, or the system refuses.
pub fn new_key(path: Option<&Path>, out: &mut impl Write) -> Result<()> {
    let code = new_code(&random_bytes()?);
    match path {
        None => writeln!(out, "{}", *code)?,
        Some(path) => {
            write_key_file(path, &code)?;
            writeln!(
                out,
                "{} is made: give it to the sender and its receivers by --key-file",
                path.display()
            )?;
        }
    }
    Ok(())
}
