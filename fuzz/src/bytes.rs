//! Numbers out of the fuzzer's bytes.

use std::time::Duration;

/// What is left of the fuzzer's bytes. Where there are no more, all numbers are 0.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn u8(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    pub fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from(self.u32()) << 32 | u64::from(self.u32())
    }

    /// A number from 0 up to, not including, `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        if end <= 256 { usize::from(self.u8()) % end.max(1) } else { usize::from(self.u16()) % end }
    }

    /// The next bytes, so many if there are.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A step in time: mostly small, at times seconds.
    pub fn step(&mut self) -> Duration {
        match self.u8() {
            n @ 0..=99 => Duration::from_micros(u64::from(n) * 20),
            n @ 100..=199 => Duration::from_millis(u64::from(n - 99)),
            n @ 200..=239 => Duration::from_millis(u64::from(n - 199) * 50),
            n => Duration::from_secs(u64::from(n - 239) * 5),
        }
    }
}
