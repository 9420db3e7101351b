//! What the camera says of itself: its USB descriptors (USB 2.0, chapter 9; USB Video Class 1.0) and the settling of a
//! mode.

use crate::exposure::{CONTROLS, TERMINAL};

/// What the camera can do.
pub struct Camera {
    pub sizes: Vec<Size>,
    /// Whether stale bytes follow each picture.
    pub has_junk: bool,
    /// Of this many pictures, one is cut short.
    pub cut: Option<u64>,
}

/// One size, with its rates and pictures.
pub struct Size {
    pub width: u16,
    pub height: u16,
    /// Time between pictures in units of 100 ns; the first is the default.
    pub intervals: Vec<u32>,
    /// JPEGs.
    pub pictures: Vec<Vec<u8>>,
}

/// A mode as the host proposes and the camera settles it: UVC 1.0, table 4-47.
#[derive(Clone)]
pub struct Probe(pub [u8; Probe::LENGTH]);

impl Probe {
    pub const LENGTH: usize = 26;

    /// Index of the size in [`Camera::sizes`].
    pub fn size(&self) -> usize {
        usize::from(self.0[3]) - 1
    }

    /// Time between pictures in units of 100 ns.
    pub fn interval(&self) -> u32 {
        u32::from_le_bytes([self.0[4], self.0[5], self.0[6], self.0[7]])
    }
}

impl Camera {
    /// What the host asked, made valid.
    pub fn settle(&self, asked: &[u8]) -> Probe {
        let mut probe = [0; Probe::LENGTH];
        let known = asked.len().min(probe.len());
        probe[..known].copy_from_slice(&asked[..known]);
        probe[2] = 1;
        probe[3] = probe[3].clamp(1, self.sizes.len() as u8);
        let mut probe = Probe(probe);
        let (size, wanted) = (&self.sizes[probe.size()], probe.interval());
        let nearest = size.intervals.iter().min_by_key(|interval| interval.abs_diff(wanted));
        let interval = if wanted == 0 { size.intervals[0] } else { *nearest.expect("each size has a rate") };
        probe.0[4..8].copy_from_slice(&interval.to_le_bytes());
        probe.0[18..22].copy_from_slice(&size.most_bytes().to_le_bytes());
        probe.0[22..26].copy_from_slice(&PAYLOAD.to_le_bytes());
        probe
    }

    /// The configuration descriptor: one control and one streaming interface, the latter with a bulk endpoint.
    pub fn configuration(&self) -> Vec<u8> {
        let format = self.format();
        let mut bytes = vec![
            9, 2, 0, 0, 2, 1, 0, 0x80, 50, // Configuration; its length is filled in below.
            8, 11, 0, 2, 14, 3, 0, 2, // The two interfaces belong together.
            9, 4, 0, 0, 0, 14, 1, 0, 2, // Control interface.
            13, 0x24, 1, 0, 1, 40, 0, 0x80, 0x8d, 0x5b, 0, 1,
            1, // UVC 1.0, 40 bytes, 6 MHz, one stream.
            18, 0x24, 2, TERMINAL, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, CONTROLS, 0, 0, // A camera.
            9, 0x24, 3, 2, 1, 1, 0, TERMINAL, 0, // Terminal 2: the stream, fed by the camera.
            9, 4, 1, 0, 1, 14, 2, 0, 0, // Streaming interface.
        ];
        let header_length = 14;
        bytes.extend([header_length, 0x24, 1, 1]);
        bytes.extend((u16::from(header_length) + format.len() as u16).to_le_bytes());
        bytes.extend([0x81, 0, 2, 0, 0, 0, 1, 0]);
        bytes.extend(format);
        bytes.extend([7, 5, 0x81, 2, 0, 2, 0]); // Endpoint 1, to the host, bulk, 512 bytes.
        let length = (bytes.len() as u16).to_le_bytes();
        bytes[2..4].copy_from_slice(&length);
        bytes
    }

    /// MJPEG and its sizes.
    fn format(&self) -> Vec<u8> {
        let mut bytes = vec![11, 0x24, 6, 1, self.sizes.len() as u8, 0, 1, 0, 0, 0, 0];
        for (index, size) in self.sizes.iter().enumerate() {
            bytes.extend([26 + 4 * size.intervals.len() as u8, 0x24, 7, index as u8 + 1, 0]);
            bytes.extend(size.width.to_le_bytes());
            bytes.extend(size.height.to_le_bytes());
            let most = size.most_bytes();
            for value in [most * 8, most.saturating_mul(240), most, size.intervals[0]] {
                bytes.extend(value.to_le_bytes());
            }
            bytes.push(size.intervals.len() as u8);
            let mut sorted = size.intervals.clone();
            sorted.sort_unstable();
            bytes.extend(sorted.iter().flat_map(|interval| interval.to_le_bytes()));
        }
        bytes.extend([6, 0x24, 13, 1, 1, 4]); // Colours: BT.709 primaries and transfer, SMPTE 170M matrix.
        bytes
    }
}

impl Size {
    /// Bytes that a picture has at most.
    pub fn most_bytes(&self) -> u32 {
        u32::from(self.width) * u32::from(self.height) * 2
    }
}

/// The device descriptor.
pub const DEVICE: [u8; 18] = [18, 1, 0, 2, 0xef, 2, 1, 64, 0x09, 0x12, 1, 0, 0, 1, 1, 2, 3, 1];

/// A string descriptor.
pub fn string(number: u8) -> Vec<u8> {
    let text = match number {
        0 => return vec![4, 3, 9, 4], // English.
        1 => "Software",
        2 => "Software Camera",
        _ => "0001",
    };
    let mut bytes = vec![2 + 2 * text.len() as u8, 3];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

/// Bytes of a transfer: 32 packets of 512, which is one request of the kernel's driver.
pub const PAYLOAD: u32 = 16384;
