//! CSV as RFC 4180 has it, for spreadsheets too: what callers dictate is never taken for a formula.

use std::io::{self, Write};

/// What begins a formula in a spreadsheet, at full width too.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// What a spreadsheet may part cells by, whatever this file does: where it is opened with another separator, the rest of a
/// cell is a cell.
const PARTS: [char; 5] = [',', ';', '\t', '\r', '\n'];

/// A cell.
pub(super) enum Cell<'a> {
    /// Anything that somebody said: defused, and nothing where there is nothing.
    Text(Option<&'a str>),
    /// A number in E.164, `+` and digits, which stays as it is; anything else in its place is a text.
    Phone(Option<&'a str>),
    /// Our own: ids, times.
    Plain(&'a str),
    Flag(bool),
}

/// Writes a line, with CRLF.
pub(super) fn line(out: &mut impl Write, cells: &[Cell<'_>]) -> io::Result<()> {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        match cell {
            Cell::Phone(Some(phone)) if is_e164(phone) => out.write_all(phone.as_bytes())?,
            Cell::Text(text) | Cell::Phone(text) => quoted(out, &defused(text.unwrap_or_default()))?,
            Cell::Plain(text) => quoted(out, text)?,
            Cell::Flag(flag) => out.write_all(flag.to_string().as_bytes())?,
        }
    }
    out.write_all(b"\r\n")
}

fn is_e164(text: &str) -> bool {
    text.strip_prefix('+')
        .is_some_and(|digits| (1..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Puts an apostrophe, as spreadsheets do themselves, before what would begin a formula, and before a tab or a line's end
/// that begins the text.
fn defused(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    if text.starts_with(PARTS) {
        out.push('\'');
    }
    let mut begins = true;
    for letter in text.chars() {
        if begins && FORMULA.contains(&letter) {
            out.push('\'');
        }
        begins = PARTS.contains(&letter) || (begins && is_skipped(letter));
        out.push(letter);
    }
    out
}

/// What a reader may leave out before a cell's text.
fn is_skipped(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || matches!(letter, '"' | '\u{200b}'..='\u{200f}' | '\u{feff}')
}

fn quoted(out: &mut impl Write, text: &str) -> io::Result<()> {
    let needs = |letter: char| letter == '"' || PARTS.contains(&letter);
    if !text.contains(needs) {
        return out.write_all(text.as_bytes());
    }
    write!(out, "\"{}\"", text.replace('"', "\"\""))
}
