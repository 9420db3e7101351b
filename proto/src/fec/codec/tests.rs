//! The code against a slow implementation of what the module's documentation says, and all that can go missing.

use std::ops::Range;
use std::sync::OnceLock;

use proptest::prelude::*;

use super::super::repair::{Repairer, warm_up};
use super::*;
use crate::geometry::MAX_CHUNKS;
use crate::random::Random;

/// A part of random bytes, `short` less than `chunks` times `bytes`; its chunks may be shorter than `bytes` then.
fn part(chunks: usize, bytes: usize, short: usize, seed: u64) -> (Geometry, Vec<u8>) {
    let mut part = vec![0; chunks * bytes - short];
    Random::new(seed).fill(&mut part);
    (Geometry::checked(part.len() as u32, chunks as u16).unwrap(), part)
}

fn parity(geometry: Geometry, part: &[u8], wanted: Range<usize>) -> Vec<(usize, Vec<u8>)> {
    let mut made = Vec::new();
    let chunks = (0..geometry.chunks()).map(|index| &part[geometry.range(index)]);
    ParityEncoder::default()
        .encode(geometry, chunks, wanted, |index, chunk| made.push((index, chunk.to_vec())));
    made
}

/// Overwrites the chunks in `lost` and repairs with `parity`; `None` if that fails.
fn repair(geometry: Geometry, part: &[u8], lost: &[usize], parity: &[(usize, Vec<u8>)]) -> Option<Vec<u8>> {
    let (mut part, mut have) = (part.to_vec(), vec![u64::MAX; geometry.chunks().div_ceil(64)]);
    for &index in lost {
        part[geometry.range(index)].fill(0xa5);
        have[index / 64] &= !(1 << (index % 64));
    }
    let parity = parity.iter().map(|(index, chunk)| (*index, chunk.as_slice()));
    Repairer::default().repair(geometry, &mut part, &have, parity).then_some(part)
}

/// `count` different numbers below `end`.
fn some_of(end: usize, count: usize, random: &mut Random) -> Vec<usize> {
    let mut all: Vec<usize> = (0..end).collect();
    for at in 0..count.min(end) {
        all.swap(at, at + random.below((end - at) as u64) as usize);
    }
    all.truncate(count);
    all
}

#[test]
fn every_part_has_a_code_that_the_library_can_compute() {
    for chunks in 1..=MAX_CHUNKS {
        let most = most_parity(chunks);
        assert!(ReedSolomonEncoder::supports(chunks, most) && most >= 8 && most.is_power_of_two());
        assert!(most >= chunks.div_ceil(2).min(2048), "{chunks}: {most}");
        // Where the documentation changes from one code to the other, as the library chooses.
        let padded = chunks.next_power_of_two();
        assert_eq!(chunks >= 5, most < padded || (most == padded && chunks <= most), "{chunks}");
    }
    assert_eq!([1, 16, 17, 119, 4096, MAX_CHUNKS].map(most_parity), [8, 8, 16, 64, 2048, 2048]);
}

#[test]
fn parity_0_is_the_xor_of_all_chunks() {
    for (chunks, bytes, short) in [(1, 2, 1), (1, 10, 0), (2, 1432, 1431), (119, 1430, 170), (300, 6, 5)] {
        let (geometry, part) = part(chunks, bytes, short, 1);
        let mut slow = vec![0; geometry.chunk_bytes()];
        for (index, byte) in part.iter().enumerate() {
            slow[index % geometry.chunk_bytes()] ^= byte;
        }
        assert_eq!(parity(geometry, &part, 0..1), [(0, slow)]);
    }
}

#[test]
fn reed_solomon_parity_lies_on_the_polynomial_of_the_documentation() {
    for (chunks, bytes, short) in [
        (1, 2, 0),
        (2, 64, 63),
        (3, 66, 1),
        (4, 70, 30),
        (5, 130, 3),
        (8, 2, 1),
        (9, 12, 0),
        (16, 4, 1),
        (17, 4, 2),
        (40, 2, 0),
    ] {
        let (geometry, part) = part(chunks, bytes, short, chunks as u64);
        let most = most_parity(chunks);
        assert_eq!(
            parity(geometry, &part, 1..most + 1),
            slow::parity(&part, chunks, geometry.chunk_bytes(), most),
            "{chunks}"
        );
    }
}

