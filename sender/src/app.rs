//! The program: what `sender` and its subcommands do.

#[cfg(feature = "camera")]
mod cameras;
#[cfg(not(feature = "camera"))]
#[path = "app/no_cameras.rs"]
mod cameras;
mod diagnosis;
mod doctor;
mod new_key;
mod report;
mod run;
mod sockets;
#[cfg(feature = "web")]
mod web;
#[cfg(not(feature = "web"))]
#[path = "app/no_web.rs"]
mod web;

pub use cameras::list_cameras;
pub use doctor::check;
pub use new_key::new_key;
pub use run::run;
