//! Makes parts of one JPEG of the JPEGs of a picture's bands.

use anyhow::{Context, ensure};

/// Where a band is in its picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct BandPlace {
    /// Which it is, from the top, and of how many.
    pub(super) index: usize,
    pub(super) count: usize,
    /// The whole picture's height in pixels.
    pub(super) height: u16,
    /// MCUs from one band to the next; `None` if there is one band.
    pub(super) interval: Option<u16>,
}

/// Appends to `into` the part of the picture's JPEG that is made of a band's. All bands are made with the same tables;
/// one behind the other, their parts are the JPEG of the picture.
///
/// A restart marker resets all that one band's data could mean to the next (T.81 E.1.4 and F.1.1.5.1), so the bands'
/// data stay as they are: only the header, which is in the first part, needs the whole height and the restart interval.
pub(super) fn append(band: &[u8], place: BandPlace, into: &mut Vec<u8>) -> anyhow::Result<()> {
    let BandPlace { index, count, height, interval } = place;
    let Some(interval) = interval else {
        into.extend_from_slice(band);
        return Ok(());
    };
    let header = header(band)?;
    match index.checked_sub(1) {
        None => {
            let start = into.len();
            into.extend_from_slice(&band[..header.scan]);
            let at = start + header.height;
            into[at..at + 2].copy_from_slice(&height.to_be_bytes());
            into.extend_from_slice(&[0xff, DRI, 0, 4]);
            into.extend_from_slice(&interval.to_be_bytes());
            into.extend_from_slice(&band[header.scan..header.data]);
        }
        Some(before) => into.extend_from_slice(&[0xff, RST0 + (before % 8) as u8]),
    }
    into.extend_from_slice(&band[header.data..band.len() - END.len()]);
    if index + 1 == count {
        into.extend_from_slice(&END);
    }
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
