//! English words to phonemes: a small dictionary and rough spelling rules, enough for a few fixed phrases.
//!
//! Diphthongs are written as the Kokoro voice learnt them: A (day), I (my), O (go), W (now), Y (boy).

/// Words of telephone talk whose spelling misleads, `word phonemes` a line.
const DICTIONARY: &str = "\
a ə|about əbˈWt|address ˈædɹɛs|again əɡˈɛn|agent ˈAʤənt|all ˈɔl|am æm|an ən|and ænd|any ˈɛni|are ɑɹ|artificial ˌɑɹɾəfˈɪʃəl\
|as æz|assistant əsˈɪstənt|at æt|be bi|best bˈɛst|business bˈɪznəs|but bʌt|by bI|bye bˈI|call kˈɔl|can kæn|company kˈʌmpəni\
|could kʊd|dash dˈæʃ|do du|dot dˈɑt|eight ˈAt|eighteen ˌAtˈin|eighty ˈAɾi|eleven əlˈɛvən|email ˈimAl|fifteen fˌɪftˈin\
|fifty fˈɪfti|five fˈIv|for fɔɹ|four fˈɔɹ|from fɹʌm|give ɡˈɪv|good ɡˈʊd|goodbye ɡˌʊdbˈI|have hæv|hello həlˈO|help hˈɛlp\
|here hˈɪɹ|how hˌW|hundred hˈʌndɹəd|i ˌI|information ˌɪnfəɹmˈAʃən|intelligence ɪntˈɛləʤəns|is ɪz|it ɪt|know nˈO\
|mail mˈAl|may mˈA|me mi|mister mˈɪstəɹ|moment mˈOmənt|more mˈɔɹ|my mI|name nˈAm|nine nˈIn|no nˈO|not nˈɑt|number nˈʌmbəɹ\
|of ʌv|oh ˈO|on ɔn|one wˈʌn|or ɔɹ|our ˌWɹ|please plˈiz|point pˈYnt|repeat ɹəpˈit|right ɹˈIt|say sˈA|send sˈɛnd|seven sˈɛvən\
|should ʃʊd|six sˈɪks|sorry sˈɑɹi|speak spˈik|talia tɑlˈiə|ten tˈɛn|thank θˈæŋk|thanks θˈæŋks|that ðæt|the ðə|there ðɛɹ\
|they ðA|thirteen θˌɜɹtˈin|thirty θˈɜɹɾi|this ðɪs|thousand θˈWzənd|three θɹˈi|to tə|today tədˈA|twelve twˈɛlv\
|twenty twˈɛnti|two tˈu|underscore ˈʌndəɹskˌɔɹ|was wʌz|we wi|welcome wˈɛlkəm|what wˌʌt|when wˌɛn|where wˌɛɹ|who hˌu\
|will wɪl|with wɪð|would wʊd|wrong ɹˈɔŋ|yes jˈɛs|you ju|your jʊɹ|zero zˈɪɹO|million mˈɪljən|billion bˈɪljən|dollars dˈɑləɹz\
|percent pəɹsˈɛnt|phone fˈOn|person pˈɜɹsən|minute mˈɪnət|great ɡɹˈAt|message mˈɛsɪʤ|english ˈɪŋɡlɪʃ|spanish spˈænɪʃ\
|recorded ɹəkˈɔɹdᵻd|calling kˈɔlɪŋ|virtual vˈɜɹʧəwəl|tomorrow təmˈɑɹO|appointment əpˈYntmənt|confirm kənfˈɜɹm";

/// Letters by name.
const LETTERS: [&str; 26] = [
    "ˈA",
    "bˈi",
    "sˈi",
    "dˈi",
    "ˈi",
    "ˈɛf",
    "ʤˈi",
    "ˈAʧ",
    "ˈI",
    "ʤˈA",
    "kˈA",
    "ˈɛl",
    "ˈɛm",
    "ˈɛn",
    "ˈO",
    "pˈi",
    "kjˈu",
    "ˈɑɹ",
    "ˈɛs",
    "tˈi",
    "jˈu",
    "vˈi",
    "dˈʌbᵊlju",
    "ˈɛks",
    "wˈI",
    "zˈi",
];

