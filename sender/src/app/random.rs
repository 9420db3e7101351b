//! What nobody may guess.

use anyhow::{Result, anyhow};

/// Random bytes.
///
/// # Errors
/// If the system gives none.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    Ok(bytes)
}
