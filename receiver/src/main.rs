//! The receiver's command line.

use std::io::stdout;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use receiver::args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match &args.command {
        None => receiver::pipeline::run(&args),
        Some(Command::Doctor) => receiver::doctor::check(&mut stdout().lock()),
        Some(Command::Completions { shell }) => {
            clap_complete::generate(*shell, &mut Args::command(), "receiver", &mut stdout().lock());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("receiver: {error:#}");
            ExitCode::FAILURE
        }
    }
}
