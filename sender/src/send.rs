//! Sends frames to each destination, and takes in feedback.

mod awaited;
mod backlog;
mod destination;
mod due_times;
mod fanout;
mod keyed;
mod ledger;
mod stream;
mod stream_factory;
mod thread;
mod wait;

pub(crate) use awaited::Awaited;
pub(crate) use fanout::Fanout;
pub(crate) use keyed::Keyed;
pub(crate) use stream_factory::StreamFactory;
pub(crate) use thread::run;
