//! How the camera exposes: three controls of its terminal (UVC 1.0, 4.2.2.1.2 to 4.2.2.1.4), and whether it is dark.

/// The exposure controls and the light.
#[derive(Clone)]
pub struct Exposure {
    /// 1 is by hand, 8 is automatic with a fixed aperture.
    mode: u8,
    /// Whether automatic exposure may lower the rate.
    priority: u8,
    /// Units of 100 microseconds, by hand.
    absolute: u32,
    pub is_dark: bool,
}

impl Default for Exposure {
    fn default() -> Self {
        Self { mode: AUTOMATIC, priority: 1, absolute: 156, is_dark: false }
    }
}

impl Exposure {
    /// Time between pictures in units of 100 ns, where the mode has this one.
    pub fn interval(&self, interval: u32) -> u32 {
        match self.mode {
            BY_HAND => interval.max(self.absolute.saturating_mul(1000)),
            _ if self.is_dark && self.priority == 1 => 2 * interval,
            _ => interval,
        }
    }

    /// Answers a request for a control, or does what it says; `None` to refuse it.
    pub fn control(&mut self, request: u8, selector: u8, data: &[u8]) -> Option<Vec<u8>> {
        let value = |current: u32, least: u32, most: u32, step: u32, usual: u32| match request {
            GET_CUR => Some(current),
            GET_MIN => Some(least),
            GET_MAX => Some(most),
            GET_RES => Some(step),
            GET_DEF => Some(usual),
            _ => None,
        };
        let (bytes, value) = match selector {
            MODE => (1, value(self.mode.into(), 0, 0, (BY_HAND | AUTOMATIC).into(), AUTOMATIC.into())),
            PRIORITY => (1, value(self.priority.into(), 0, 1, 1, 1)),
            ABSOLUTE => (4, value(self.absolute, 1, 10_000, 1, 156)),
            _ => return None,
        };
        match request {
            SET_CUR => {
                let mut word = [0; 4];
                word.get_mut(..data.len())?.copy_from_slice(data);
                match selector {
                    MODE => self.mode = word[0],
                    PRIORITY => self.priority = word[0],
                    _ => self.absolute = u32::from_le_bytes(word),
                }
                Some(Vec::new())
            }
            // It can be read and set.
            GET_INFO => Some(vec![3]),
            GET_LEN => Some(vec![bytes, 0]),
            _ => value.map(|value| value.to_le_bytes()[..bytes.into()].to_vec()),
        }
    }
}

/// The camera terminal's number, and the bits of these controls in its descriptor.
pub const TERMINAL: u8 = 1;
pub const CONTROLS: u8 = 0b1110;

const BY_HAND: u8 = 1;
const AUTOMATIC: u8 = 8;

const MODE: u8 = 2;
const PRIORITY: u8 = 3;
const ABSOLUTE: u8 = 4;

const SET_CUR: u8 = 0x01;
const GET_CUR: u8 = 0x81;
const GET_MIN: u8 = 0x82;
const GET_MAX: u8 = 0x83;
const GET_RES: u8 = 0x84;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;
