//! The command line: one file a subcommand.

mod audit;
mod bench;
mod call;
mod demo;
mod doctor;
mod erase;
mod eval;
mod events;
mod export;
mod kept;
mod keys;
mod load;
mod models;
mod recording;
mod serve;
mod terminal;
mod twilio;
mod voices;

use crate::events::RelaysError;
use crate::events::sinks::WebhookError;
use crate::recordings::BucketError;
use crate::{app::AppError, brain::script::AssistantError, config::ConfigError};
use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// `EX_USAGE`: the configuration is wrong, and nothing was started.
const BAD_CONFIGURATION: u8 = 64;

/// TalIA Voz: contesta el teléfono de su empresa.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub struct Command {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    what: What,
}

/// What every subcommand takes.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Configuration file; without it, `talia.toml` in this folder if it is there.
    #[arg(long, global = true, env = "TALIA_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Answers calls.
    Serve,
    /// Rings a server on this machine with a simulated caller and shows the conversation.
    Demo(demo::Demo),
    /// Rings any server with a scripted caller.
    Call(call::Call),
    /// Rings any server with many callers at once and prints its figures.
    Load(load::Load),
    /// Keys: of programs that use the API, and of recordings.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Recordings of calls: open, key, erase.
    #[command(subcommand)]
    Recording(recording::Recording),
    /// Erases a call, or everything of a person. Ends with 3 when a call that isn't over had to be left.
    Erase(erase::Erase),
    /// The trail of what has to be proven: disclosures, recordings, dials, transfers, exports, erasures, configurations.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Speech models: list, fetch, verify.
    #[command(subcommand)]
    Models(models::Models),
    /// Says how good the local engines are, on cases of our own.
    #[command(subcommand)]
    Eval(eval::Eval),
    /// Events on their way to NATS and webhooks: how far, what was given up, once more.
    #[command(subcommand)]
    Events(events::Events),
    /// What is kept, for other programs: leads.
    Export(export::Export),
    /// Looks at everything that a call needs and says a way out of what is wrong. Ends with 1, or 3 for warnings only.
    Doctor(doctor::Doctor),
    /// What is set up once at Twilio.
    #[command(subcommand)]
    Twilio(twilio::Twilio),
    /// Measures the frame path, turns, barge-in and start on this machine.
    Bench(bench::Bench),
}

/// Does what was asked.
pub async fn run(command: Command) -> Result<()> {
    let options = command.options;
    match command.what {
        What::Serve => Box::pin(serve::run(&options)).await,
        What::Demo(demo) => Box::pin(demo.run(&options)).await,
        What::Call(call) => Box::pin(call.run()).await,
        What::Load(load) => load.run().await,
        What::Keys(keys) => keys.run(&options).await,
        What::Recording(recording) => recording.run(&options).await,
        What::Erase(erase) => erase.run(&options).await,
        What::Audit(audit) => audit.run(&options).await,
        What::Models(models) => models.run(&options).await,
        What::Eval(eval) => eval.run(&options).await,
        What::Events(events) => Box::pin(events.run(&options)).await,
        What::Export(export) => Box::pin(export.run(&options)).await,
        What::Doctor(doctor) => Box::pin(doctor.run(&options)).await,
        What::Twilio(twilio) => Box::pin(twilio.run(&options)).await,
        What::Bench(bench) => bench.run(&options).await,
    }
}

/// 64 when the configuration or an assistant is wrong, 3 for a part of a recording or of an erasure, the doctor's own, 1 otherwise.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if let Some(unwell) = error.downcast_ref::<doctor::Unwell>() {
        return ExitCode::from(unwell.exit_code());
    }
    if error.is::<erase::Left>() {
        return ExitCode::from(erase::LEFT);
    }
    if error.is::<recording::Incomplete>() {
        return ExitCode::from(recording::INCOMPLETE);
    }
    let is_configuration = error.chain().any(|cause| {
        // A transparent error hides the one inside from the chain.
        let of_app = cause.downcast_ref::<AppError>();
        cause.is::<ConfigError>()
            || cause.is::<AssistantError>()
            || matches!(
                cause.downcast_ref(),
                Some(BucketError::Authority(_) | BucketError::Credentials(_))
            )
            || of_app.is_some_and(|error| match error {
                AppError::Assistant(_)
                | AppError::Secret(_)
                | AppError::Bucket(BucketError::Authority(_) | BucketError::Credentials(_))
                | AppError::Relays(RelaysError::Webhook(WebhookError::Address { .. })) => true,
                AppError::Nats(error) | AppError::Relays(RelaysError::Nats(error)) => error.is_configuration(),
                _ => false,
            })
    });
    if is_configuration {
        ExitCode::from(BAD_CONFIGURATION)
    } else {
        ExitCode::FAILURE
    }
}
