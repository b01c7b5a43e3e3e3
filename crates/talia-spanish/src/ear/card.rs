//! Finds the numbers of payment cards in what was said or written, in any grouping, in words and figures, and also where
//! they are dictated in pieces: so that nobody has to keep them.
//!
//! A number counts by what it is, not by what is said about it: 13 to 19 digits, the beginning of an issuer that is known,
//! and Luhn's check digit. So telephones, prices, dates, CLABEs and RFCs stay.

use super::phone::{self, BETWEEN, Country, Run};
use super::token::{Token, begins_any, placed};
use crate::Language;
use std::collections::VecDeque;
use std::ops::Range;

/// Words of a text that belong to a payment card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardWords {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// What they are.
    pub part: CardPart,
}

/// What is known of a card by its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardPart {
    /// Its number, or a piece of it, with what was said in one breath behind it (month and year, security code).
    Number {
        /// The number's last four digits.
        last_four: String,
    },
    /// Its security code.
    SecurityCode,
}

/// What one more line brings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// In the line itself, in order; they don't overlap.
    pub words: Vec<CardWords>,
    /// The pieces of a number that came to its end in this line and began in earlier ones, as the lines had them; of three
    /// digits and more, as fewer could be anything.
    pub pieces: Vec<String>,
}

/// The payment cards in a text, in order. Total on any text, and all of it is read.
pub fn find(text: &str) -> Vec<CardWords> {
    Dictation::default().line(text).words
}

/// Whether these digits are a payment card's number: by length, issuer and check digit.
pub fn is_number(digits: &str) -> bool {
    issued(digits) && luhn(digits) && !is_clabe(digits)
}

/// A number has at most so many digits.
const LONGEST: usize = 19;
/// Between two pieces of one number stand at most so many words that say nothing of it ("ajá, sigue").
const APART: usize = 6;
/// A number has at most so many pieces; what is further back is forgotten.
const PIECES: usize = LONGEST;
/// Behind a number, without a word between, stand at most its year with its month, and its security code.
const TRAILING: usize = 10;

/// What one speaker has said of numbers lately: a number may be dictated over several lines.
#[derive(Debug, Clone, Default)]
pub struct Dictation {
    spanish: Track,
    english: Track,
}

impl Dictation {
    /// Takes one more line of the speaker's.
    pub fn line(&mut self, text: &str) -> Heard {
        let (row, places) = placed(text);
        let line = Line {
            text,
            row: &row,
            places: &places,
        };
        let mut heard = self.spanish.take(&line, Language::Spanish);
        let english = self.english.take(&line, Language::English);
        heard.words.extend(english.words);
        if heard.pieces.is_empty() {
            heard.pieces = english.pieces;
        }
        heard.words = in_order(heard.words);
        heard
    }
}

/// A line of text, cut.
struct Line<'a> {
    text: &'a str,
    row: &'a [Token],
    places: &'a [Range<usize>],
}

impl Line<'_> {
    /// The bytes of these tokens.
    fn bytes(&self, tokens: &Range<usize>) -> Range<usize> {
        self.places[tokens.start].start..self.places[tokens.end - 1].end
    }

    /// Words among these tokens that don't just stand between the groups of a number.
    fn words(&self, tokens: Range<usize>) -> usize {
        let mut count = 0;
        let mut at = tokens.start;
        while at < tokens.end {
            let filler = begins_any(&self.row[at..tokens.end], BETWEEN);
            count += usize::from(filler.is_none() && self.row[at].is_word());
            at += filler.unwrap_or(1);
        }
        count
    }
}

/// Numbers that were said one after the other, as one language reads them.
#[derive(Debug, Clone, Default)]
struct Track {
    pieces: VecDeque<Piece>,
    /// Words since the last of them.
    words: usize,
}

/// One row of digits that was said in one breath.
#[derive(Debug, Clone)]
struct Piece {
    run: Run,
    /// As it was written.
    text: String,
}

