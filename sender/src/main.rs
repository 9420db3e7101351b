//! The sender's command line.

use std::io::stdout;
use std::process::ExitCode;

use clap::CommandFactory;
use proto::app::{parse_arguments, write_completions, write_manual};
use sender::{Args, Command, KeyAction};

fn main() -> ExitCode {
    let args: Args = parse_arguments("sender", Args::check);
    let result = match &args.command {
        None => sender::run(&args),
        Some(Command::Cameras) => sender::list_cameras(&mut stdout().lock()),
        Some(Command::Key { action: KeyAction::New { key_file } }) => {
            sender::new_key(key_file.as_deref(), &mut stdout().lock())
        }
        Some(Command::Doctor { dest, interface }) => {
            match sender::check(dest.as_ref(), interface.as_deref(), &mut stdout().lock()) {
                Ok(true) => Ok(()),
                Ok(false) => return ExitCode::FAILURE,
                Err(error) => Err(error),
            }
        }
        Some(Command::Completions { shell }) => {
            write_completions(*shell, Args::command(), &mut stdout().lock()).map_err(Into::into)
        }
        Some(Command::Man) => write_manual(&Args::command(), &mut stdout().lock()).map_err(Into::into),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
