//! The program: its parts, started and ended in order, and its reports.

mod diagnosis;
pub mod doctor;
mod key_prompt;
mod measure;
mod report;
mod run;
mod search_thread;
#[cfg(feature = "web")]
mod web;
#[cfg(not(feature = "web"))]
#[path = "no_web.rs"]
mod web;

pub use measure::measure;
pub use run::run;
