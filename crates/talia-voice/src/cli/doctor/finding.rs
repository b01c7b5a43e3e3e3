//! What was found, how bad it is, and how it is shown: a table for people, JSON for machines.

use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// Not looked at: it isn't configured, or what it stands on is broken.
    Skipped,
    /// It works, and something isn't as it should be.
    Warning,
    /// Calls fail because of it.
    Failure,
}

/// The language of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Language {
    /// Spanish.
    #[default]
    Es,
    /// English.
    En,
}

/// A sentence in both languages.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Text {
    es: String,
    en: String,
}

/// Both languages of a sentence.
pub(super) fn text(es: impl Into<String>, en: impl Into<String>) -> Text {
    Text {
        es: es.into(),
        en: en.into(),
    }
}

impl Text {
    fn of(&self, language: Language) -> &str {
        match language {
            Language::Es => &self.es,
            Language::En => &self.en,
        }
    }
}

/// What is looked at: a fixed word for machines, a name for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct Check {
    id: &'static str,
    es: &'static str,
    en: &'static str,
}

macro_rules! checks {
    ($($name:ident $id:literal $es:literal $en:literal;)*) => {
        $(pub(super) const $name: Check = Check { id: $id, es: $es, en: $en };)*
    };
}

checks! {
    CONFIGURATION "configuration" "configuración" "configuration";
    CREDENTIALS "credentials" "credenciales" "credentials";
    NUMBER "number" "número" "number";
    APP "app" "TwiML App" "TwiML App";
    CLOCK "clock" "reloj" "clock";
    ADDRESS "address" "dirección pública" "public address";
    CERTIFICATE "certificate" "certificado TLS" "TLS certificate";
    SERVER "server" "servidor" "server";
    SOCKET "socket" "WebSocket" "WebSocket";
    SIGNATURE "signature" "firma" "signature";
    DATABASE "database" "base de datos" "database";
    EVENTS "events" "eventos" "events";
    NATS "nats" "NATS" "NATS";
    WEBHOOKS "webhooks" "webhooks" "webhooks";
    SPEECH "speech" "voz" "speech";
    RECORDINGS "recordings" "grabaciones" "recordings";
    BUCKET "bucket" "bucket de grabaciones" "bucket of recordings";
}

/// One thing that was looked at.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    check: Check,
    pub(super) state: State,
    said: Text,
    way_out: Option<Text>,
}

impl Check {
    pub(super) fn ok(self, said: Text) -> Finding {
        self.finding(State::Ok, said, None)
    }

    pub(super) fn skipped(self, said: Text) -> Finding {
        self.finding(State::Skipped, said, None)
    }

    pub(super) fn warning(self, said: Text, way_out: Text) -> Finding {
        self.finding(State::Warning, said, Some(way_out))
    }

    pub(super) fn failure(self, said: Text, way_out: Text) -> Finding {
        self.finding(State::Failure, said, Some(way_out))
    }

    fn finding(self, state: State, said: Text, way_out: Option<Text>) -> Finding {
        Finding {
            check: self,
            state,
            said,
            way_out,
        }
    }
}

/// The table for people.
pub(super) fn table(findings: &[Finding], language: Language) -> String {
    let name = |check: Check| match language {
        Language::Es => check.es,
        Language::En => check.en,
    };
    let widest = findings.iter().map(|finding| name(finding.check).chars().count()).max();
    let width = widest.unwrap_or(0);
    findings.iter().fold(String::new(), |mut table, finding| {
        let sign = match finding.state {
            State::Ok => "✓",
            State::Skipped => "–",
            State::Warning => "!",
            State::Failure => "✗",
        };
        // Writing to a string can't fail.
        let _ = writeln!(
            table,
            "  {sign} {:width$}  {}",
            name(finding.check),
            finding.said.of(language)
        );
        if let Some(way_out) = &finding.way_out {
            let _ = writeln!(table, "    {:width$}  → {}", "", way_out.of(language));
        }
        table
    })
}

/// The same for machines.
pub(super) fn json(findings: &[Finding], worst: State) -> Value {
    let checks: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check.id, "state": finding.state,
                "said": finding.said, "way_out": finding.way_out,
            })
        })
        .collect();
    json!({"state": worst, "checks": checks})
}
