//! `[recordings.bucket]`: the bucket of an object store that finished recordings go to.

use super::{ConfigError, is_this_machine, set};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

const LONGEST_TIMEOUT_S: f64 = 600.0;
const DAY_S: f64 = 86_400.0;

/// The variables of each store that are read, as its own tools name them, and what its library calls them.
const OF_S3: [(&str, &str); 11] = [
    ("AWS_ACCESS_KEY_ID", "access_key_id"),
    ("AWS_SECRET_ACCESS_KEY", "secret_access_key"),
    ("AWS_SESSION_TOKEN", "session_token"),
    ("AWS_DEFAULT_REGION", "default_region"),
    ("AWS_REGION", "region"),
    ("AWS_ROLE_ARN", "aws_role_arn"),
    ("AWS_ROLE_SESSION_NAME", "aws_role_session_name"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "aws_web_identity_token_file"),
    (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "aws_container_credentials_relative_uri",
    ),
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "aws_container_credentials_full_uri",
    ),
    (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "aws_container_authorization_token_file",
    ),
];
const OF_GOOGLE: [(&str, &str); 3] = [
    ("GOOGLE_APPLICATION_CREDENTIALS", "google_application_credentials"),
    ("GOOGLE_SERVICE_ACCOUNT", "google_service_account"),
    ("GOOGLE_SERVICE_ACCOUNT_KEY", "google_service_account_key"),
];
const OF_AZURE: [(&str, &str); 11] = [
    ("AZURE_STORAGE_ACCOUNT", "azure_storage_account_name"),
    ("AZURE_STORAGE_ACCOUNT_NAME", "azure_storage_account_name"),
    ("AZURE_STORAGE_KEY", "azure_storage_account_key"),
    ("AZURE_STORAGE_ACCOUNT_KEY", "azure_storage_account_key"),
    ("AZURE_STORAGE_SAS_TOKEN", "azure_storage_sas_token"),
    ("AZURE_CLIENT_ID", "azure_client_id"),
    ("AZURE_CLIENT_SECRET", "azure_client_secret"),
    ("AZURE_TENANT_ID", "azure_tenant_id"),
    ("AZURE_AUTHORITY_HOST", "azure_authority_host"),
    ("AZURE_FEDERATED_TOKEN_FILE", "azure_federated_token_file"),
    ("IDENTITY_ENDPOINT", "azure_identity_endpoint"),
];

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    url: String,
    endpoint: String,
    plain: bool,
    authority: String,
    timeout_s: f64,
    retry_s: f64,
    longest_retry_s: f64,
}

/// Whose protocol a bucket's store speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketKind {
    /// Amazon S3, or a server that speaks as it does.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage, whose buckets are called containers.
    Azure,
}

/// A bucket, and how it is reached.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub kind: BucketKind,
    /// Its name.
    pub name: String,
    /// What the names of our objects begin with, without slashes around it; may be empty.
    pub prefix: String,
    /// Another server than the store's own.
    pub endpoint: Option<Url>,
    /// It may be reached without TLS.
    pub is_plain: bool,
    /// A PEM file of an authority that is trusted beside the public ones.
    pub authority: Option<PathBuf>,
    /// How long it may say nothing at all.
    pub timeout: Duration,
    /// The wait after the first failure; it doubles.
    pub retry: Duration,
    /// The longest wait.
    pub longest_retry: Duration,
    /// What the store's library calls a setting, and its value: from the environment.
    pub credentials: Vec<(&'static str, SecretString)>,
}

/// Its address, as the rows of recordings begin with it: without a slash at the end.
impl fmt::Display for Bucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            BucketKind::S3 => "s3",
            BucketKind::Google => "gs",
            BucketKind::Azure => "az",
        };
        write!(out, "{scheme}://{}", self.name)?;
        if self.prefix.is_empty() {
            return Ok(());
        }
        write!(out, "/{}", self.prefix)
    }
}

fn wrong(key: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::value(format!("recordings.bucket.{key}"), reason)
}

