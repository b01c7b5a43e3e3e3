//! The query string of a read: filters, how many, and where to go on. It holds callers' numbers and words: nothing of it is
//! repeated in an answer or a log.

use super::cursor::{self, Bad};
use super::problem::Problem;
use crate::app::App;
use crate::privacy::is_number;
use crate::store::Behind;
use crate::telemetry::labels::Refusal;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use talia_twilio::{CallSid, CallStatus};
use url::form_urlencoded;

/// Rows in one answer, when nothing is said and at most.
const USUAL: u32 = 50;
const MOST: u32 = 500;
/// The longest value, characters.
const LONGEST: usize = 254;
/// Moments that both databases can hold, seconds of Unix time: 1970 to 9999.
const TIMES: std::ops::RangeInclusive<i64> = 0..=253_402_300_799;

/// What is asked, as far as it can be understood.
pub(super) struct Query<'a> {
    app: &'a App,
    /// Route and filters: what a cursor belongs to. How many may change between two pages.
    question: String,
    values: BTreeMap<&'static str, String>,
    /// Rows wanted.
    pub(super) limit: u32,
    cursor: Option<String>,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    /// The cursor of what comes next; none: nothing does.
    next: Option<String>,
}

impl<'a> Query<'a> {
    /// Reads it. What isn't known, is there twice or is too long is refused, so that a misspelt filter doesn't give everything.
    pub(super) fn read(
        app: &'a App,
        route: &str,
        known: &'static [&'static str],
        query: Option<&str>,
    ) -> Result<Self, Problem> {
        let mut read = Self {
            app,
            question: route.to_owned(),
            values: BTreeMap::new(),
            limit: USUAL,
            cursor: None,
        };
        let (mut limit, mut cursor) = (None, None);
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let before = match (&*name, known.iter().find(|known| **known == name)) {
                ("limit", Some(_)) => limit.replace(value.into_owned()),
                ("cursor", Some(_)) => cursor.replace(value.into_owned()),
                (_, Some(known)) if value.chars().count() <= LONGEST => read.values.insert(known, value.into_owned()),
                (_, Some(known)) => return Err(read.unfit(known, &format!("at most {LONGEST} characters"))),
                (_, None) => {
                    let names = if known.is_empty() {
                        "nothing".to_owned()
                    } else {
                        known.join(", ")
                    };
                    let problem = read.refused("filter-unknown");
                    return Err(problem.with(format!("this list knows: {names}")));
                }
            };
            if before.is_some() {
                return Err(read.refused("filter").with("each filter may be there once"));
            }
        }
        if let Some(limit) = limit {
            let wanted = limit.parse().ok().filter(|limit| (1..=MOST).contains(limit));
            read.limit = wanted.ok_or_else(|| {
                read.refused("limit")
                    .with(format!("a number from 1 to {MOST} is needed"))
            })?;
        }
        for (name, value) in &read.values {
            // Writing to a string can't fail. Lengths keep two questions from looking alike.
            let _ = write!(read.question, " {name} {} {value}", value.len());
        }
        read.cursor = match cursor {
            Some(cursor) => Some(cursor::read(app, &read.question, &cursor).map_err(|bad| read.bad_cursor(bad))?),
            None => None,
        };
        Ok(read)
    }

    /// A filter's value, if it is there; `needed` says what it must be.
    fn value<T>(
        &self,
        name: &str,
        needed: &str,
        understand: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.values.get(name) else {
            return Ok(None);
        };
        understand(text).map(Some).ok_or_else(|| self.unfit(name, needed))
    }

    /// Any text that isn't empty.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        let fits = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        self.value(name, "must not be empty", |text| fits(text).then(|| text.to_owned()))
    }

    /// One of these words.
    pub(super) fn word(&self, name: &str, words: &[&'static str]) -> Result<Option<String>, Problem> {
        self.value(name, &format!("one of {}", words.join(", ")), |text| {
            words.contains(&text).then(|| text.to_owned())
        })
    }

    /// A call's state.
    pub(super) fn status(&self) -> Result<Option<String>, Problem> {
        self.word("status", &CallStatus::ALL.map(CallStatus::as_str))
    }

    /// A number in E.164. Its plus is a space where nobody has written it as %2B.
    pub(super) fn number(&self, name: &str) -> Result<Option<String>, Problem> {
        self.value(name, "a number like +525512345678 (%2B525512345678)", |text| {
            let number = format!("+{}", text.strip_prefix(['+', ' '])?);
            is_number(&number).then_some(number)
        })
    }

    /// A call's identifier.
    pub(super) fn call_sid(&self) -> Result<Option<String>, Problem> {
        self.value("call_sid", "CA and 32 hexadecimal digits", |text| {
            CallSid::new(text).ok().map(|sid| sid.as_str().to_owned())
        })
    }

    /// A moment, with its offset. Of an offset's plus the same holds as of a number's.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.value(name, "a time with its offset like 2026-11-20T16:00:00Z", |text| {
            let time: Timestamp = text.replace(' ', "+").parse().ok()?;
            TIMES.contains(&time.as_second()).then_some(time)
        })
    }

    /// Yes or no.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.value(name, "true or false", |text| text.parse().ok())
    }

    /// The place that the page comes behind.
    pub(super) fn place(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The row that the page comes behind, of lists that are ordered by time and id.
    pub(super) fn behind(&self) -> Result<Option<Behind>, Problem> {
        let Some(place) = self.place() else {
            return Ok(None);
        };
        let behind = place.split_once(' ').and_then(|(at, id)| {
            let (at, id) = (at.parse().ok()?, id.to_owned());
            Some(Behind { at, id })
        });
        behind.map(Some).ok_or_else(|| self.bad_cursor(Bad::MadeUp))
    }

    /// How many rows have to be read to know whether more follow.
    pub(super) fn with_next(&self) -> u32 {
        self.limit + 1
    }

    /// The page of these rows; `place` is a row's time and id.
    pub(super) fn page<T>(&self, mut rows: Vec<T>, place: impl Fn(&T) -> (&str, &str)) -> Page<T> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more).map(place);
        let next = last.map(|(at, id)| self.next(&format!("{at} {id}")));
        Page { items: rows, next }
    }

    /// The same where somebody else knows what comes next.
    pub(super) fn page_until<T>(&self, items: Vec<T>, place: Option<&str>) -> Page<T> {
        let next = place.map(|place| self.next(place));
        Page { items, next }
    }

    fn next(&self, place: &str) -> String {
        cursor::write(self.app, &self.question, place)
    }

    fn refused(&self, word: &'static str) -> Problem {
        self.app.metrics.refused(Refusal::ApiQuery);
        Problem::new(StatusCode::BAD_REQUEST, word)
    }

    fn unfit(&self, name: &str, needed: &str) -> Problem {
        self.refused("filter").with(format!("«{name}»: {needed}"))
    }

    fn bad_cursor(&self, bad: Bad) -> Problem {
        self.app.metrics.refused(Refusal::ApiCursor);
        let (word, detail) = match bad {
            Bad::MadeUp => ("cursor", "a cursor is what `next` said, unchanged"),
            Bad::Foreign => (
                "cursor-foreign",
                "a cursor goes with the filters of the page that gave it",
            ),
        };
        Problem::new(StatusCode::BAD_REQUEST, word).with(detail)
    }
}
