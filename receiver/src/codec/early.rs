//! Strips of a picture that are decoded while the rest of it still arrives.

use std::sync::Arc;

use proto::jpeg::{scan, scan_head};

use super::bounds::check;
use super::decoder::Decoder;
use super::engine::ExpectedJpeg;
use super::error::DecodeError;
use super::picture::Decoded;
use super::strips::{EarlyCut, MOST_STRIPS, StripSource};
use super::target::DecodeTarget;
use super::tidy::Tidy;

/// A picture of which some parts have come. It is shown when all have, and what they said was checked as a whole.
#[derive(Debug)]
pub struct EarlyPicture {
    target: DecodeTarget,
    whole: ExpectedJpeg,
    cut: EarlyCut,
    /// Bytes of the parts that were decoded.
    bytes: usize,
    picture: Arc<Decoded>,
}

impl EarlyPicture {
    /// How it is decoded.
    pub fn target(&self) -> DecodeTarget {
        self.target
    }

    /// Its width and height, as it was sent.
    pub fn size(&self) -> (u32, u32) {
        (self.whole.width, self.whole.rows)
    }
}

impl Decoder {
    /// Begins a picture with the first part of its JPEG, whose head it reads, in a picture that nobody else has.
    ///
    /// # Errors
    /// The picture, if it is none that can be decoded in strips, or it must be seen whole what is wrong with it.
    pub fn begin_early(
        &mut self,
        first: &[u8],
        target: DecodeTarget,
        mut picture: Arc<Decoded>,
    ) -> Result<EarlyPicture, Arc<Decoded>> {
        let Some((whole, into)) = self.read_head(first, target).zip(Arc::get_mut(&mut picture)) else {
            return Err(picture);
        };
        let (width, rows) = (whole.scale.of(whole.width), whole.scale.of(whole.rows));
        into.clear();
        into.begin(width, rows, whole.layout, 0);
        Ok(EarlyPicture { target, whole, cut: std::mem::take(&mut self.early), bytes: 0, picture })
    }

    fn read_head(&mut self, first: &[u8], target: DecodeTarget) -> Option<ExpectedJpeg> {
        let info = scan_head(first).ok()?.info;
        check(&info).ok()?;
        let EarlyCut { head, layout } = &mut self.early;
        if !layout.begin(first, &info) || !Tidy::is_tidy(first, &info) {
            return None;
        }
        head.clear();
        head.extend_from_slice(first.get(..layout.head_bytes())?);
        self.expect(first, &info, target).ok()
    }

    /// Gives up a picture that is not going to be finished; returns its buffers.
    pub fn give_up_early(&mut self, early: EarlyPicture) -> Arc<Decoded> {
        self.early = early.cut;
        early.picture
    }

    /// Decodes the next parts, the first among them, each as a strip; says whether they are that. If not, the picture
    /// is to be decoded as a whole.
    pub fn decode_parts<'a>(
        &mut self,
        early: &mut EarlyPicture,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> bool {
        let EarlyPicture { target, whole, cut: EarlyCut { head, layout }, bytes, picture } = early;
        let Some(into) = Arc::get_mut(picture) else { return false };
        let mut sources = [StripSource { head: &head[..], data: &[], base: 0 }; MOST_STRIPS];
        let first = layout.strips();
        for part in parts {
            if !layout.add_part(part, *bytes) {
                return false;
            }
            let Some(source) = sources.get_mut(layout.strips() - 1) else { return false };
            (source.data, source.base) = (part, *bytes);
            *bytes += part.len();
        }
        let threads = self.threads_for(*whole, *target);
        let strips = &mut into.set_strips(layout.strips())[first..];
        std::mem::swap(&mut self.cut, layout);
        let mut is_decoded = true;
        for (round, strips) in strips.chunks_mut(threads).enumerate() {
            let source = |number: usize| sources[number];
            is_decoded &= self.decode_round(source, *whole, first + round * threads, strips).is_ok();
        }
        std::mem::swap(&mut self.cut, layout);
        is_decoded
    }

    /// Decodes the rest, now that all is there; returns the picture.
    ///
    /// # Errors
    /// The picture's buffers, if its parts are not what they seemed to be: it is to be decoded as a whole, and that says
    /// what is wrong with it.
    pub fn finish_early(
        &mut self,
        mut early: EarlyPicture,
        jpeg: &[u8],
    ) -> Result<Arc<Decoded>, Arc<Decoded>> {
        let decoded = self.decode_rest(&mut early, jpeg);
        let picture = self.give_up_early(early);
        if decoded.is_ok() { Ok(picture) } else { Err(picture) }
    }

    fn decode_rest(&mut self, early: &mut EarlyPicture, jpeg: &[u8]) -> Result<(), DecodeError> {
        check(&scan_head(jpeg)?.info)?;
        let info = scan(jpeg)?;
        check(&info)?;
        let EarlyPicture { target, whole, cut: EarlyCut { head, layout }, bytes, picture } = early;
        let into = Arc::get_mut(picture).ok_or(DecodeError::Contradictory)?;
        let jpeg = &jpeg[..info.end];
        let threads = self.threads_for(*whole, *target);
        let first = layout.strips();
        if info.scans != 1 || !jpeg.starts_with(head) || !layout.add_rest(jpeg, *bytes, threads) {
            return Err(DecodeError::Contradictory);
        }
        into.set_strips(layout.strips());
        std::mem::swap(&mut self.cut, layout);
        let decoded = self.decode_strips(jpeg, *whole, threads, first, into);
        std::mem::swap(&mut self.cut, layout);
        decoded?;
        into.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
