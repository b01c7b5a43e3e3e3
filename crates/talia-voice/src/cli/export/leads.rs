//! `talia-voice export leads`.

use super::csv::{self, Cell};
use super::{Out, reader_is_gone};
use crate::cli::kept::Kept;
use crate::store::{AuditKind, LeadPages, LeadWindow, NewAudit, WholeLead};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Leads {
    /// `csv`, para hojas de cálculo (un apóstrofo delante de lo que sería una fórmula), o `json`, con dónde se oyó cada dato.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Los que se crearon desde este día (UTC), o desde este momento: `2026-11-24`, `2026-11-24T18:00:00Z`.
    #[arg(long, value_name = "FECHA", value_parser = since)]
    since: Option<Timestamp>,
    /// Los que se crearon hasta este día (UTC, completo), o antes de este momento.
    #[arg(long, value_name = "FECHA", value_parser = until)]
    until: Option<Timestamp>,
    /// Uno por persona, con lo último que se supo de cada dato en todas sus llamadas; las fechas escogen a quien llamó entonces.
    #[arg(long)]
    unique: bool,
    /// El archivo, que no debe existir; sin esto, la salida estándar.
    #[arg(long, short, value_name = "ARCHIVO")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Json,
}

/// The names of the columns, in the order of [`cells`].
const HEADER: [&str; 16] = [
    "id",
    "call_sid",
    "person",
    "first_lead_id",
    "name",
    "name_confirmed",
    "email",
    "email_confirmed",
    "phone",
    "phone_confirmed",
    "company",
    "purpose",
    "notes",
    "source",
    "created_at",
    "updated_at",
];

fn cells(whole: &WholeLead) -> [Cell<'_>; 16] {
    let lead = &whole.lead;
    [
        Cell::Plain(&lead.id),
        Cell::Plain(&lead.call_sid),
        Cell::Phone(lead.person.as_deref()),
        Cell::Plain(lead.first_lead_id.as_deref().unwrap_or_default()),
        Cell::Text(lead.name.as_deref()),
        Cell::Flag(lead.name_confirmed),
        Cell::Text(lead.email.as_deref()),
        Cell::Flag(lead.email_confirmed),
        Cell::Phone(lead.phone.as_deref()),
        Cell::Flag(lead.phone_confirmed),
        Cell::Text(lead.company.as_deref()),
        Cell::Text(lead.purpose.as_deref()),
        Cell::Text(lead.notes.as_deref()),
        Cell::Plain(&lead.source),
        Cell::Plain(&lead.created_at),
        Cell::Plain(&lead.updated_at),
    ]
}

/// A day, or a moment.
fn day_or_moment(text: &str) -> Result<(Timestamp, Option<Timestamp>), String> {
    let wrong = || format!("«{text}» no es una fecha: 2026-11-24, o 2026-11-24T18:00:00Z");
    // A date and a time without a zone would be read as a date alone.
    if text.len() > "2026-11-24".len() {
        return text.parse().map(|moment| (moment, None)).map_err(|_| wrong());
    }
    let day: Date = text.parse().map_err(|_| wrong())?;
    let begins = |day: Date| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0));
    let next = day.tomorrow().and_then(begins).map_err(|_| wrong())?;
    Ok((begins(day).map_err(|_| wrong())?, Some(next)))
}

fn since(text: &str) -> Result<Timestamp, String> {
    day_or_moment(text).map(|(begins, _)| begins)
}

fn until(text: &str) -> Result<Timestamp, String> {
    day_or_moment(text).map(|(moment, end)| end.unwrap_or(moment))
}

impl Leads {
    pub(super) async fn run(&self, kept: &Kept) -> Result<()> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            bail!("--since está después de --until: no hay nada entre los dos");
        }
        let window = LeadWindow {
            since: self.since,
            until: self.until,
        };
        let pages = kept.store.lead_pages(window, self.unique);
        let mut out = Out::new(self.output.as_deref())?;
        // Before the first one is given: whoever kills this in the middle has some.
        let given_out = NewAudit {
            kind: AuditKind::Export,
            call_sid: None,
            detail: json!({
                "what": "leads", "by": "cli", "unique": self.unique,
                "since": self.since.map(|since| since.to_string()), "until": self.until.map(|until| until.to_string()),
            }),
            at: kept.clock.wall(),
        };
        if let Err(error) = kept.store.audit(given_out).await {
            out.discard();
            return Err(error.into());
        }
        let given = match self.give(pages, &mut out).await {
            Ok(given) => given,
            Err(error) if self.output.is_none() && reader_is_gone(&error) => return Ok(()),
            Err(error) => {
                out.discard();
                return Err(error);
            }
        };
        match out.finish() {
            Err(error) if self.output.is_none() && reader_is_gone(&error) => return Ok(()),
            done => done?,
        }
        if let Some(path) = &self.output {
            println!("{}: {given} lead(s)", path.display());
        }
        Ok(())
    }

    /// Writes them page by page; answers how many.
    async fn give(&self, mut pages: LeadPages, out: &mut Out) -> Result<u64> {
        let mut given: u64 = 0;
        match self.format {
            Format::Csv => csv::line(out, &HEADER.map(Cell::Plain))?,
            Format::Json => out.write_all(b"[")?,
        }
        while let Some(page) = pages.next().await? {
            for lead in page {
                match self.format {
                    Format::Csv => csv::line(out, &cells(&lead))?,
                    Format::Json => {
                        let before = if given == 0 { "\n" } else { ",\n" };
                        write!(out, "{before}{}", serde_json::to_string(&lead)?)?;
                    }
                }
                given += 1;
            }
        }
        if self.format == Format::Json {
            out.write_all(b"\n]\n")?;
        }
        Ok(given)
    }
}
