//! Parses the command line, calls the library, turns an error into an exit code.

use clap::Parser;
use std::process::ExitCode;
use talia_voice::cli::{self, Command};

fn main() -> ExitCode {
    // One TLS provider for everything, chosen before anything connects.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("talia-voice: another TLS provider is installed already");
    }
    let command = Command::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("talia-voice: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(cli::run(command));
    // A blocking job of an engine may still run; nobody waits for its result any more.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("talia-voice: {error:#}");
            cli::exit_code(&error)
        }
    }
}
