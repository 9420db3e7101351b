//! The program: what it is made of, started and ended in order, and what it says of itself.

mod diagnosis;
pub mod doctor;
mod report;
mod run;
#[cfg(feature = "web")]
mod web;
#[cfg(not(feature = "web"))]
#[path = "no_web.rs"]
mod web;

pub use run::run;