impl Track {
    fn take(&mut self, line: &Line<'_>, language: Language) -> Heard {
        let runs = phone::runs(line.row, language);
        let mut heard = Heard {
            words: security_codes(line, &runs),
            pieces: Vec::new(),
        };
        // The runs of this line that are pieces so far, with their tokens.
        let mut here: Vec<Range<usize>> = Vec::new();
        let mut end = 0;
        let (is_only, words) = (runs.len() == 1, self.words);
        for run in runs {
            let Some((first, last)) = run.places.first().zip(run.places.last()) else {
                continue;
            };
            let tokens = first.start..last.end;
            self.words += line.words(end..tokens.start);
            end = tokens.end;
            let whole = cards_within(&run);
            if !whole.is_empty() {
                heard
                    .words
                    .extend(whole.into_iter().map(|(tokens, last_four)| CardWords {
                        range: line.bytes(&tokens),
                        part: CardPart::Number { last_four },
                    }));
                self.pieces.clear();
                here.clear();
                self.words = 0;
                continue;
            }
            if run.digits().len() == 1 && !(is_only && self.words + line.words(end..line.row.len()) == words) {
                // It is said of something ("dos segundos").
                self.words += 1;
                continue;
            }
            if self.words > APART || !is_piece(&run) {
                self.pieces.clear();
                here.clear();
            }
            self.words = 0;
            if !is_piece(&run) {
                continue;
            }
            if self.pieces.len() == PIECES {
                self.pieces.pop_front();
            }
            let text = line.text[line.bytes(&tokens)].to_owned();
            self.pieces.push_back(Piece { run, text });
            here.push(tokens);
            let Some((count, last_four)) = self.completed() else {
                continue;
            };
            // They stay pieces: a number of 19 digits may have begun with one of 16.
            let of_this_line = &here[here.len().saturating_sub(count)..];
            if of_this_line.len() < count {
                let pieces = self.pieces.iter().skip(self.pieces.len() - count);
                let told = pieces.filter(|piece| piece.run.digits().len() > 2);
                heard.pieces.extend(told.map(|piece| piece.text.clone()));
            }
            heard.words.extend(of_this_line.iter().map(|tokens| CardWords {
                range: line.bytes(tokens),
                part: CardPart::Number {
                    last_four: last_four.clone(),
                },
            }));
        }
        self.words += line.words(end..line.row.len());
        if self.words > APART {
            self.pieces.clear();
        }
        heard
    }

    /// How many of the newest pieces are a card's number together, as many as can be, and its last four digits.
    fn completed(&self) -> Option<(usize, String)> {
        let newest = self.pieces.back()?;
        let ways = [newest.run.clone(), newest.run.joined()];
        let mut digits = ways.clone().map(|run| run.digits());
        let mut longest = None;
        for (before, piece) in self.pieces.iter().rev().enumerate().skip(1) {
            for (digits, earlier) in digits.iter_mut().zip([piece.run.digits(), piece.run.joined().digits()]) {
                digits.insert_str(0, &earlier);
            }
            if digits[0].len() > LONGEST + TRAILING {
                break;
            }
            // It ends within the newest piece, at the end of one of its groups.
            let ends = |(digits, newest): (&String, &Run)| {
                let mut end = digits.len() - newest.digits().len();
                newest.groups.iter().find_map(|group| {
                    end += group.len();
                    let (number, behind) = digits.split_at(end);
                    (is_number(number) && trails(number, behind)).then(|| last_four(number))
                })
            };
            if let Some(last_four) = digits.iter().zip(&ways).find_map(ends) {
                longest = Some((before + 1, last_four));
            }
        }
        longest
    }
}

/// What is a telephone by itself is one.
fn is_piece(run: &Run) -> bool {
    let digits = run.digits();
    let is_phone =
        |country: Country| digits.len() == country.national_length() && phone::from_digits(&digits, country).is_some();
    let countries = [
        Country::Mexico,
        Country::Spain,
        Country::Argentina,
        Country::UnitedStates,
    ];
    digits.len() < LONGEST && !run.plus && !countries.into_iter().any(is_phone)
}

/// The cards that one row of digits holds: their tokens, with what trails behind them, and their last four digits.
fn cards_within(run: &Run) -> Vec<(Range<usize>, String)> {
    let plain = windows(run);
    if !plain.is_empty() {
        return plain;
    }
    let joined = run.joined();
    if joined.groups.len() == run.groups.len() {
        return plain;
    }
    windows(&joined)
}

