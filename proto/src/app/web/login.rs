//! The form that people are asked for the key by.

use crate::keys::{CodeError, Key};

/// The form, with what is to be said of the last try. Where it is overheard what is typed, that is said too.
pub(super) fn page(program: &str, notice: &str, is_overheard: bool) -> String {
    include_str!("page/login.html")
        .replace("{program}", program)
        .replace("{notice}", notice)
        .replace("{overheard}", if is_overheard { OVERHEARD } else { "" })
}

/// Which slip makes of a code what was typed: the box does not show it. It says nothing of the key.
pub(super) fn slip(text: &str) -> Option<String> {
    let words = || text.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty());
    let known = words().filter(|word| Key::is_code_word(&word.to_lowercase())).count();
    match Key::from_code(text) {
        // A phrase of one's own has other words in it.
        Err(error @ CodeError::Count(_)) if known >= FEW && known == words().count() => {
            Some(error.to_string())
        }
        Err(error @ (CodeError::Word(_) | CodeError::Check)) if known >= FEW => Some(error.to_string()),
        _ => None,
    }
}

/// The box's name.
pub(super) const FIELD: &str = "password";
const OVERHEARD: &str =
    "Whoever listens on this network can read what you type here: this page is not encrypted.";
/// Words of the list, in what is no phrase.
const FEW: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_code_is_named_and_of_a_phrase_nothing_is_said() {
        let code = Key::code(&[9; 16]);
        let words: Vec<&str> = code.split(' ').collect();
        assert!(slip(&words[..11].join(" ")).unwrap().contains("11"));
        assert!(slip(&code.replacen(words[2], "chunkcast", 1)).unwrap().contains("word 3"));
        assert_eq!(slip(&code), None, "another key's");
        for phrase in ["", "1234", "nine purple otters juggle in Reykjavik", &"zoo ".repeat(3)] {
            assert_eq!(slip(phrase), None, "{phrase}");
        }
    }

    #[test]
    fn all_places_in_the_form_are_filled() {
        let page = page("sender", "that is not the key", true);
        assert!(
            page.contains("that is not the key") && page.contains(OVERHEARD) && !page.contains(['{', '}'])
        );
        assert!(page.contains(&format!("name=\"{FIELD}\"")));
    }
}
