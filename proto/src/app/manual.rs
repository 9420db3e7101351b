//! Manual pages, generated from the text of `--help`.

use std::io::{self, Write};

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

/// Writes the manual page of `command`, section 1, in roff.
///
/// Of the help's last part each paragraph becomes a section: a line that ends in a colon is the title of what is
/// indented below it, and stays as it is; of any other, what stands before the first colon.
///
/// # Errors
/// If nobody reads it.
pub fn write_manual(command: &Command, out: &mut dyn Write) -> io::Result<()> {
    let usage = command.clone().render_usage().to_string();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let short = about.split(':').next().unwrap_or_default().to_owned();
    let shown = command.clone().override_usage(usage.trim_start_matches("Usage:").trim().to_owned());
    let man = Man::new(shown.about(short)).date(REVISED).manual("Chunkcast");
    let title = command.get_name().to_uppercase();
    let man = man.title(title);
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    let mut description = Roff::new();
    description.control("SH", ["DESCRIPTION"]).text([roman(about)]);
    description.to_writer(out)?;
    man.render_options_section(out)?;
    commands(command).to_writer(out)?;
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    notes(&help).to_writer(out)?;
    files(command.get_name()).to_writer(out)
}

/// What else the program can do, with the options of that.
fn commands(command: &Command) -> Roff {
    let mut page = Roff::new();
    page.control("SH", ["COMMANDS"]);
    let mut all = command.clone();
    all.build();
    let own: Vec<_> = command.get_arguments().map(|arg| arg.get_id().clone()).collect();
    for command in all.get_subcommands().filter(|command| command.get_name() != "help") {
        page.control("SS", [command.get_name()]);
        page.text([roman(command.get_about().map(ToString::to_string).unwrap_or_default())]);
        // One that does what the program does takes all its options, which stand above.
        let is_like_program = command.get_arguments().any(|arg| arg.get_id() == "config");
        let is_common = |arg: &Arg| is_like_program && own.contains(arg.get_id());
        if is_like_program {
            page.text([roman("Takes the options above, and:")]);
        }
        for arg in command.get_arguments().filter(|arg| arg.get_id() != "help" && !is_common(arg)) {
            let value = arg.get_value_names().unwrap_or_default().join(" ");
            let flag = arg.get_long().map(|long| bold(format!("--{long} ")));
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let default = match arg.get_default_values() {
                [] => String::new(),
                values => {
                    let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
                    format!(" [default: {}]", values.join(" "))
                }
            };
            page.control("TP", []);
            page.text(flag.into_iter().chain([italic(value)]).collect::<Vec<_>>());
            page.text([roman(help + &default)]);
        }
    }
    page
}

/// The help's last part.
fn notes(help: &str) -> Roff {
    let mut page = Roff::new();
    let mut lines = help.lines().peekable();
    while let Some(line) = lines.next() {
        match line.split_once(':') {
            Some((title, "")) => {
                page.control("SH", [title.to_uppercase().as_str()]);
                page.control("nf", []);
                while let Some(line) = lines.next_if(|line| line.starts_with(' ')) {
                    page.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
                }
                page.control("fi", []);
            }
            Some((title, text)) => {
                page.control("SH", [title.to_uppercase().as_str()]);
                page.text([roman(text.trim())]);
            }
            None if line.is_empty() => {}
            None => {
                page.text([roman(line)]);
            }
        }
    }
    page
}

/// When what the pages say was last looked through.
const REVISED: &str = "2026-11-25";

fn files(program: &str) -> Roff {
    let mut page = Roff::new();
    page.control("SH", ["FILES"]);
    page.control("TP", []);
    page.text([italic(format!("/etc/chunkcast/{program}.toml"))]);
    page.text([roman("Options, read where no --config is given: the flags' own names, in TOML.")]);
    page.control("SH", ["SEE ALSO"]);
    let other = if program == "sender" { "receiver" } else { "sender" };
    page.text([bold(other), roman("(1), /usr/share/doc/chunkcast/README.md")]);
    page
}
