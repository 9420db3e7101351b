//! The network options that the user gave.

/// What the user decided about the network.
#[derive(Clone, Debug, Default)]
pub struct NetworkOptions {
    /// The largest packet in bytes; the route's, but at most 1500, if not given.
    pub mtu: Option<usize>,
    /// How many routers multicast may pass.
    pub ttl: u32,
    /// The interface to send by: name, index or address.
    pub interface: Option<String>,
    /// The differentiated services code point, 0 to 63 (RFC 2474).
    pub dscp: u8,
}
