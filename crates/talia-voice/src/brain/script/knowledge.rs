//! Answers to frequent questions, found by meaning: BM25 over stemmed words of the ways to ask.

use super::{assistant::Faq, phrase::Phrase, subject};
use bm25::{DefaultTokenizer, Language as Stemmer, SearchEngine, SearchEngineBuilder, Tokenizer as _};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use talia_spanish::Language;

/// How much of the best possible score a question must reach to count as asked.
const ENOUGH: f32 = 0.42;
/// A stem of so many letters is the same word in all longer ones: "instalan" is cut shorter than "instalación".
const STEM: usize = 4;

/// A company's answers, indexed.
pub(super) struct Knowledge {
    index: SearchEngine<u32>,
    tokenizer: DefaultTokenizer,
    ways: Vec<Way>,
    /// The words of all ways to ask for each answer.
    words: Vec<HashSet<String>>,
    /// Words that tell nothing: any question may have them, or any question to this company.
    empty: HashSet<String>,
    /// Words that tell nothing alone: they belong to several answers.
    shared: HashSet<String>,
    /// All words of questions and answers, and those for things that any company sells.
    vocabulary: HashSet<String>,
    language: Language,
    answers: Vec<Phrase>,
}

impl fmt::Debug for Knowledge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Knowledge")
            .field("answers", &self.answers.len())
            .finish_non_exhaustive()
    }
}

/// One way to ask.
struct Way {
    /// The answer it belongs to.
    owner: usize,
    words: HashSet<String>,
    /// Its score against itself.
    own_score: f32,
}

impl Knowledge {
    /// The answers of the company with this name.
    pub(super) fn new(faq: &[Faq], business: &str, language: Language) -> Self {
        let (stemmer, verbs) = match language {
            Language::English => (Stemmer::English, ENGLISH_VERBS),
            Language::Spanish => (Stemmer::Spanish, SPANISH_VERBS),
        };
        let texts: Vec<&str> = faq
            .iter()
            .flat_map(|faq| faq.questions.iter().map(String::as_str))
            .collect();
        let index = SearchEngineBuilder::<u32>::with_corpus(stemmer.clone(), texts.iter().copied()).build();
        let tokenizer = DefaultTokenizer::new(stemmer);
        let owners = faq
            .iter()
            .enumerate()
            .flat_map(|(owner, faq)| faq.questions.iter().map(move |_| owner));
        let ways = owners
            .zip(&texts)
            .enumerate()
            .map(|(way, (owner, text))| Way {
                owner,
                words: words_of(&tokenizer, text),
                own_score: score_of(&index, text, way as u32),
            })
            .collect();
        let words = faq
            .iter()
            .map(|faq| words_of(&tokenizer, &faq.questions.join(" ")))
            .collect();
        let mut empty = words_of(&tokenizer, business);
        empty.extend(words_of(&tokenizer, verbs));
        let answers = faq.iter().map(|faq| faq.answer.text(false));
        let vocabulary = texts
            .iter()
            .copied()
            .chain(answers)
            .chain([business, verbs, subject::ANYTHING])
            .flat_map(|text| words_of(&tokenizer, text))
            .collect();
        Self {
            vocabulary,
            language,
            index,
            ways,
            words,
            empty,
            shared: shared_words(&tokenizer, faq),
            tokenizer,
            answers: faq.iter().map(|faq| faq.answer.clone()).collect(),
        }
    }

    /// The answer to a question, when one is near enough.
    pub(super) fn answer(&self, text: &str) -> Option<&Phrase> {
        if self.asks_for_another_thing(text) {
            return None;
        }
        let asked = words_of(&self.tokenizer, text);
        let best = self
            .index
            .search(text, usize::MAX)
            .into_iter()
            .filter_map(|found| {
                let way = self.ways.get(found.document.id as usize)?;
                // A short way to ask is reached easily by one shared word; a long one needs more of its own words.
                let share = (way.own_score > 0.0).then_some(found.score / way.own_score)?;
                (share >= ENOUGH && self.is_about(&asked, way)).then_some((way.owner, share))
            })
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        self.answers.get(best.0)
    }

    /// Whether a question asks for the price of a thing, or whether it is sold, that no question or answer mentions: what is
    /// said of the company's own things would be a wrong answer.
    fn asks_for_another_thing(&self, text: &str) -> bool {
        subject::named(text, self.language)
            .iter()
            .find(|word| !(subject::is_infinitive(word, self.language) && self.knows(word)))
            .is_some_and(|thing| !self.knows(thing))
    }

    fn knows(&self, word: &str) -> bool {
        self.tokenizer.tokenize(word).iter().all(|stem| {
            self.vocabulary.contains(stem)
                || self.vocabulary.iter().any(|known| {
                    let (shorter, longer) = if known.len() < stem.len() {
                        (known, stem)
                    } else {
                        (stem, known)
                    };
                    shorter.len() >= STEM && longer.starts_with(shorter.as_str())
                })
        })
    }

    /// Whether a question has two words of the answer's ways to ask, or one that belongs to this answer alone; or is
    /// the very question.
    fn is_about(&self, asked: &HashSet<String>, way: &Way) -> bool {
        let tells = |word: &&String| !self.empty.contains(*word);
        *asked == way.words
            || self.words[way.owner].intersection(asked).filter(tells).count() >= 2
            || way
                .words
                .intersection(asked)
                .filter(tells)
                .any(|word| !self.shared.contains(word))
    }
}

/// Verbs of every question, and words that ask, which the library's list of stop words leaves in.
const SPANISH_VERBS: &str = "cuánto cuánta cuántos cuántas cuándo cómo cada tan tanto hace hacen haces hacer puede pueden \
    puedo puedes poder pasa pasan pasar quiere quieren quiero querer da dan das dar pone ponen poner sirve sirven servir \
    necesita necesitan necesito necesitar queda quedan quedaría quedar llama llaman va van ir viene vienen";

const ENGLISH_VERBS: &str = "many would get take takes make makes need needs want wants give gives work works";

fn words_of(tokenizer: &DefaultTokenizer, text: &str) -> HashSet<String> {
    tokenizer.tokenize(text).into_iter().collect()
}

/// The words that more than one answer has, in its ways to ask or in itself.
fn shared_words(tokenizer: &DefaultTokenizer, faq: &[Faq]) -> HashSet<String> {
    let mut owners: BTreeMap<String, HashSet<usize>> = BTreeMap::new();
    for (owner, faq) in faq.iter().enumerate() {
        let answer = std::iter::once(faq.answer.text(false));
        for text in faq.questions.iter().map(String::as_str).chain(answer) {
            for word in tokenizer.tokenize(text) {
                owners.entry(word).or_default().insert(owner);
            }
        }
    }
    let mut shared = HashSet::new();
    let mut words = owners.into_iter().peekable();
    while let Some((stem, mut owners)) = words.next() {
        let mut group = vec![stem.clone()];
        // In alphabetical order a stem is followed by the words that begin with it.
        while let Some((longer, more)) = words.next_if(|(next, _)| stem.len() >= STEM && next.starts_with(&stem)) {
            group.push(longer);
            owners.extend(more);
        }
        if owners.len() > 1 {
            shared.extend(group);
        }
    }
    shared
}

fn score_of(index: &SearchEngine<u32>, text: &str, way: u32) -> f32 {
    index
        .search(text, usize::MAX)
        .into_iter()
        .find(|found| found.document.id == way)
        .map_or(0.0, |found| found.score)
}
