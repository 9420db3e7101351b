//! What the keys do, whatever the keyboard's alphabet.

use sdl2::keyboard::{Keycode, Scancode};

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
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
    Replay,
    Snapshot,
    /// To type the code of a sender that is locked.
    Key,
}

impl Action {
    /// What this key asks for, if it is one of ours.
    pub(super) fn of(key: Keycode) -> Option<Self> {
        Some(match key {
            Keycode::Escape => Self::Back,
            Keycode::Q => Self::Quit,
            Keycode::F => Self::Fullscreen,
            Keycode::G | Keycode::Num0 | Keycode::Kp0 => Self::All,
            Keycode::I => Self::Detail,
            Keycode::H | Keycode::Question | Keycode::Slash | Keycode::F1 => Self::Help,
            Keycode::K => Self::Key,
            Keycode::L => Self::List,
            Keycode::R => Self::Record,
            Keycode::P => Self::Replay,
            Keycode::S => Self::Snapshot,
            other => Self::One(digit(other)?),
        })
    }
}

/// The key that is meant by one that was pressed. `is_typed` says whether there is a key for a letter or digit where
/// this keyboard is used.
///
/// Keys are called by Latin letters and digits. Where a keyboard writes others, and has no key for the letter, the key
/// is meant that has it on most: at the place of Q, a Greek one has a semicolon and a Hebrew one a slash. A French one
/// has its Q elsewhere, and that key it is.
pub(super) fn meant(
    key: Option<Keycode>,
    place: Option<Scancode>,
    is_typed: impl Fn(Keycode) -> bool,
) -> Option<Keycode> {
    let is_called = |key: Keycode| u8::try_from(*key).is_ok_and(|key| key.is_ascii_alphanumeric());
    if key.is_some_and(is_called) {
        return key;
    }
    place.and_then(usual).filter(|&usual| !is_typed(usual)).or(key)
}

/// The letter or digit that a place has on most keyboards.
fn usual(place: Scancode) -> Option<Keycode> {
    let (first, at) = match place as i32 - Scancode::A as i32 {
        at @ 0..26 => (b'a', at),
        at @ 26..35 => (b'1', at - 26),
        35 => (b'0', 0),
        _ => return None,
    };
    Keycode::from_i32(i32::from(first) + at)
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
    use crate::window::widgets::help::KEYS;

    #[test]
    fn a_key_is_called_by_what_it_writes_or_else_by_its_place() {
        let key = |c: char| Keycode::from_i32(c as i32);
        // A keyboard on which these are typed without other keys.
        let on = |typed: &'static str| {
            move |c: char, place| {
                let is_typed = |key: Keycode| typed.contains(char::from_u32(*key as u32).unwrap());
                meant(key(c), Some(place), is_typed)
            }
        };
        let latin = "abcdefghijklmnopqrstuvwxyz";
        let digits = "1234567890";
        let russian = on(digits);
        for (c, place, wanted) in [
            ('ы', Scancode::S, 's'),
            ('й', Scancode::Q, 'q'),
            ('ф', Scancode::A, 'a'),
            ('3', Scancode::Num3, '3'),
            ('х', Scancode::LeftBracket, 'х'),
            // Greek, and Hebrew.
            (';', Scancode::Q, 'q'),
            ('/', Scancode::Q, 'q'),
            ('ד', Scancode::S, 's'),
        ] {
            assert_eq!(russian(c, place), key(wanted), "{c}");
        }
        let dvorak: &'static str = format!("{latin}{digits}").leak();
        assert_eq!(on(dvorak)('\'', Scancode::Q), key('\''), "its q is elsewhere");
        assert_eq!(on(dvorak)('q', Scancode::X), key('q'));
        let french = on(latin);
        assert_eq!((french('a', Scancode::Q), french('q', Scancode::A)), (key('a'), key('q')));
        assert_eq!((french('é', Scancode::Num2), french('à', Scancode::Num0)), (key('2'), key('0')));
        assert_eq!(french('!', Scancode::Slash), key('!'));
        // Persian and Arabic digits too; and what writes nothing is what it is.
        assert_eq!(on("")('۴', Scancode::Num4), key('4'));
        assert_eq!(meant(Some(Keycode::F1), Some(Scancode::F1), |_| false), Some(Keycode::F1));
        assert_eq!(meant(Some(Keycode::Kp3), Some(Scancode::Kp3), |_| false), Some(Keycode::Kp3));
        assert_eq!(meant(None, Some(Scancode::S), |_| false), key('s'));
        assert_eq!(meant(None, None, |_| false), None);
    }

    #[test]
    fn the_list_of_keys_names_those_that_do_something() {
        for (keys, _) in KEYS {
            for key in keys.split(", ").filter(|key| key.chars().count() == 1) {
                let code = Keycode::from_name(&key.to_uppercase());
                assert!(code.and_then(Action::of).is_some(), "{key}");
            }
        }
        assert_eq!(
            (Action::of(Keycode::Num9), Action::of(Keycode::Kp1)),
            (Some(Action::One(8)), Some(Action::One(0)))
        );
        assert_eq!(Action::of(Keycode::Z), None);
    }
}
