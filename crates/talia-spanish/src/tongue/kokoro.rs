//! The symbols that the Kokoro voice knows.

/// Every character of Kokoro-82M's vocabulary (`vocab.json` of the model), the blank included.
///
/// The two combining marks stand escaped, since no editor shows them alone.
pub const ALPHABET: &str = concat!(
    ";:,.!?—…\"()“” \u{303}ʣʥʦʨᵝ\u{ab67}AIOQSTWYᵊ",
    "abcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ"
);

/// Whether the voice has a token for this character.
pub(super) fn knows(symbol: char) -> bool {
    ALPHABET.contains(symbol)
}
