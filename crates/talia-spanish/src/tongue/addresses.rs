//! The part of a text that voices of others read badly, written as it is spoken: e-mails, web addresses, telephones.

use super::chunks::chunks;
use super::letters::composed;
use super::{internet, telephone};
use crate::Language;

/// Writes e-mails, web addresses and telephone numbers as words, and leaves everything else as it is written.
///
/// For voices that read dates, sums and abbreviations by themselves: they know them as well as we do, but spell
/// "ana.ruiz@gmail.com" and rush through ten digits. Blanks become single; a line's end stays.
pub fn with_spoken_addresses(text: &str, language: Language) -> String {
    let text = composed(text);
    let all = chunks(&text);
    let mut spoken = String::with_capacity(text.len() + text.len() / 2);
    let mut at = 0;
    while at < all.len() {
        let rest = &all[at..];
        let reading = internet::address(rest, language).or_else(|| telephone::telephone(rest, language));
        let first = &rest[0];
        spoken.push_str(first.lead);
        let (words, used) = reading
            .as_ref()
            .map_or((first.core, 1), |reading| (reading.words.as_str(), reading.used));
        spoken.push_str(words);
        let last = &rest[used - 1];
        spoken.push_str(last.tail);
        at += used;
        if at < all.len() {
            spoken.push(if last.ends_line { '\n' } else { ' ' });
        }
    }
    spoken
}
