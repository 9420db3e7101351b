//! Asks whoever sits at the terminal for the code of a sender that is locked.

use std::io::stdin;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Result;
use proto::app::keys::HiddenInput;
use proto::sys::{Stop, spawn};

use crate::session::Keyring;

/// Asks for the key of a sender whenever one is missing, until the program ends.
pub(super) fn start(keyring: &Arc<Keyring>, stop: &Stop) -> Result<JoinHandle<Result<()>>> {
    let (keyring, end) = (keyring.clone(), stop.clone());
    spawn("keys", stop, move || {
        while !end.wait_for_input(keyring.bell.as_fd())? {
            keyring.bell.clear();
            // One that is known by now has nothing more to ask.
            let Some(wanted) = keyring.wanted() else { continue };
            tracing::warn!("type the code of the sender with key {wanted}, and Enter; it is not shown");
            let hidden = HiddenInput::begin()?;
            if end.wait_for_input(stdin().as_fd())? {
                break;
            }
            let Some(line) = hidden.read_line()? else { break };
            match keyring.enter(&line, Some(wanted)) {
                Ok(()) => tracing::info!("that is the sender's code"),
                Err(error) => tracing::warn!("{error:#}"),
            }
        }
        Ok(())
    })
}
