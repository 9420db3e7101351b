//! Sends frames to each destination, and takes in what comes back.

mod awaited;
mod backlog;
mod destination;
mod fanout;
mod ledger;
mod stream;
mod stream_factory;
mod thread;
mod wait;

pub use awaited::Awaited;
pub use fanout::Fanout;
pub use stream::Format;
pub use stream_factory::Streams;
pub use thread::run;
