//! Pictures, figures and actions in a browser: a small HTTP/1.1 server for both programs.
//!
//! A program implements [`Site`] and gives its frames to a [`Broadcast`](super::Broadcast) for each stream;
//! [`Listener`] does the rest. Nothing is listened on unless it is asked for. GET, HEAD and POST are all that it knows;
//! it opens no files, takes no body but that of a form, and believes neither a head's length nor its Host.

mod access;
#[cfg(feature = "tls")]
mod certificate;
mod client;
mod connection;
mod connection_limit;
mod credentials;
mod family;
mod guard;
mod listen;
mod live;
mod login;
mod metrics;
mod peer;
mod permit;
mod places;
mod rehearsal;
mod rendered;
mod request;
mod response;
mod route;
mod server;
mod sessions;
mod shared;
mod site;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod tries;

pub use family::{Family, MetricKind};
pub use listen::Listener;
#[doc(hidden)]
pub use rehearsal::Rehearsal;
pub use site::{Site, WebAction, WebFeed};