#[test]
fn parity_made_later_is_the_same_and_there_is_none_above_the_highest() {
    let (geometry, part) = part(119, 100, 7, 2);
    let all = parity(geometry, &part, 0..usize::MAX);
    assert_eq!(all.len(), 65);
    assert_eq!(parity(geometry, &part, 0..1), all[..1]);
    assert_eq!(parity(geometry, &part, 13..20), all[13..20]);
    assert_eq!(parity(geometry, &part, 65..70), []);
    assert_eq!(parity(geometry, &part, 3..3), []);
}

#[test]
fn every_loss_in_a_small_part_is_repaired_if_and_only_if_enough_parity_came() {
    for chunks in 1..=4 {
        let (geometry, part) = part(chunks, 66, 3, 3);
        let all = parity(geometry, &part, 0..5);
        for pattern in 0_usize..1 << (chunks + all.len()) {
            let lost: Vec<usize> = (0..chunks).filter(|index| pattern >> index & 1 == 0).collect();
            let came: Vec<_> =
                all.iter().filter(|(index, _)| pattern >> (chunks + index) & 1 == 1).cloned().collect();
            let xor = came.iter().any(|(index, _)| *index == 0);
            let enough = came.len() - usize::from(xor) >= lost.len() || (xor && lost.len() == 1);
            let whole = enough.then(|| part.clone());
            assert_eq!(repair(geometry, &part, &lost, &came), whole, "{chunks} chunks, {pattern:b}");
        }
    }
}

#[test]
fn one_encoder_and_one_repairer_serve_parts_of_any_shape_in_any_order() {
    let (mut encoder, mut repairer, mut random) =
        (ParityEncoder::default(), Repairer::default(), Random::new(4));
    for round in 0..200 {
        let chunks = 1 + random.below(if round % 2 == 0 { 9 } else { 300 }) as usize;
        let (geometry, whole) = part(chunks, 2 + 2 * random.below(100) as usize, 1, round);
        let missing = 1 + random.below(most_parity(chunks).min(chunks) as u64) as usize;
        let lost = some_of(chunks, missing, &mut random);
        let mut made = Vec::new();
        let data = (0..chunks).map(|index| &whole[geometry.range(index)]);
        encoder.encode(geometry, data, 1..missing + 1, |index, chunk| made.push((index, chunk.to_vec())));
        let (mut broken, mut have) = (whole.clone(), vec![u64::MAX; chunks.div_ceil(64)]);
        for index in lost {
            broken[geometry.range(index)].fill(0);
            have[index / 64] &= !(1 << (index % 64));
        }
        let came = made.iter().map(|(index, chunk)| (*index, chunk.as_slice()));
        // A repair that fails leaves nothing behind that the next one would meet.
        assert!(!repairer.repair(geometry, &mut broken, &have, came.clone().skip(1)));
        assert!(repairer.repair(geometry, &mut broken, &have, came) && broken == whole, "{chunks} chunks");
    }
}

#[test]
fn the_largest_part_is_repaired() {
    let (geometry, part) = part(MAX_CHUNKS, 4, 1, 5);
    let lost = some_of(MAX_CHUNKS, 2048, &mut Random::new(6));
    let all = parity(geometry, &part, 1..2049);
    assert!(repair(geometry, &part, &lost, &all) == Some(part));
}

