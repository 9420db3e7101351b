//! In place of the web pages, in a receiver that was built without them.

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Result, ensure};
use proto::app::{LatestStats, PageKeys, WebArgs, WebPolicy};

use crate::session::ReceiveContext;

/// There is none.
pub(super) enum Web {}

impl Web {
    /// `None`.
    ///
    /// # Errors
    /// If pages are asked for.
    pub(super) fn bind(args: &WebArgs, _: WebPolicy, _: PageKeys) -> Result<Option<Self>> {
        ensure!(
            args.address.is_none(),
            "this receiver was built without pages for browsers (the feature \"web\")"
        );
        Ok(None)
    }

    pub(super) fn latest(&self) -> LatestStats {
        match *self {}
    }

    pub(super) fn serve(self, _: &Arc<ReceiveContext>) -> Result<JoinHandle<Result<()>>> {
        match self {}
    }
}
