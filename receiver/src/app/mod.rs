//! The program: its parts, started and ended in order, and its reports.

mod diagnosis;
pub mod doctor;
mod key_prompt;
mod report;
mod run;
#[cfg(feature = "web")]
mod web;
#[cfg(not(feature = "web"))]
#[path = "no_web.rs"]
mod web;

pub use run::run;
