//! What the keys do.

use sdl2::keyboard::Keycode;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// One step back: from a list, from a single sender; at last, out.
    Back,
    Quit,
    Fullscreen,
    /// All senders in a grid.
    All,
    /// One sender alone, counted from 0; or all again, if it is alone already.
    One(usize),
    /// More or less written on the picture.
    Detail,
    /// The list of keys.
    Help,
    /// The list of senders.
    List,
    Record,
    Past,
    Snapshot,
}

impl Deed {
    /// What this key asks for, if it is one of ours.
    pub(super) fn of(key: Keycode) -> Option<Self> {
        Some(match key {
            Keycode::Escape => Self::Back,
            Keycode::Q => Self::Quit,
            Keycode::F => Self::Fullscreen,
            Keycode::G | Keycode::Num0 | Keycode::Kp0 => Self::All,
            Keycode::I => Self::Detail,
            Keycode::H | Keycode::Question | Keycode::Slash | Keycode::F1 => Self::Help,
            Keycode::L => Self::List,
            Keycode::R => Self::Record,
            Keycode::P => Self::Past,
            Keycode::S => Self::Snapshot,
            other => Self::One(digit(other)?),
        })
    }
}

/// The tile that a key stands for, from 0.
pub(super) fn digit(key: Keycode) -> Option<usize> {
    const ROW: [Keycode; 9] = [
        Keycode::Num1,
        Keycode::Num2,
        Keycode::Num3,
        Keycode::Num4,
        Keycode::Num5,
        Keycode::Num6,
        Keycode::Num7,
        Keycode::Num8,
        Keycode::Num9,
    ];
    const PAD: [Keycode; 9] = [
        Keycode::Kp1,
        Keycode::Kp2,
        Keycode::Kp3,
        Keycode::Kp4,
        Keycode::Kp5,
        Keycode::Kp6,
        Keycode::Kp7,
        Keycode::Kp8,
        Keycode::Kp9,
    ];
    [ROW, PAD].iter().find_map(|keys| keys.iter().position(|&known| known == key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::help::KEYS;

    #[test]
    fn the_list_of_keys_names_those_that_do_something() {
        for (keys, _) in KEYS {
            for key in keys.split(", ").filter(|key| key.chars().count() == 1) {
                let code = Keycode::from_name(&key.to_uppercase());
                assert!(code.and_then(Deed::of).is_some(), "{key}");
            }
        }
        assert_eq!(
            (Deed::of(Keycode::Num9), Deed::of(Keycode::Kp1)),
            (Some(Deed::One(8)), Some(Deed::One(0)))
        );
        assert_eq!(Deed::of(Keycode::Z), None);
    }
}
