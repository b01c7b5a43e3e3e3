//! The three layers: compiled-in defaults, a file, the environment.

use super::{ConfigError, Raw, environment};
use config::{FileFormat, Value, ValueKind};
use percent_encoding::percent_decode_str;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The manual: every key with its default.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// The file that is read when none is named, if it is there.
const USUAL_FILE: &str = "talia.toml";

/// Where the configuration comes from. The environment is passed in, so that reading it can be tested.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file of `--config`: must exist. Without it, `talia.toml` of the working directory is read if it exists.
    pub file: Option<PathBuf>,
    /// Variables and values.
    pub environment: HashMap<String, String>,
}

impl Sources {
    /// The file of `--config` and this process's environment.
    pub fn of_process(file: Option<PathBuf>) -> Self {
        Self {
            file,
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        }
    }
}

pub(super) fn read(sources: &Sources) -> Result<Raw, ConfigError> {
    let mut layers = config::Config::builder().add_source(config::File::from_str(DEFAULTS, FileFormat::Toml));
    if let Some((path, text)) = file_text(sources.file.as_deref())? {
        check_file(&path, &text)?;
        layers = layers.add_source(config::File::from_str(&text, FileFormat::Toml));
    }
    let defaults: toml::Table = DEFAULTS.parse().map_err(|error: toml::de::Error| internal(&error))?;
    // Those of a standard (`OTEL_…`) come before ours, which have the last word.
    let mut variables: Vec<_> = sources.environment.iter().collect();
    variables.sort_unstable();
    for (variable, text) in variables {
        let Some(key) = environment::key_of(variable) else {
            continue;
        };
        let value = env_value(&defaults, variable, &key, text)?;
        layers = layers.set_override(&key, value).map_err(|error| internal(&error))?;
    }
    let merged = layers.build().map_err(|error| internal(&error))?;
    merged.try_deserialize().map_err(|error| internal(&error))
}

fn file_text(named: Option<&Path>) -> Result<Option<(String, String)>, ConfigError> {
    let path = named.unwrap_or(Path::new(USUAL_FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.display().to_string(), text))),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::Unreadable {
            path: path.display().to_string(),
            reason: error.to_string(),
        }),
    }
}

/// The merging library forgets where a value stood, so the file is read on its own first.
fn check_file(path: &str, text: &str) -> Result<(), ConfigError> {
    toml::from_str::<Raw>(text)
        .map(|_| ())
        .map_err(|error| ConfigError::File {
            path: path.to_owned(),
            line: error
                .span()
                .map_or(1, |span| text[..span.start].matches('\n').count() + 1),
            reason: error.message().lines().collect::<Vec<_>>().join("; "),
        })
}

/// A variable's text as the kind of value that its key has by default.
fn env_value(defaults: &toml::Table, variable: &str, key: &str, text: &str) -> Result<Value, ConfigError> {
    let wrong = |reason: &str| ConfigError::Environment {
        reason: format!("{variable} {reason}"),
    };
    let mut names = key.split('.');
    let section = names.next().and_then(|section| defaults.get(section));
    let default = names.fold(section, |table, name| table?.get(name));
    let kind = match default {
        None => return Err(wrong("names a key that doesn't exist")),
        Some(toml::Value::Table(_)) => {
            ValueKind::Table(pairs(variable, text).ok_or_else(|| wrong("must be name=value pairs, parted by commas"))?)
        }
        Some(toml::Value::Float(_)) => ValueKind::Float(text.trim().parse().map_err(|_| wrong("must be a number"))?),
        Some(toml::Value::Integer(_)) => {
            ValueKind::I64(text.trim().parse().map_err(|_| wrong("must be a whole number"))?)
        }
        Some(toml::Value::Boolean(_)) => {
            ValueKind::Boolean(text.trim().parse().map_err(|_| wrong("must be true or false"))?)
        }
        Some(_) => ValueKind::String(text.to_owned()),
    };
    Ok(Value::new(None, kind))
}

/// `name=value` pairs, parted by commas; an empty text is none. The values of OpenTelemetry's variables are percent-encoded.
fn pairs(variable: &str, text: &str) -> Option<config::Map<String, Value>> {
    let decode = |value: &str| {
        if variable.starts_with("OTEL_") {
            Some(percent_decode_str(value).decode_utf8().ok()?.into_owned())
        } else {
            Some(value.to_owned())
        }
    };
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = ValueKind::String(decode(value.trim())?);
        Some((name.trim().to_owned(), Value::new(None, value)))
    };
    text.split(',')
        .filter(|pair| !pair.trim().is_empty())
        .map(pair)
        .collect()
}

/// What remains once file and variables have been checked one by one: a number out of its type's range.
fn internal(error: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::Environment {
        reason: error.to_string().lines().collect::<Vec<_>>().join("; "),
    }
}
