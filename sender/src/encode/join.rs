//! Joins the JPEGs of a picture's bands to one JPEG of the whole picture.

use anyhow::{Context, ensure};

/// Appends to `into` the JPEG whose bands from top to bottom are `parts`, all made with the same tables.
///
/// A restart marker resets all that one band's data could mean to the next (T.81 E.1.4 and F.1.1.5.1), so the bands'
/// data stay as they are: only the header needs the whole height, and the restart `interval` in MCUs. Without an
/// interval there is one part, and it is the picture.
pub(super) fn join<'a>(
    mut parts: impl Iterator<Item = &'a [u8]>,
    height: u16,
    interval: Option<u16>,
    into: &mut Vec<u8>,
) -> anyhow::Result<()> {
    let first = parts.next().context("a picture without bands")?;
    let Some(interval) = interval else {
        into.extend_from_slice(first);
        return Ok(());
    };
    let header = header(first)?;
    into.extend_from_slice(&first[..header.scan]);
    into[header.height..header.height + 2].copy_from_slice(&height.to_be_bytes());
    into.extend_from_slice(&[0xff, DRI, 0, 4]);
    into.extend_from_slice(&interval.to_be_bytes());
    into.extend_from_slice(&first[header.scan..first.len() - END.len()]);
    for (part, count) in parts.zip(0u8..) {
        into.extend_from_slice(&[0xff, RST0 + count % 8]);
        into.extend_from_slice(&part[self::header(part)?.data..part.len() - END.len()]);
    }
    into.extend_from_slice(&END);
    Ok(())
}

/// Where things are in a JPEG.
struct JpegPlaces {
    /// The picture's height, two bytes.
    height: usize,
    /// The marker that begins the scan.
    scan: usize,
    /// The entropy-coded data.
    data: usize,
}

/// Walks the segments of a JPEG that our own encoder made.
fn header(jpeg: &[u8]) -> anyhow::Result<JpegPlaces> {
    ensure!(jpeg.ends_with(&END), "the encoder made a JPEG without an end");
    let (mut at, mut height) = (2, None);
    while let Some(&[0xff, marker, high, low]) = jpeg.get(at..at + 4) {
        let next = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        match marker {
            SOF0 => height = Some(at + 5),
            SOS => {
                let height = height.context("the encoder made a JPEG that is not baseline")?;
                ensure!(next + END.len() <= jpeg.len(), "the encoder made a JPEG without data");
                return Ok(JpegPlaces { height, scan: at, data: next });
            }
            _ => {}
        }
        at = next;
    }
    anyhow::bail!("the encoder made a JPEG without a scan")
}

const SOF0: u8 = 0xc0;
const RST0: u8 = 0xd0;
const SOS: u8 = 0xda;
const DRI: u8 = 0xdd;
const END: [u8; 2] = [0xff, 0xd9];
