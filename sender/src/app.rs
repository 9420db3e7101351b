//! The program: what `sender` and its subcommands do.

mod cameras;
mod diagnosis;
mod doctor;
mod run;
mod web;

pub use cameras::list_cameras;
pub use doctor::check;
pub use run::run;
