//! A tool of the company's own: how it is asked for, what it needs before it runs, and what may go wrong.

use super::act_log::ActState;
use super::{ToolSpec, lead, schema::Schema};
use crate::outgoing::AddressFault;
use crate::telemetry::labels::ToolVerdict;
use futures::future::BoxFuture;
use serde_json::{Map, Value};
use std::fmt;
use thiserror::Error;

/// Characters of a value in a question.
const LONGEST_VALUE: usize = 100;

/// How a tool behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manner {
    /// It changes something: the same wish is done once a call, with a row written before.
    pub side_effects: bool,
    /// The question whose yes it needs, with gaps for arguments: `¿Confirmo tu cita para el {day}?`
    pub confirm: Option<String>,
    /// How often it may run in one call.
    pub per_call: u32,
}

/// What runs a tool.
pub(super) trait Runs: fmt::Debug + Send + Sync {
    /// Runs it, within its time limit. `key` names the wish: the same one has the same key.
    fn run(&self, arguments: Map<String, Value>, key: String) -> BoxFuture<'static, Result<String, ToolFault>>;
}

/// A tool of the company's own.
#[derive(Debug)]
pub(super) struct OwnTool {
    pub(super) spec: ToolSpec,
    pub(super) schema: Schema,
    pub(super) manner: Manner,
    pub(super) runs: Box<dyn Runs>,
}

/// Why a tool of the company's own brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum ToolFault {
    /// Its address may not be reached.
    #[error("its address may not be reached: {0}")]
    Address(AddressFault),
    /// An argument can't stand in its address.
    #[error("an argument can't be part of its address")]
    Argument,
    /// Nothing was sent: there is no connection.
    #[error("it can't be reached")]
    Unreachable,
    /// It didn't answer in time.
    #[error("it did not answer in time")]
    TimedOut,
    /// The connection broke, or the answer makes no sense.
    #[error("its answer was cut or makes no sense")]
    Broken,
    /// It answered that it won't, or can't.
    #[error("it answered with an error ({0})")]
    Status(u16),
    /// Its answer is too large.
    #[error("its answer is too large")]
    TooLarge,
    /// It says itself that it failed.
    #[error("it says that it failed")]
    Said,
}

impl ToolFault {
    /// What is known of the act now.
    pub(super) fn state(self) -> ActState {
        match self {
            Self::Address(_) | Self::Argument | Self::Unreachable | Self::Status(400..=499) | Self::Said => {
                ActState::Failed
            }
            Self::TimedOut | Self::Broken | Self::Status(_) | Self::TooLarge => ActState::Unknown,
        }
    }

    pub(super) fn verdict(self) -> ToolVerdict {
        match self {
            Self::Address(_) => ToolVerdict::AddressRefused,
            Self::Argument => ToolVerdict::ArgumentsUnfit,
            Self::Unreachable => ToolVerdict::Unreachable,
            Self::TimedOut => ToolVerdict::TimedOut,
            Self::Broken => ToolVerdict::Broken,
            Self::Status(_) | Self::Said => ToolVerdict::Failed,
            Self::TooLarge => ToolVerdict::TooLarge,
        }
    }
}

/// The question of a template, with the arguments in its gaps. Marks of questions in values are dropped, so that a value
/// can't end the question.
pub(super) fn question(template: &str, arguments: &Map<String, Value>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((gap, behind)) = after.split_once('}') else {
            rest = after;
            break;
        };
        let value = match arguments.get(gap) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let value: String = lead::one_line(&value)
            .chars()
            .filter(|letter| !"?¿!¡".contains(*letter))
            .collect();
        out.push_str(&lead::shortened(&value, LONGEST_VALUE));
        rest = behind;
    }
    out.push_str(rest);
    lead::one_line(&out)
}