/// Spelling and sound, longest first. The sound of a stressed vowel.
const RULES: &[(&str, &str)] = &[
    ("tion", "ʃən"),
    ("sion", "ʒən"),
    ("ture", "ʧəɹ"),
    ("ough", "O"),
    ("igh", "I"),
    ("tch", "ʧ"),
    ("dge", "ʤ"),
    ("ing", "ɪŋ"),
    ("ee", "i"),
    ("ea", "i"),
    ("oo", "u"),
    ("ou", "W"),
    ("ow", "O"),
    ("ai", "A"),
    ("ay", "A"),
    ("ey", "i"),
    ("oa", "O"),
    ("oi", "Y"),
    ("oy", "Y"),
    ("au", "ɔ"),
    ("aw", "ɔ"),
    ("ew", "ju"),
    ("ar", "ɑɹ"),
    ("er", "əɹ"),
    ("ir", "ɜɹ"),
    ("or", "ɔɹ"),
    ("ur", "ɜɹ"),
    ("ch", "ʧ"),
    ("sh", "ʃ"),
    ("th", "θ"),
    ("ph", "f"),
    ("wh", "w"),
    ("wr", "ɹ"),
    ("kn", "n"),
    ("ck", "k"),
    ("ng", "ŋ"),
    ("nk", "ŋk"),
    ("qu", "kw"),
    ("ce", "s"),
    ("ci", "sɪ"),
    ("ge", "ʤ"),
    ("a", "æ"),
    ("b", "b"),
    ("c", "k"),
    ("d", "d"),
    ("e", "ɛ"),
    ("f", "f"),
    ("g", "ɡ"),
    ("h", "h"),
    ("i", "ɪ"),
    ("j", "ʤ"),
    ("k", "k"),
    ("l", "l"),
    ("m", "m"),
    ("n", "n"),
    ("o", "ɑ"),
    ("p", "p"),
    ("q", "k"),
    ("r", "ɹ"),
    ("s", "s"),
    ("t", "t"),
    ("u", "ʌ"),
    ("v", "v"),
    ("w", "w"),
    ("x", "ks"),
    ("y", "i"),
    ("z", "z"),
];

pub(super) fn phrase(words: &[String]) -> String {
    words
        .iter()
        .map(|word| say(word))
        .filter(|said| !said.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn say(word: &str) -> String {
    if let Some(sound) = look_up(word) {
        return sound.to_owned();
    }
    let mut letters = word.bytes();
    if let (Some(letter @ b'a'..=b'z'), None) = (letters.next(), letters.next()) {
        return LETTERS[usize::from(letter - b'a')].to_owned();
    }
    // Plurals and possessives of known words.
    if let Some(sound) = word
        .strip_suffix("'s")
        .or_else(|| word.strip_suffix('s'))
        .and_then(look_up)
    {
        let voiceless = sound.ends_with(['p', 't', 'k', 'f', 'θ']);
        return format!("{sound}{}", if voiceless { 's' } else { 'z' });
    }
    by_rule(word)
}

fn look_up(word: &str) -> Option<&'static str> {
    DICTIONARY
        .split('|')
        .filter_map(|entry| entry.split_once(' '))
        .find(|(key, _)| *key == word)
        .map(|(_, sound)| sound)
}

fn by_rule(word: &str) -> String {
    let long = long_vowel(word);
    let body = if long.is_some() { &word[..word.len() - 1] } else { word };
    let mut said = String::new();
    let mut stressed = false;
    let mut at = 0;
    while at < body.len() {
        let rest = &body[at..];
        let Some((spelling, sound)) = RULES.iter().find(|(spelling, _)| rest.starts_with(spelling)) else {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let sound = match long {
            Some(vowel) if at + 2 == body.len() && spelling.len() == 1 => vowel,
            _ => sound,
        };
        let opens = sound.starts_with(|c: char| "æɛɪɑʌAIOWYiuɔɜə".contains(c));
        if opens && !stressed {
            said.push('ˈ');
            stressed = true;
        }
        // A doubled consonant sounds once.
        if opens || !said.ends_with(sound) {
            said.push_str(sound);
        }
        at += spelling.len();
    }
    said
}

/// Vowel, consonant, mute e: the vowel has its own name's sound ("late", "time").
fn long_vowel(word: &str) -> Option<&'static str> {
    let [.., vowel, consonant, b'e'] = word.as_bytes() else {
        return None;
    };
    if word.len() < 4 || b"aeiouyw".contains(consonant) || !consonant.is_ascii_lowercase() {
        return None;
    }
    Some(match vowel {
        b'a' => "A",
        b'e' => "i",
        b'i' => "I",
        b'o' => "O",
        b'u' => "u",
        _ => return None,
    })
}
