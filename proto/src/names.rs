//! Names from the network, made safe to show, and matched against what a user typed.

/// A name that came from somewhere else, without what would move a terminal's cursor, end a window's title, or have the
/// text behind it read in the other direction; and without what is not seen, so that two that look alike are one.
pub fn printable(name: &str) -> String {
    let mut marks = 0;
    let shown = name.chars().map(|c| {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if c.is_control() || turns(c) || hides(c) || marks > MOST_MARKS {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    });
    shown.collect()
}

/// A name as one word of a shell's command, whatever is in it: people copy what they are told to type.
pub fn as_shell_word(name: &str) -> String {
    format!("'{}'", name.replace('\'', r"'\''"))
}

/// Whether a host may have this name. What is written like an IPv4 address and is none can only be a mistake.
pub fn can_be_a_host(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.len() <= LONGEST_HOST
        && name.chars().all(fits)
        && !name.chars().all(|c| c.is_ascii_digit() || c == '.')
        && name.strip_suffix('.').unwrap_or(name).split('.').all(|label| !label.is_empty())
}

/// The longest name that DNS has (RFC 1035, section 2.3.4).
const LONGEST_HOST: usize = 254;

/// Whether it changes the direction of what follows, or begins a line (Unicode Standard Annex 9, section 2; line and
/// paragraph separators).
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether nothing is seen of it (Unicode's Default_Ignorable_Code_Point, fillers, and blanks of another width than
/// that of the space bar).
fn hides(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2000}'..='\u{200d}'
            | '\u{202f}'
            | '\u{205f}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether it is drawn onto the character before it, in the scripts' own blocks of such marks. Those that belong to one
/// script are not among them: they are letters of its words.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
            | '\u{591}'..='\u{5bd}'
            | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}'
            | '\u{6d6}'..='\u{6dc}'
            | '\u{e34}'..='\u{e3a}'
            | '\u{e47}'..='\u{e4e}'
            | '\u{1d165}'..='\u{1d169}'
    )
}

/// On one character: what is written has two (Vietnamese), three with points (Hebrew); more climb out of their line.
const MOST_MARKS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_a_title_or_command_a_terminal_or_turn_the_text_behind_it() {
        assert_eq!(printable("Tür 3\0\u{1b}[2J\n"), "Tür 3\u{fffd}\u{fffd}[2J\u{fffd}");
        assert_eq!(printable("\u{202e}rood\u{2028}"), "\u{fffd}rood\u{fffd}");
        assert_eq!(printable("\u{61c}door"), "\u{fffd}door");
    }

    #[test]
    fn what_is_not_seen_of_a_name_is_shown() {
        for unseen in
            ["\u{200b}", "\u{200d}", "\u{feff}", "\u{e0041}", "\u{ad}", "\u{2060}", "\u{3164}", "\u{fe0f}"]
        {
            assert_eq!(printable(&format!("door{unseen}")), "door\u{fffd}", "{unseen:?}");
        }
        for whole in
            ["Tür 3 – links", "Phòng họp", "דֶּלֶת", "ประตู", "دَرْوَازَہ", "दरवाज़ा", "玄関", "a\u{303}\u{323}"]
        {
            assert_eq!(printable(whole), whole);
        }
        let tower = format!("d{}oor", "\u{30a}".repeat(100));
        assert_eq!(printable(&tower).matches('\u{fffd}').count(), 97);
    }

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(as_shell_word("door 3"), "'door 3'");
        assert_eq!(as_shell_word("$(reboot)`x`'; y"), r"'$(reboot)`x`'\''; y'");
    }
}
