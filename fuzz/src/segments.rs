//! Pictures that are still JPEGs in most of their parts: segments that are other than they were, are gone, or stand
//! where they should not. Most bytes would not get as far into a decoder.

use super::decode::{aim, decode};
use super::{Bytes, pictures};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let flags = bytes.u8();
    let seeds = pictures::all();
    let mut segments = apart(seeds[bytes.below(seeds.len())]);
    for _ in 0..MOST_CHANGES {
        if bytes.is_empty() || segments.is_empty() {
            break;
        }
        change(&mut segments, &mut bytes);
        if segments.iter().map(|segment| segment.content.len()).sum::<usize>() > LONGEST {
            break;
        }
    }
    let jpeg = together(&segments);
    decode(&jpeg, false, aim(4));
    decode(&jpeg, true, aim(flags));
}

#[derive(Clone)]
struct Segment {
    marker: u8,
    /// What is behind the length; of a scan, with the data behind its header.
    content: Vec<u8>,
}

/// Takes a picture apart that is in order.
fn apart(jpeg: &[u8]) -> Vec<Segment> {
    let (mut segments, mut at) = (Vec::new(), 2);
    while let Some(&[_, marker, high, low]) = jpeg.get(at..at + 4)
        && marker != EOI
    {
        let mut end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        let is_marker = |at: usize| jpeg[at] == 0xff && !matches!(jpeg[at + 1], 0 | 0xd0..=0xd7);
        if marker == SOS {
            while end + 1 < jpeg.len() && !is_marker(end) {
                end += 1;
            }
        }
        segments.push(Segment { marker, content: jpeg[at + 4..end].to_vec() });
        at = end;
    }
    segments
}

fn together(segments: &[Segment]) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8];
    for Segment { marker, content } in segments {
        let length = match content.first() {
            // The length of a scan's header, which says how many components it has.
            Some(&components) if *marker == SOS => (usize::from(components) * 2 + 4).min(content.len()),
            _ => content.len(),
        };
        jpeg.extend_from_slice(&[0xff, *marker]);
        jpeg.extend_from_slice(&(length as u16 + 2).to_be_bytes());
        jpeg.extend_from_slice(content);
    }
    jpeg.extend_from_slice(&[0xff, EOI]);
    jpeg
}

fn change(segments: &mut Vec<Segment>, bytes: &mut Bytes<'_>) {
    let which = bytes.below(segments.len());
    let op = bytes.u8() % 12;
    match op {
        0 | 1 => overwrite(&mut segments[which], bytes),
        2 => {
            let copy = segments[which].clone();
            segments.insert(bytes.below(segments.len() + 1), copy);
        }
        3 if segments.len() > 3 => drop(segments.remove(which)),
        4 => {
            // Another height and width.
            let size = [0, bytes.u8(), 0, bytes.u8()];
            for Segment { content, .. } in segments.iter_mut().filter(|s| matches!(s.marker, 0xc0 | 0xc1)) {
                if let Some(place) = content.get_mut(1..5) {
                    place.copy_from_slice(&size);
                }
            }
        }
        5 => {
            // Other sampling factors.
            let (component, factors) = (usize::from(bytes.u8()), bytes.u8());
            for Segment { content, .. } in segments.iter_mut().filter(|s| s.marker == 0xc0) {
                let components = usize::from(content.get(5).copied().unwrap_or(0).max(1));
                if let Some(place) = content.get_mut(7 + 3 * (component % components)) {
                    *place = ((factors >> 4 & 3) + 1) << 4 | ((factors & 3) + 1);
                }
            }
        }
        6 => {
            let at = segments.iter().position(|segment| segment.marker == SOS).unwrap_or(0);
            let interval = bytes.u16() % 40;
            segments.insert(at, Segment { marker: DRI, content: interval.to_be_bytes().to_vec() });
        }
        7..=9 => change_scan(op, &mut segments[which], bytes),
        10 => segments[which].marker = MARKERS[usize::from(bytes.u8()) % MARKERS.len()],
        _ => {
            let count = bytes.below(30);
            let content = bytes.take(count).to_vec();
            segments.insert(bytes.below(segments.len() + 1), Segment { marker: 0xee, content });
        }
    }
}

fn overwrite(segment: &mut Segment, bytes: &mut Bytes<'_>) {
    if segment.content.is_empty() {
        return;
    }
    let at = bytes.below(segment.content.len().min(65_000));
    let byte = bytes.u8();
    // A marker in the data would end the scan.
    let would_end = segment.marker == SOS && at > 12 && byte == 0xff;
    segment.content[at] = if would_end { 0xfe } else { byte };
}

fn change_scan(op: u8, Segment { marker, content }: &mut Segment, bytes: &mut Bytes<'_>) {
    if *marker != SOS {
        return;
    }
    match op {
        7 => {
            let at = (12 + bytes.below(content.len().max(1))).min(content.len());
            content.splice(at..at, [0xff, 0xd0 + (bytes.u8() & 7)]);
        }
        8 => content.truncate(10 + bytes.below(64)),
        _ => {
            let count = bytes.below(60);
            content.extend(bytes.take(count).iter().map(|&byte| if byte == 0xff { 0 } else { byte }));
        }
    }
}

const SOS: u8 = 0xda;
const EOI: u8 = 0xd9;
const DRI: u8 = 0xdd;
/// What a segment may become.
const MARKERS: [u8; 11] = [0xc0, 0xc1, 0xc4, 0xdb, SOS, DRI, 0xe0, 0xee, 0xfe, 0xcc, 0xc2];
const MOST_CHANGES: usize = 24;
const LONGEST: usize = 20_000;
