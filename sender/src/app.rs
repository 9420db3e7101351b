//! The program: what `sender` and its subcommands do.

pub mod cameras;
mod diagnosis;
pub mod doctor;
mod random;
pub mod run;
mod web;
