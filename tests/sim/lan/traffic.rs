//! What a stream costs on the wire, by what it is for.

/// What a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// A frame's bytes, for the first time.
    Data,
    /// Parity that goes with its frame.
    Parity,
    /// Data or parity that was asked for.
    Resent,
    /// Hello and goodbye.
    Control,
    /// What one receiver is told.
    Reply,
    /// What receivers say back.
    Feedback,
    /// What they ask for.
    Request,
}

/// Datagrams, and their bytes on the wire.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bytes {
    pub(crate) datagrams: u64,
    pub(crate) wire: u64,
}

/// All datagrams that were given out, both ways; those to a group count once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) data: Bytes,
    pub(crate) parity: Bytes,
    pub(crate) resent: Bytes,
    pub(crate) control: Bytes,
    pub(crate) replies: Bytes,
    pub(crate) feedback: Bytes,
    pub(crate) requests: Bytes,
}

impl Traffic {
    pub(super) fn add(&mut self, load: Load, payload: usize) {
        let bytes = match load {
            Load::Data => &mut self.data,
            Load::Parity => &mut self.parity,
            Load::Resent => &mut self.resent,
            Load::Control => &mut self.control,
            Load::Reply => &mut self.replies,
            Load::Feedback => &mut self.feedback,
            Load::Request => &mut self.requests,
        };
        bytes.datagrams += 1;
        bytes.wire += payload as u64 + WIRE_OVERHEAD;
    }

    /// Everything on the wire beside the frames' own datagrams, as a share of these.
    pub(crate) fn overhead(&self) -> f64 {
        self.repair() + self.back() + self.share(self.control)
    }

    /// Parity and what was sent again, as a share of the frames' own datagrams.
    pub(crate) fn repair(&self) -> f64 {
        self.share(self.parity) + self.share(self.resent)
    }

    /// What receivers say and are told, as a share of the frames' own datagrams.
    pub(crate) fn back(&self) -> f64 {
        self.share(self.feedback) + self.share(self.requests) + self.share(self.replies)
    }

    /// UDP payload that the senders gave out.
    pub(super) fn sent_payload(&self) -> u64 {
        let out = [self.data, self.parity, self.resent, self.control, self.replies];
        out.iter().map(|bytes| bytes.wire - bytes.datagrams * WIRE_OVERHEAD).sum()
    }

    fn share(&self, bytes: Bytes) -> f64 {
        bytes.wire as f64 / (self.data.wire as f64).max(1.0)
    }
}

/// What Ethernet adds to a UDP payload: preamble 8, header 14, IPv4 20, UDP 8, check sequence 4, gap 12.
pub(super) const WIRE_OVERHEAD: u64 = 66;
