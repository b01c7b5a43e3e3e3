//! Answers to frequent questions, found by meaning: BM25 over stemmed words of the ways to ask and of the answers.

use super::{assistant::Faq, phrase::Phrase};
use bm25::{Language as Stemmer, SearchEngine, SearchEngineBuilder};
use talia_spanish::Language;

/// How much of the best possible score a question must reach to count as asked.
const ENOUGH: f32 = 0.42;

/// A company's answers, indexed.
pub(super) struct Knowledge {
    index: SearchEngine<u32>,
    /// For each way to ask: the answer it belongs to, and its score against itself.
    ways: Vec<(usize, f32)>,
    answers: Vec<Phrase>,
    language: Language,
}

impl Knowledge {
    pub(super) fn new(faq: &[Faq], language: Language) -> Self {
        let stemmer = if language == Language::English {
            Stemmer::English
        } else {
            Stemmer::Spanish
        };
        let texts: Vec<&str> = faq
            .iter()
            .flat_map(|faq| faq.questions.iter().map(String::as_str))
            .collect();
        let index = SearchEngineBuilder::<u32>::with_corpus(stemmer, texts.iter().copied()).build();
        let owners = faq
            .iter()
            .enumerate()
            .flat_map(|(owner, faq)| faq.questions.iter().map(move |_| owner));
        let ways = owners
            .zip(&texts)
            .enumerate()
            .map(|(way, (owner, text))| (owner, score_of(&index, text, way as u32)))
            .collect();
        Self {
            index,
            ways,
            answers: faq.iter().map(|faq| faq.answer.clone()).collect(),
            language,
        }
    }

    /// The answer to a question, when one is near enough.
    pub(super) fn answer(&self, text: &str) -> Option<&Phrase> {
        let best = self
            .index
            .search(text, 3)
            .into_iter()
            .filter_map(|found| {
                let (owner, own_score) = self.ways.get(found.document.id as usize)?;
                // A short way to ask is reached easily by one shared word; a long one needs more of its own words.
                (*own_score > 0.0).then_some((*owner, found.score / own_score))
            })
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        (best.1 >= ENOUGH).then(|| &self.answers[best.0])
    }

    /// Whether a part of the text asks something: recognisers set question marks by tone and often wrongly, so the
    /// words that open a question decide.
    pub(super) fn is_question(&self, text: &str) -> bool {
        let openings = match self.language {
            Language::Spanish => SPANISH_OPENINGS,
            Language::English => ENGLISH_OPENINGS,
        };
        let lower = text.to_lowercase();
        let mut parts = lower.split(['¿', '?', '.', ',', ';', ':', '!', '¡']).map(str::trim);
        parts.any(|part| {
            let part = LEAD_INS
                .iter()
                .fold(part, |part, lead_in| part.strip_prefix(lead_in).unwrap_or(part));
            openings.iter().any(|opening| part.starts_with(opening))
        })
    }
}

/// Words before a question that belong to no part of it.
const LEAD_INS: &[&str] = &[
    "perdón ",
    "oye ",
    "oiga ",
    "disculpa ",
    "disculpe ",
    "pero ",
    "y ",
    "una pregunta ",
    "and ",
    "but ",
];

const SPANISH_OPENINGS: &[&str] = &[
    "qué ",
    "que tan ",
    "de qué ",
    "para qué ",
    "a qué ",
    "en qué ",
    "cuánto",
    "cuanto ",
    "en cuánto",
    "cada cuánto",
    "cuándo",
    "cuando ",
    "cómo ",
    "como es",
    "como se",
    "dónde",
    "donde ",
    "en dónde",
    "a dónde",
    "cuál",
    "por qué",
    "quién",
    "tienen ",
    "tiene ",
    "hay ",
    "dan ",
    "aceptan ",
    "puedo ",
    "puedes ",
    "puede ",
    "se puede ",
    "atienden ",
    "instalan ",
    "sirven ",
    "funcionan ",
    "venden ",
    "ofrecen ",
    "incluye ",
    "si llueve",
    "quisiera saber",
    "quiero saber",
    "me gustaría saber",
    "me puede decir",
    "me puedes decir",
    "me podrías decir",
    "me podría decir",
    "sabes si",
    "sabe si",
    "eres ",
    "es usted ",
    "estoy hablando con ",
    "hablo con una ",
    "hablo con un ",
];

const ENGLISH_OPENINGS: &[&str] = &[
    "what ",
    "how ",
    "when ",
    "where ",
    "do you ",
    "does ",
    "can i ",
    "can you ",
    "is there",
    "are there",
    "which ",
    "why ",
    "are you ",
    "i would like to know",
    "i want to know",
];

fn score_of(index: &SearchEngine<u32>, text: &str, way: u32) -> f32 {
    index
        .search(text, usize::MAX)
        .into_iter()
        .find(|found| found.document.id == way)
        .map_or(0.0, |found| found.score)
}
