//! Quantization tables: as a JPEG has them, as packets carry them, and as a quality factor stands for them.

/// The two tables of a picture: for luminance, and for both chrominances. In zigzag order, as a JPEG has them too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tables {
    /// One table behind the other, each of 64 values of one or two bytes.
    bytes: [u8; 2 * LARGEST],
    /// Whether each table's values have two bytes.
    is_wide: [bool; 2],
}

impl Tables {
    /// Tables of these values, 64 or 128 bytes each. Values of two bytes that fit into one become one: few players know
    /// the others.
    pub(super) fn new([luminance, chrominance]: [&[u8]; 2]) -> Option<Self> {
        let mut tables = Self { bytes: [0; 2 * LARGEST], is_wide: [false; 2] };
        let mut at = 0;
        for (number, table) in [luminance, chrominance].into_iter().enumerate() {
            let is_wide = match table.len() {
                NARROW => false,
                LARGEST => table.chunks(2).any(|value| value[0] != 0),
                _ => return None,
            };
            let step = if is_wide { 1 } else { table.len() / NARROW };
            for byte in table.iter().skip(step - 1).step_by(step) {
                tables.bytes[at] = *byte;
                at += 1;
            }
            tables.is_wide[number] = is_wide;
        }
        Some(tables)
    }

    /// The tables of a packet: two, or one for everything. Bit N of `precision` says that table N has two bytes each.
    /// Some peers send one for each component; both chrominances have the second, so that those beyond are passed over.
    pub(super) fn parse(precision: u8, bytes: &[u8]) -> Option<Self> {
        let size = |number: u8| if (precision >> number) & 1 == 1 { LARGEST } else { NARROW };
        let (luminance, mut rest) = bytes.split_at_checked(size(0))?;
        if rest.is_empty() {
            return Self::new([luminance, luminance]);
        }
        let chrominance;
        (chrominance, rest) = rest.split_at_checked(size(1))?;
        for number in 2..MOST_TABLES {
            if !rest.is_empty() {
                (_, rest) = rest.split_at_checked(size(number))?;
            }
        }
        rest.is_empty().then(|| Self::new([luminance, chrominance]))?
    }

    /// What the quality factor `q`, 1 to 99, stands for (RFC 2435 section 4.2 and appendix A).
    pub(super) fn of_quality(q: u8) -> Self {
        let q = u32::from(q.clamp(1, 99));
        let factor = if q < 50 { 5000 / q } else { 200 - 2 * q };
        let scaled = |table: &[u8; NARROW]| {
            table.map(|value| ((u32::from(value) * factor + 50) / 100).clamp(1, 255) as u8)
        };
        let [luminance, chrominance] = [scaled(&LUMINANCE), scaled(&CHROMINANCE)];
        Self::new([&luminance, &chrominance]).expect("tables of 64 values")
    }

    /// Both, one behind the other.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.size(0) + self.size(1)]
    }

    /// One of them, and whether its values have two bytes.
    pub(super) fn get(&self, number: usize) -> (&[u8], bool) {
        let from = if number == 0 { 0 } else { self.size(0) };
        (&self.bytes[from..from + self.size(number)], self.is_wide[number])
    }

    /// The bits that say which has two bytes each.
    pub(super) fn precision(&self) -> u8 {
        u8::from(self.is_wide[0]) | u8::from(self.is_wide[1]) << 1
    }

    fn size(&self, number: usize) -> usize {
        if self.is_wide[number] { LARGEST } else { NARROW }
    }
}

const NARROW: usize = 64;
const LARGEST: usize = 128;
/// A JPEG has no more.
const MOST_TABLES: u8 = 4;

/// T.81 table K.1, in zigzag order.
#[rustfmt::skip]
static LUMINANCE: [u8; NARROW] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
    26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
    56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
    95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];

/// T.81 table K.2, in zigzag order.
#[rustfmt::skip]
static CHROMINANCE: [u8; NARROW] = [
    17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quality_stands_for_the_tables_of_the_formula() {
        assert_eq!(Tables::of_quality(50).bytes(), [LUMINANCE, CHROMINANCE].concat());
        // 5000 / 1 = 5000 %, all at their most; 200 - 2 * 99 = 2 %, all at their least but those from 75 on.
        assert!(Tables::of_quality(1).bytes().iter().all(|&value| value == 255));
        let best = Tables::of_quality(99);
        assert_eq!((best.bytes()[0], best.bytes()[63], best.bytes()[56]), (1, 2, 2));
        assert_eq!(Tables::of_quality(75).bytes()[..4], [8, 6, 6, 7]);
    }

    #[test]
    fn values_of_two_bytes_stay_so_only_where_they_need_them() {
        let narrow = [7; NARROW];
        let padded: Vec<u8> = [0, 7].repeat(NARROW);
        let wide: Vec<u8> = [1, 7].repeat(NARROW);
        assert_eq!(Tables::new([&narrow, &padded]), Tables::new([&narrow, &narrow]));
        let tables = Tables::new([&wide, &narrow]).unwrap();
        assert_eq!((tables.precision(), tables.bytes().len()), (1, LARGEST + NARROW));
        assert_eq!(tables.get(0), (&wide[..], true));
        assert_eq!(tables.get(1), (&narrow[..], false));
        assert_eq!(Tables::parse(1, tables.bytes()), Some(tables));
    }

    #[test]
    fn one_table_is_for_everything_and_those_beyond_the_second_for_nothing() {
        let (one, other) = ([9; NARROW], [7; NARROW]);
        assert_eq!(Tables::parse(0, &one), Tables::new([&one, &one]));
        let wide = [1, 7].repeat(NARROW);
        let two = Tables::new([&one, &other]);
        assert_eq!(Tables::parse(0, &[one, other, other].concat()), two);
        assert_eq!(Tables::parse(0, &[one, other, other, one].concat()), two);
        assert_eq!(Tables::parse(0b100, &[&one, &other, &wide[..]].concat()), two);
        assert_eq!(Tables::parse(0b100, &[one, other, other].concat()), None, "as long as it says");
        for length in [0, 1, 63, 65, 127, 129, 191, 193, 255, 257, 320] {
            assert_eq!(Tables::parse(0, &vec![9; length]), None, "{length} bytes");
        }
        assert_eq!(Tables::parse(3, &[9; 255]), None);
    }
}
