//! Random bytes that nobody can guess.

use anyhow::anyhow;

/// Random bytes.
///
/// # Errors
/// If the system gives none.
pub fn random_bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    Ok(bytes)
}
