use std::sync::atomic::{AtomicU32, Ordering};

use clap::Parser;

use super::*;

/// A command line with one flag of each sort.
#[derive(Debug, Parser, PartialEq)]
#[command(name = "program", args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Other>,
    #[arg(long, required = true)]
    dest: Vec<String>,
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    fps: Option<u32>,
    #[arg(long, allow_negative_numbers = true)]
    gain: Option<f64>,
    #[arg(long = "loop")]
    repeat: bool,
    #[arg(long, value_name = "off|auto|PERCENT", default_value = "auto")]
    fec: String,
    #[arg(long, value_name = "TEXT", conflicts_with = "fps")]
    name: Option<String>,
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand, PartialEq)]
enum Other {
    Doctor,
}

/// The command line `typed`, with a default file that says `text`.
fn parse(text: &str, typed: &str) -> Result<Args, String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("chunkcast-config-{}-{count}.toml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let mut all: Vec<OsString> = typed.split_whitespace().map(OsString::from).collect();
    let mut arguments = Vec::new();
    let read = read(&<Args as clap::CommandFactory>::command(), &all, &path, &mut arguments);
    std::fs::remove_file(&path).unwrap();
    let parsed = read.and_then(|_| {
        all.splice(1..1, arguments);
        Args::try_parse_from(&all)
    });
    parsed.map_err(|error| first_paragraph(&error).replace(path.to_str().unwrap(), "FILE"))
}

#[test]
fn a_file_says_what_could_be_typed() {
    let text = "dest = [\"a:1\", \"b:2\"]  # two\nfps = 3_0\ngain = -0.5\nloop = true\nfec = false\n";
    let typed = "program --dest a:1 --dest b:2 --fps 30 --gain -0.5 --loop --fec off";
    assert_eq!(parse(text, "program"), parse("", typed));
    assert_eq!(
        parse("dest = 'a:1'\nloop = false\nfec = 20", "program"),
        parse("", "program --dest a:1 --fec 20")
    );
    assert_eq!(parse("", "program --dest a:1"), parse("dest = ['a:1']\n", "program"));
}

#[test]
fn what_is_typed_comes_before_it() {
    let text = "dest = ['a:1', 'b:2']\nfps = 30\n";
    let args = parse(text, "program --dest c:3").unwrap();
    assert_eq!((args.dest, args.fps), (vec!["c:3".to_owned()], Some(30)));
    assert_eq!(parse(text, "program --fps 15").unwrap().fps, Some(15));
    // And takes with it what cannot be together with it.
    let args = parse(text, "program --name door").unwrap();
    assert_eq!((args.name, args.fps), (Some("door".to_owned()), None));
}

#[test]
fn what_is_wrong_in_it_is_named_with_its_line_and_a_way_out() {
    for (text, words) in [
        ("fps = 30\nfpss = 15", &["FILE:2", "\"fpss\"", "is fps meant?"][..]),
        ("\n\nzzzzzz = 1", &["FILE:3", "zzzzzz", "--help"]),
        ("fps = 0", &["FILE:1", "'--fps <FPS>'", "0"]),
        ("loop = 'on'", &["FILE:1", "loop is true or false"]),
        ("name = true", &["FILE:1", "name", "TEXT"]),
        ("fec = true", &["FILE:1", "fec", "off|auto|PERCENT"]),
        ("fps = [30]", &["FILE:1", "fps takes one value"]),
        ("fps = 2026-11-25", &["FILE:1", "fps is text or a number"]),
        ("[fps]\nx = 1", &["FILE:1", "fps is no table"]),
        ("config = 'other.toml'", &["FILE:1", "cannot name another"]),
        ("help = true", &["FILE:1", "help"]),
        ("fps = 30\ndest = [", &["FILE:2"]),
        ("fps = 1\nfps = 2", &["FILE:2", "duplicate"]),
    ] {
        let error = parse(text, "program --dest a:1").unwrap_err();
        assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let error = parse("", "program --config /no/such/file --dest a:1").unwrap_err();
    assert!(error.contains("/no/such/file") && error.contains("No such file"), "{error}");
}

#[test]
fn it_is_not_read_where_it_is_not_wanted() {
    assert!(parse("nonsense", "program --config none --dest a:1").is_ok());
    assert!(parse("nonsense", "program doctor").is_ok());
    // What was typed is complained of first.
    assert!(parse("nonsense", "program --fps 0").unwrap_err().contains("--fps"));
}
