//! `talia-voice doctor`: looks at everything that a call needs, and says a way out of what is wrong.

mod address;
mod bucket;
mod clock_skew;
mod finding;
mod local;
mod proxy;
mod set_up;
mod sinks;
mod speech;
mod tls;

use super::Options;
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::outgoing;
use anyhow::{Context, Result};
use clap::Args;
use finding::{CONFIGURATION, Finding, Language, State, text};
use rustls::pki_types::CertificateDer;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// How long one look at something far away may take.
const PATIENCE: Duration = Duration::from_secs(6);

/// Options of the command.
#[derive(Debug, Clone, Args)]
pub(super) struct Doctor {
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// The language of the table.
    #[arg(long, value_enum, default_value = "es")]
    lang: Language,
    /// The number that must lead here, E.164; without it, at least one of the account's.
    #[arg(long)]
    number: Option<String>,
    /// Also trusts this PEM certificate authority for the public URL: for rehearsals. Twilio will not.
    #[arg(long)]
    trust: Option<PathBuf>,
}

/// Something isn't as it should be.
#[derive(Debug, Error)]
#[error("{failures} falla(s), {warnings} aviso(s)")]
pub(super) struct Unwell {
    failures: usize,
    warnings: usize,
}

impl Unwell {
    /// 1 when calls fail, 3 when there are only warnings.
    pub(super) fn exit_code(&self) -> u8 {
        if self.failures > 0 { 1 } else { 3 }
    }
}

/// Whom the doctor looks at.
struct Patient {
    config: Config,
    number: Option<String>,
    clock: Clock,
    /// Trusted beside the public authorities.
    trusted: Vec<CertificateDer<'static>>,
    client: reqwest::Client,
}

impl Doctor {
    pub(super) async fn run(self, options: &Options) -> Result<()> {
        let findings = Box::pin(self.examine(options)).await?;
        let worst = findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
        if self.json {
            println!("{}", finding::json(&findings, worst));
        } else {
            print!("{}", finding::table(&findings, self.lang));
        }
        let count = |state| findings.iter().filter(|finding| finding.state == state).count();
        if worst < State::Warning {
            return Ok(());
        }
        Err(Unwell {
            failures: count(State::Failure),
            warnings: count(State::Warning),
        }
        .into())
    }

    async fn examine(&self, options: &Options) -> Result<Vec<Finding>> {
        let config = match Config::load(&Sources::of_process(options.config.clone())) {
            Ok(config) => config,
            Err(error) => {
                return Ok(vec![CONFIGURATION.failure(
                    text(error.to_string(), error.to_string()),
                    text(
                        "corríjala; sin ella no se puede ver lo demás (cada ajuste está en config.default.toml)",
                        "mend it; nothing else can be looked at without it (every key is in config.default.toml)",
                    ),
                )]);
            }
        };
        let trusted = match &self.trust {
            None => Vec::new(),
            Some(path) => outgoing::certificates(path)
                .map_err(anyhow::Error::msg)
                .with_context(|| path.display().to_string())?,
        };
        let patient = Patient {
            client: outgoing::client_trusting(PATIENCE, &trusted)?,
            number: self.number.clone(),
            clock: Clock::real(),
            trusted,
            config,
        };
        let mut findings = vec![configuration(&patient.config)];
        let (twilio, public, local, bucket, sinks, speech) = tokio::join!(
            set_up::look(&patient),
            address::look(&patient),
            local::look(&patient),
            bucket::look(&patient),
            sinks::look(&patient),
            speech::look(&patient)
        );
        for found in [twilio, public, local, bucket, sinks, speech] {
            findings.extend(found);
        }
        Ok(findings)
    }
}

fn configuration(config: &Config) -> Finding {
    if config.server.public_url.is_secure() {
        let url = config.server.public_url.http("");
        return CONFIGURATION.ok(text(format!("completa; {url}"), format!("complete; {url}")));
    }
    CONFIGURATION.warning(
        text(
            "completa, pero la dirección pública es de esta máquina",
            "complete, but the public URL is this machine's own",
        ),
        text(
            "ponga TALIA_PUBLIC_URL=https://… para un Twilio de verdad",
            "set TALIA_PUBLIC_URL=https://… for the real Twilio",
        ),
    )
}