fn windows(run: &Run) -> Vec<(Range<usize>, String)> {
    let groups = &run.groups;
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    let mut from = 0;
    while from < groups.len() {
        let next = (from..groups.len()).find_map(|start| {
            let numbers = numbers_from(groups, start).filter_map(|(end, number)| {
                let behind = &groups[end..];
                let is_alone = leads(&beginning(&groups[from..start]), &number)
                    && (trails(&number, &beginning(behind)) || follows(&number, behind));
                // What has a plus is a telephone, which has no more than 15 digits.
                let is_phone = run.plus && start == 0 && number.len() <= 15;
                let counts = !is_phone && (is_alone || is_written_as_one(&groups[start..end]));
                let is_usual = (14..=16).contains(&number.len());
                counts.then_some((is_alone, is_usual, end, number))
            });
            let (.., end, number) = numbers.max()?;
            let before = beginning(&groups[from..start]);
            let again = !before.is_empty() && number.starts_with(&before);
            Some((if again { from } else { start }, end, number))
        });
        let Some((start, end, number)) = next else { break };
        // What trails is the card's too.
        let last = if trails(&number, &beginning(&groups[end..])) {
            groups.len()
        } else {
            end
        };
        let tokens = run.places[start].start..run.places[last - 1].end;
        found.push((tokens, last_four(&number)));
        from = last;
    }
    found
}

/// The numbers of cards that begin with this group: the group behind each, and its digits.
fn numbers_from(groups: &[String], start: usize) -> impl Iterator<Item = (usize, String)> {
    let mut number = String::new();
    let growing = groups[start..].iter().enumerate().map(move |(count, group)| {
        if number.len() <= LONGEST {
            number.push_str(group);
        }
        (start + count + 1, number.clone())
    });
    growing
        .take_while(|(_, number)| number.len() <= LONGEST)
        .filter(|(_, number)| is_number(number))
}

/// The digits of groups, or as many of them as are more than belong to any number.
fn beginning(groups: &[String]) -> String {
    let mut digits = String::new();
    for group in groups {
        digits.push_str(group);
        if digits.len() > LONGEST + TRAILING {
            break;
        }
    }
    digits
}

/// Groups as they stand on a card, or no groups at all: then it doesn't matter which other numbers are around them.
fn is_written_as_one(groups: &[String]) -> bool {
    let lengths: Vec<usize> = groups.iter().map(String::len).collect();
    groups.len() == 1 || matches!(lengths[..], [4, 4, 4, 4] | [4, 6, 4 | 5] | [4, 4, 4, 4, 3])
}

/// What may stand before a number without a word between: a count, or its own beginning, when somebody began anew.
fn leads(before: &str, number: &str) -> bool {
    before.len() <= 2 || number.starts_with(before)
}

/// What may stand behind a number without a word between: month and year, security code, or nothing.
fn trails(number: &str, behind: &str) -> bool {
    let code = if number.len() == 15 { 4 } else { 3 };
    let is_month = |month: &str| matches!(month.as_bytes(), [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2']);
    let is_year = |year: &str| ("24".."60").contains(&year);
    let is_end = |text: &str| text.is_empty() || text.len() == code;
    let after = |date: usize| {
        let (date, rest) = (behind.get(..date)?, behind.get(date..)?);
        let year = date[2..].strip_prefix("20").filter(|_| date.len() == 6);
        (is_month(&date[..2]) && is_year(year.unwrap_or(&date[2..])) && is_end(rest)).then_some(())
    };
    is_end(behind) || after(4).is_some() || after(6).is_some()
}

/// What else may follow it: the same number once more, or as far as somebody came with it, or the next card.
fn follows(number: &str, behind: &[String]) -> bool {
    number.starts_with(&beginning(behind)) || numbers_from(behind, 0).next().is_some()
}

fn last_four(number: &str) -> String {
    number[number.len() - 4..].to_owned()
}

/// Whether an issuer that is known gives out numbers of this beginning and length.
fn issued(digits: &str) -> bool {
    let length = digits.len();
    if !(13..=LONGEST).contains(&length) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return false;
    }
    let begins = |figures: usize| digits[..figures].parse::<u32>().unwrap_or(0);
    match (begins(1), begins(2), begins(3), begins(4)) {
        // Visa.
        (4, ..) => matches!(length, 13 | 16 | 19),
        // Mastercard; Mexico's Carnet.
        (_, 51..=55, ..) | (.., 2221..=2720 | 2869) => length == 16,
        // American Express.
        (_, 34 | 37, ..) => length == 15,
        // Diners Club.
        (_, 36 | 38 | 39, ..) | (_, _, 300..=305 | 309, _) => matches!(length, 14 | 16),
        // JCB; UnionPay's newer ones.
        (.., 3528..=3589) | (_, 81, ..) => length >= 16,
        // Maestro, where it is shorter than others.
        (.., 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763) => true,
        // Maestro, Discover, UnionPay, and with them Carnet, Cabal, Naranja, Elo, Hipercard.
        (_, 50 | 56..=69, ..) => length >= 16,
        _ => false,
    }
}

/// The check digit of cards (ISO/IEC 7812-1).
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, twice) if twice > 9 => twice - 9,
                (_, twice) => twice,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Mexican institutions whose account numbers (CLABE) begin as cards of 18 digits do.
