//! The receiver's command line.

use std::io::stdout;
use std::process::ExitCode;

use clap::CommandFactory;
use proto::app::{parse_arguments, write_completions, write_manual};
use receiver::doctor::{self, Checks};
use receiver::{Args, Command};

fn main() -> ExitCode {
    let args: Args = parse_arguments("receiver", Args::check);
    let result = match &args.command {
        None => receiver::run(&args.receive),
        Some(Command::Doctor { listen, interface, time }) => {
            let checks = Checks { listen: *listen, interface: interface.clone(), time: *time };
            match doctor::check(&checks, &mut stdout().lock()) {
                Ok(true) => Ok(()),
                Ok(false) => return ExitCode::FAILURE,
                Err(error) => Err(error),
            }
        }
        Some(Command::List { time, interface }) => {
            match receiver::list(*time, interface.as_deref(), &mut stdout().lock()) {
                Ok(true) => Ok(()),
                Ok(false) => return ExitCode::FAILURE,
                Err(error) => Err(error),
            }
        }
        Some(Command::Measure(args)) => receiver::measure(args, &mut stdout().lock()),
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
