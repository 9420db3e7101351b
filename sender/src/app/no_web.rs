//! In place of the web pages, in a sender that was built without them.

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Result, ensure};
use proto::app::{LatestStats, PageKeys, WebArgs, WebPolicy};
use proto::sys::Stop;
use proto::{Clock, Frame};

use crate::inbox::FrameInbox;

/// There is none.
pub(super) enum Web {}

/// There is none.
pub(super) enum WebTap {}

impl Web {
    /// `None`.
    ///
    /// # Errors
    /// If pages are asked for.
    pub(super) fn bind(args: &WebArgs, _: WebPolicy, _: PageKeys) -> Result<Option<Self>> {
        ensure!(
            args.address.is_none(),
            "this sender was built without pages for browsers (the feature \"web\")"
        );
        Ok(None)
    }

    pub(super) fn latest(&self) -> LatestStats {
        match *self {}
    }

    pub(super) fn tap(&self, _: Clock) -> WebTap {
        match *self {}
    }

    pub(super) fn serve(self, _: String, _: Arc<FrameInbox>, _: &Stop) -> Result<JoinHandle<Result<()>>> {
        match self {}
    }
}

impl WebTap {
    pub(super) fn put(&self, _: &Frame) {
        match *self {}
    }
}
