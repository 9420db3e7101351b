//! Shell completions, generated from clap's description of a command line.

use std::io::{self, Write};

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, ValueHint};
use clap_complete::Shell;

/// Writes what completes the words of `command` in a shell.
///
/// Where an option's value is called `auto|off|RATE`, the words in that are offered. This is not said in the command
/// line itself, whose own words for a wrong value say more than clap's.
///
/// # Errors
/// If nobody reads it.
pub fn write_completions(shell: Shell, command: Command, out: &mut dyn Write) -> io::Result<()> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command.mut_args(with_words), &name, &mut script);
    let script = String::from_utf8_lossy(&script);
    // clap has fish parse what stands before the cursor, which fails for an option without a value: just when values
    // are wanted. It is left out then.
    let parse = format!("argparse -s (__fish_{name}_global_optspecs) -- $cmd");
    let again = format!("{parse} 2>/dev/null\n    or {parse}[1..-2] 2>/dev/null\n");
    let script = script.replace(&format!("{parse} 2>/dev/null\n"), &again);
    out.write_all(script.as_bytes())
}

/// The option with the words that its value can be. What names a file is completed by files.
fn with_words(arg: Arg) -> Arg {
    let [name] = arg.get_value_names().unwrap_or_default() else { return arg };
    let words: Vec<String> = name.split('|').filter(|word| is_literal(word)).map(str::to_owned).collect();
    let has_words = !arg.get_possible_values().is_empty();
    if words.is_empty() || has_words || arg.get_value_hint() != ValueHint::Unknown {
        return arg;
    }
    // They are offered, and what is typed is never judged by them.
    arg.value_parser(PossibleValuesParser::new(words))
}

/// Whether it is typed as it stands, and does not stand for something.
fn is_literal(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_in_a_values_name_are_offered() {
        let offered = |name: &'static str| {
            let arg = with_words(Arg::new("x").long("x").value_name(name));
            arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(offered("on|off"), ["on", "off"]);
        assert_eq!(offered("auto|off|RATE"), ["auto", "off"]);
        assert_eq!(offered("420|422|444"), ["420", "422", "444"]);
        for name in ["T|SIZE", "MIN..MAX", "[ADDR:]PORT"] {
            assert_eq!(offered(name), [""; 0], "{name}");
        }
        let file = Arg::new("x").long("x").value_name("FILE|none").value_hint(ValueHint::AnyPath);
        assert_eq!(with_words(file).get_possible_values().len(), 0);
    }
}
