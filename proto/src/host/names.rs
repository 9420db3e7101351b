//! Names that others have chosen, as they may be shown, and as they may be typed.

/// A name that came from somewhere else, without what would move a terminal's cursor, end a window's title, or have the
/// text behind it read in the other direction.
pub fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() || turns(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
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
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_a_title_or_command_a_terminal_or_turn_the_text_behind_it() {
        assert_eq!(printable("Tür 3\0\u{1b}[2J\n"), "Tür 3\u{fffd}\u{fffd}[2J\u{fffd}");
        assert_eq!(printable("\u{202e}rood\u{2028}"), "\u{fffd}rood\u{fffd}");
    }

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(as_shell_word("door 3"), "'door 3'");
        assert_eq!(as_shell_word("$(reboot)`x`'; y"), r"'$(reboot)`x`'\''; y'");
    }
}