#[test]
fn parity_that_does_not_fit_is_refused() {
    let (geometry, part) = part(20, 64, 9, 7);
    let all = parity(geometry, &part, 0..17);
    let (zero, one, two) = (all[0].clone(), all[1].clone(), all[2].clone());
    let short = |(index, chunk): &(usize, Vec<u8>)| (*index, chunk[..62].to_vec());
    let long = |(index, chunk): &(usize, Vec<u8>)| (*index, [chunk.as_slice(), &[0, 0]].concat());
    assert!(repair(geometry, &part, &[1, 2], &[one.clone(), two.clone()]).is_some());
    for (lost, came) in [
        (vec![1, 2], vec![one.clone(), one.clone()]),
        (vec![1, 2], vec![one.clone(), two.clone(), two.clone()]),
        (vec![1, 2], vec![zero.clone(), one.clone()]),
        (vec![1], vec![zero.clone(), zero.clone()]),
        (vec![1], vec![(17, one.1.clone())]),
        (vec![1], vec![(usize::MAX, one.1.clone())]),
        (vec![1], vec![short(&zero)]),
        (vec![1], vec![long(&zero)]),
        (vec![1], vec![short(&one)]),
        (vec![1], vec![(1, vec![])]),
        (vec![1], vec![]),
    ] {
        assert_eq!(repair(geometry, &part, &lost, &came), None, "{lost:?} from {came:?}");
    }
}

#[test]
fn a_part_or_a_bitmap_of_the_wrong_size_is_refused() {
    let (geometry, part) = part(65, 4, 0, 8);
    let xor = parity(geometry, &part, 0..1);
    let came = xor.iter().map(|(index, chunk)| (*index, chunk.as_slice()));
    let mut repairer = Repairer::default();
    let have = [u64::MAX, 0];
    assert!(repairer.repair(geometry, &mut part.clone(), &have, came.clone()));
    assert!(!repairer.repair(geometry, &mut part.clone(), &have[..1], came.clone()));
    assert!(!repairer.repair(geometry, &mut part[1..].to_vec(), &have, came));
}

#[test]
fn what_is_wrong_in_the_padding_is_noticed() {
    let (geometry, part) = part(20, 64, 9, 9);
    for mut all in [parity(geometry, &part, 0..1), parity(geometry, &part, 1..2)] {
        assert!(repair(geometry, &part, &[19], &all).is_some());
        all[0].1[63] ^= 1;
        assert_eq!(repair(geometry, &part, &[19], &all), None);
    }
}

#[test]
fn warming_up_repairs_something() {
    warm_up();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_losses_are_repaired_to_the_byte_from_any_as_many_parity_chunks(
        chunks in 1_usize..300, half in 1_usize..=716, short in 0_usize..1432, missing in 1_usize..150, seed: u64,
    ) {
        let mut random = Random::new(seed);
        let (geometry, part) = part(chunks, half * 2, short % (half * 2), seed);
        let most = most_parity(chunks);
        let missing = missing.min(chunks).min(most);
        let lost = some_of(chunks, missing, &mut random);
        let all = parity(geometry, &part, 1..most + 1);
        let mut came: Vec<_> =
            some_of(most, missing, &mut random).into_iter().map(|index| all[index].clone()).collect();
        prop_assert!(repair(geometry, &part, &lost, &came) == Some(part.clone()));
        came.pop();
        prop_assert!(repair(geometry, &part, &lost, &came).is_none());
    }

    #[test]
    fn nothing_from_the_network_panics_or_touches_what_came(
        length in 1_u32..2000, chunks in 1_u16..40, have: u64,
        came in prop::collection::vec((0_usize..20, 0_usize..20), 0..8), seed: u64,
    ) {
        let Some(geometry) = Geometry::checked(length, chunks) else { return Ok(()) };
        let mut random = Random::new(seed);
        let mut part = vec![0; length as usize];
        random.fill(&mut part);
        let came: Vec<(usize, Vec<u8>)> = came.into_iter().map(|(index, wrong)| {
            let mut chunk = vec![0; if wrong == 0 { 7 } else { geometry.chunk_bytes() }];
            random.fill(&mut chunk);
            (index, chunk)
        }).collect();
        let before = part.clone();
        let parity = came.iter().map(|(index, chunk)| (*index, chunk.as_slice()));
        Repairer::default().repair(geometry, &mut part, &[have], parity);
        for index in (0..geometry.chunks()).filter(|index| have >> index & 1 == 1) {
            prop_assert_eq!(&part[geometry.range(index)], &before[geometry.range(index)]);
        }
    }
}

