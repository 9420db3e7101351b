//! What `receiver measure` does: it receives and shows as ever, beside the strip, and tells what that came to.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;

use super::run::receive;
use crate::args::MeasureArgs;
use crate::measure::Measurement;

/// Measures until there are enough samples, the strip is not found, or the program is told to stop; then tells what there
/// is.
///
/// # Errors
/// If there is no figure, with the way out; or the first thing that failed.
pub fn measure(args: &MeasureArgs, out: &mut dyn Write) -> Result<()> {
    let measurement = Arc::new(Measurement::begin(args.samples)?);
    receive(&args.receive, Some(&measurement))?;
    measurement.tell(args.receive.stats_json.as_deref(), out)
}
