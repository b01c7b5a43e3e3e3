//! Folds words so that what sounds alike in Spanish compares alike.

/// Lower case without accents; ñ is kept, since it is a letter of its own.
pub(crate) fn fold(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter_map(fold_char)
        .collect()
}

fn fold_char(c: char) -> Option<char> {
    Some(match c {
        'á' | 'à' | 'ä' | 'â' | 'ã' | 'å' => 'a',
        'é' | 'è' | 'ë' | 'ê' => 'e',
        'í' | 'ì' | 'ï' | 'î' => 'i',
        'ó' | 'ò' | 'ö' | 'ô' | 'õ' => 'o',
        'ú' | 'ù' | 'ü' | 'û' => 'u',
        'ç' => 'c',
        '\u{0300}'..='\u{036f}' => return None,
        other => other,
    })
}

/// A key that is equal for words which a Latin American hears alike: b/v, s/c/z, g/j/x, ll/y, k/c/qu, silent h, double letters.
pub(crate) fn sounds(folded: &str) -> String {
    let chars: Vec<char> = folded.chars().filter(|c| c.is_alphanumeric()).collect();
    let mut key = String::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        let next = chars.get(at + 1).copied();
        let soft = matches!(next, Some('e' | 'i' | 'y'));
        let (sound, used) = match (chars[at], next) {
            ('c' | 's', Some('h')) => ('C', 2),
            ('l', Some('l')) => ('y', 2),
            ('q', Some('u')) => ('k', 2),
            ('g', Some('u')) if matches!(chars.get(at + 2), Some('e' | 'i')) => ('g', 2),
            ('p', Some('h')) => ('f', 2),
            ('c', _) if soft => ('s', 1),
            ('g', _) if soft => ('j', 1),
            ('c' | 'q' | 'k', _) => ('k', 1),
            ('z', _) => ('s', 1),
            ('v', _) => ('b', 1),
            ('x', _) => ('j', 1),
            ('w', _) => ('u', 1),
            ('y', None | Some('b'..='d' | 'f' | 'g' | 'l'..='n' | 'p' | 'r'..='t' | 'v' | 'z')) => ('i', 1),
            ('h', _) => {
                at += 1;
                continue;
            }
            (other, _) => (other, 1),
        };
        if !key.ends_with(sound) {
            key.push(sound);
        }
        at += used;
    }
    key
}

/// How alike two folded words sound, 0 to 1.
pub(crate) fn likeness(a: &str, b: &str) -> f64 {
    let (a, b) = (sounds(a), sounds(b));
    let (shorter, longer) = (a.len().min(b.len()), a.len().max(b.len()));
    // Far apart in length is far apart in sound; it also keeps long texts cheap.
    if shorter == 0 || longer > shorter * 3 + 3 {
        return 0.0;
    }
    strsim::normalized_damerau_levenshtein(&a, &b)
}