const INSTITUTIONS: [&str; 12] = [
    "638", "646", "659", "661", "670", "677", "680", "683", "684", "685", "686", "689",
];

/// Account numbers have 18 digits and a check digit of their own.
fn is_clabe(digits: &str) -> bool {
    if digits.len() != 18 || !INSTITUTIONS.contains(&&digits[..3]) {
        return false;
    }
    let digits = digits.bytes().map(|digit| u32::from(digit - b'0'));
    let (mut sum, mut check) = (0, 0);
    for (place, digit) in digits.enumerate() {
        if place == 17 {
            check = digit;
        } else {
            sum += digit * [3, 7, 1][place % 3] % 10;
        }
    }
    (10 - sum % 10) % 10 == check
}

/// What is said before a security code.
#[rustfmt::skip]
const SECURITY_CODE: &[&str] = &[
    "cvv", "cvc", "ccv", "csc", "c v v", "c v c", "ce ve ve", "ce uve uve", "ce ve ce", "codigo de seguridad",
    "clave de seguridad", "codigo de verificacion", "numero de seguridad", "digitos de seguridad", "numeros de seguridad",
    "security code", "verification code", "card code",
];
/// So many tokens after those words the code has begun ("de la tarjeta, que son tres dígitos, es el").
const NEAR: usize = 9;

/// The three or four digits that are said right after the words for a security code.
fn security_codes(line: &Line<'_>, runs: &[Run]) -> Vec<CardWords> {
    let ends = (0..line.row.len()).filter_map(|at| Some(at + begins_any(&line.row[at..], SECURITY_CODE)?));
    let code = |end: usize| {
        let near = runs.iter().filter(|run| {
            let start = run.places.first().map_or(0, |tokens| tokens.start);
            (end..end + NEAR).contains(&start)
        });
        let near = near
            .into_iter()
            .flat_map(|run| [run.places.as_slice(), &run.places[..1]].map(|places| (run, places)));
        let found = near.into_iter().find(|(run, places)| {
            let digits: usize = run.groups[..places.len()].iter().map(String::len).sum();
            (3..=4).contains(&digits)
        });
        let (_, places) = found?;
        Some(CardWords {
            range: line.bytes(&(places.first()?.start..places.last()?.end)),
            part: CardPart::SecurityCode,
        })
    };
    ends.filter_map(code).collect()
}

/// In their order, each byte in one of them; where a number and a code meet, they are a number.
fn in_order(mut words: Vec<CardWords>) -> Vec<CardWords> {
    words.sort_by_key(|words| words.range.start);
    let mut ordered: Vec<CardWords> = Vec::new();
    for next in words {
        match ordered.last_mut() {
            Some(last) if next.range.start < last.range.end => {
                last.range.end = last.range.end.max(next.range.end);
                if last.part == CardPart::SecurityCode {
                    last.part = next.part;
                }
            }
            _ => ordered.push(next),
        }
    }
    ordered
}
