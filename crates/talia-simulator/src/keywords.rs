//! Finds a script's keywords in what a recogniser wrote: case, accents and punctuation don't matter.

/// Where a word or phrase occurs last, counted in words; none when it doesn't.
///
/// A keyword matches from the beginning of a word ("correo" in "correos"), so that inflections need no list.
pub fn last_position(text: &str, keyword: &str) -> Option<usize> {
    let (text, keyword) = (words(text), words(keyword));
    if keyword.is_empty() || keyword.len() > text.len() {
        return None;
    }
    (0..=text.len() - keyword.len())
        .rev()
        .find(|&start| keyword.iter().zip(&text[start..]).all(|(wanted, word)| word.starts_with(wanted.as_str())))
}

fn words(text: &str) -> Vec<String> {
    let plain: String = text.to_lowercase().chars().map(plain).collect();
    plain
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn plain(letter: char) -> char {
    match letter {
        'á' | 'à' => 'a',
        'é' | 'è' => 'e',
        'í' => 'i',
        'ó' | 'ò' => 'o',
        'ú' | 'ü' => 'u',
        other => other,
    }
}
