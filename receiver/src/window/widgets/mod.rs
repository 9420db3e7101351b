//! What is drawn over pictures, or in place of them.

pub(super) mod card;
pub(super) mod health;
pub(super) mod help;
pub(super) mod history;
pub(super) mod key_entry;
pub(super) mod label;
pub(super) mod overlay;
pub(super) mod picker;
pub(super) mod samples;
pub(super) mod status_text;