/// Reed-Solomon parity by Lagrange interpolation, straight from the documentation.
mod slow {
    use super::OnceLock;

    const BASIS: [u16; 16] = [
        0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012, 0x6C98, 0x10D8, 0x6A72, 0xB900,
        0xFDB8, 0xFB34, 0xFF38, 0x991E,
    ];

    pub(super) fn parity(part: &[u8], chunks: usize, bytes: usize, most: usize) -> Vec<(usize, Vec<u8>)> {
        let (data, zeros, parity) = if chunks >= 5 {
            (most, most + chunks..(most + chunks).next_power_of_two(), 0)
        } else {
            (0, chunks..chunks.next_power_of_two(), chunks.next_power_of_two())
        };
        let known: Vec<u16> = (data..data + chunks).chain(zeros).map(|point| point as u16).collect();
        let mut part = part.to_vec();
        part.resize(chunks * bytes, 0);
        let data: Vec<Vec<u16>> = part.chunks(bytes).map(symbols).collect();
        let below: Vec<u16> = (0..chunks).map(|i| inverse(product(known[i], &known, i))).collect();
        (0..most)
            .map(|j| {
                let point = (parity + j) as u16;
                let mut sum = vec![0; bytes / 2];
                for (i, data) in data.iter().enumerate() {
                    let weight = mul(product(point, &known, i), below[i]);
                    sum.iter_mut().zip(data).for_each(|(sum, &symbol)| *sum ^= mul(weight, symbol));
                }
                (1 + j, unsymbols(&sum))
            })
            .collect()
    }

    /// The product of `point` minus every known point but that at `but`.
    fn product(point: u16, known: &[u16], but: usize) -> u16 {
        let others = known.iter().enumerate().filter(|(i, _)| *i != but);
        others.fold(1, |product, (_, &other)| mul(product, point ^ other))
    }

    fn symbols(chunk: &[u8]) -> Vec<u16> {
        let mut symbols = Vec::new();
        for block in chunk.chunks(64) {
            let (low, high) = block.split_at(block.len() / 2);
            symbols.extend(low.iter().zip(high).map(|(&low, &high)| u16::from_le_bytes([low, high])));
        }
        symbols
    }

    fn unsymbols(symbols: &[u16]) -> Vec<u8> {
        let mut chunk = Vec::new();
        for block in symbols.chunks(32) {
            chunk.extend(block.iter().map(|symbol| *symbol as u8));
            chunk.extend(block.iter().map(|symbol| (*symbol >> 8) as u8));
        }
        chunk
    }

    /// The product of two elements in coordinates.
    fn mul(a: u16, b: u16) -> u16 {
        static COORDINATES: OnceLock<Vec<u16>> = OnceLock::new();
        let coordinates = COORDINATES.get_or_init(|| {
            let mut table = vec![0; 1 << 16];
            (0..=u16::MAX).for_each(|symbol| table[usize::from(element(symbol))] = symbol);
            table
        });
        let (mut a, b, mut product) = (u32::from(element(a)), element(b), 0);
        for bit in 0..16 {
            if b >> bit & 1 == 1 {
                product ^= a;
            }
            a <<= 1;
            if a >> 16 == 1 {
                a ^= 0x1002D;
            }
        }
        coordinates[product as usize]
    }

    fn element(symbol: u16) -> u16 {
        (0..16).filter(|bit| symbol >> bit & 1 == 1).fold(0, |sum, bit| sum ^ BASIS[bit])
    }

    /// To the power of 2^16 - 2.
    fn inverse(a: u16) -> u16 {
        let (mut square, mut product) = (a, 1);
        for _ in 1..16 {
            square = mul(square, square);
            product = mul(product, square);
        }
        product
    }
}
