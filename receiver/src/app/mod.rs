//! The program: what it is made of, started and ended in order, and what it says of itself.

mod diagnosis;
pub mod doctor;
mod report;
mod run;
mod web;

pub use run::run;