impl Raw {
    /// None: recordings stay in the folder.
    pub(super) fn check(self, environment: &HashMap<String, String>) -> Result<Option<Bucket>, ConfigError> {
        let Some(url) = set(&self.url) else {
            return Ok(None);
        };
        let (kind, name, prefix) = address(&url)?;
        let endpoint = set(&self.endpoint)
            .map(|text| endpoint(&text, self.plain))
            .transpose()?;
        let seconds = |key: &'static str, value: f64, most: f64| match value {
            value if (0.05..=most).contains(&value) => Ok(Duration::from_secs_f64(value)),
            _ => Err(wrong(key, format!("must be between 0.05 and {most}"))),
        };
        let (timeout, retry, longest_retry) = (
            seconds("timeout_s", self.timeout_s, LONGEST_TIMEOUT_S)?,
            seconds("retry_s", self.retry_s, DAY_S)?,
            seconds("longest_retry_s", self.longest_retry_s, DAY_S)?,
        );
        if longest_retry < retry {
            return Err(wrong("longest_retry_s", "must not be shorter than retry_s"));
        }
        let is_plain = endpoint.as_ref().is_some_and(|url| url.scheme() == "http");
        Ok(Some(Bucket {
            credentials: credentials(kind, environment)?,
            authority: set(&self.authority).map(PathBuf::from),
            kind,
            name,
            prefix,
            endpoint,
            is_plain,
            timeout,
            retry,
            longest_retry,
        }))
    }
}

/// A bucket's address taken apart. What is refused is not shown: somebody may have put a key there.
fn address(text: &str) -> Result<(BucketKind, String, String), ConfigError> {
    let (scheme, rest) = text
        .split_once("://")
        .ok_or_else(|| wrong("url", "must begin with s3://, gs:// or az://"))?;
    let kind = match scheme {
        "s3" => BucketKind::S3,
        "gs" => BucketKind::Google,
        "az" => BucketKind::Azure,
        _ => return Err(wrong("url", "must begin with s3://, gs:// or az://")),
    };
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let of_name = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-._".contains(&letter);
    if !(3..=222).contains(&name.len()) || !name.bytes().all(of_name) {
        return Err(wrong(
            "url",
            "names no bucket: lower-case letters, digits, -, . and _ behind ://, without a user, a key or a port",
        ));
    }
    let prefix = prefix.trim_end_matches('/');
    let of_prefix = |letter: u8| letter.is_ascii_alphanumeric() || b"-._".contains(&letter);
    let is_part = |part: &str| !part.is_empty() && !matches!(part, "." | "..") && part.bytes().all(of_prefix);
    if prefix.len() > 400 || !(prefix.is_empty() || prefix.split('/').all(is_part)) {
        return Err(wrong(
            "url",
            "has a prefix that is none: letters, digits, -, . and _, parted by single slashes",
        ));
    }
    Ok((kind, name.to_owned(), prefix.to_owned()))
}

/// Encrypted, unless it is this machine or the operator wants it so: keys travel to it in no clear text, but names do.
fn endpoint(text: &str, plain: bool) -> Result<Url, ConfigError> {
    let url =
        Url::parse(text).map_err(|_| wrong("endpoint", "is no address; https://minio.example.com:9000 is one"))?;
    let host = url.host_str().unwrap_or_default();
    let has_more = !url.username().is_empty() || url.password().is_some() || url.query().is_some();
    if host.is_empty() || has_more {
        return Err(wrong("endpoint", "must be scheme, host, port and path only"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain || is_this_machine(host) => Ok(url),
        _ => Err(wrong(
            "endpoint",
            "must begin with https://; http:// only to this machine, or with recordings.bucket.plain = true",
        )),
    }
}

fn credentials(
    kind: BucketKind,
    environment: &HashMap<String, String>,
) -> Result<Vec<(&'static str, SecretString)>, ConfigError> {
    let known: &[(&str, &'static str)] = match kind {
        BucketKind::S3 => &OF_S3,
        BucketKind::Google => &OF_GOOGLE,
        BucketKind::Azure => &OF_AZURE,
    };
    let found = known.iter().filter_map(|(variable, name)| {
        let value = set(environment.get(*variable)?)?;
        Some((*name, SecretString::from(value)))
    });
    let found: Vec<_> = found.collect();
    let has = |name: &str| found.iter().any(|(known, _)| *known == name);
    match kind {
        BucketKind::S3 if has("access_key_id") != has("secret_access_key") => Err(wrong(
            "url",
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together, and only one of them is set",
        )),
        BucketKind::Azure if !has("azure_storage_account_name") => {
            Err(wrong("url", "az:// needs the account's name in AZURE_STORAGE_ACCOUNT"))
        }
        _ => Ok(found),
    }
}
