//! The colours of all that is drawn: blue, green, red, alpha.
//!
//! Light on dark, whatever the picture below. Good, fair and bad differ in brightness too, for who does not tell green
//! from red, and each is drawn beside a mark of its own shape and a word.

/// Blue, green, red, and how much it covers: 0 is nothing, 255 all.
pub(crate) type Colour = [u8; 4];

/// Behind a card.
pub(crate) const GROUND: Colour = [0x1c, 0x16, 0x12, 0xff];
/// Behind what is written on a picture.
pub(crate) const PANEL: Colour = [0x1c, 0x16, 0x12, 0xe6];
/// Behind the entry that is selected.
pub(crate) const RAISED: Colour = [0x40, 0x34, 0x2c, 0xff];
/// What is read first.
pub(crate) const HEAD: Colour = [0xf2, 0xee, 0xea, 0xff];
/// What is read next.
pub(crate) const TEXT: Colour = [0xb4, 0xaa, 0xa0, 0xff];
/// A plot's frame, and what separates.
pub(crate) const FAINT: Colour = [0x6c, 0x62, 0x58, 0xff];
/// The project's own: rules, keys, what is selected in a list.
pub(crate) const ACCENT: Colour = [0x3c, 0x96, 0xe6, 0xff];
/// All is well.
pub(crate) const GOOD: Colour = [0x96, 0xc8, 0x3c, 0xff];
/// Worth a look.
pub(crate) const FAIR: Colour = [0x3c, 0xc8, 0xfa, 0xff];
/// Not to be trusted as live.
pub(crate) const BAD: Colour = [0x5a, 0x64, 0xff, 0xff];
