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
        let stemmer = if language == Language::English { Stemmer::English } else { Stemmer::Spanish };
        let texts: Vec<&str> = faq.iter().flat_map(|faq| faq.questions.iter().map(String::as_str)).collect();
        let index = SearchEngineBuilder::<u32>::with_corpus(stemmer, texts.iter().copied()).build();
        let owners = faq.iter().enumerate().flat_map(|(owner, faq)| faq.questions.iter().map(move |_| owner));
        let ways = owners
            .zip(&texts)
            .enumerate()
            .map(|(way, (owner, text))| (owner, score_of(&index, text, way as u32)))
            .collect();
        Self { index, ways, answers: faq.iter().map(|faq| faq.answer.clone()).collect(), language }
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

    /// Whether the text asks something at all.
    pub(super) fn is_question(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        if lower.contains('?') {
            return true;
        }
        let openings: &[&str] = match self.language {
            Language::Spanish => &[
                "qué ", "que tan ", "cuánto", "cuanto", "cuándo", "cuando ", "cómo ", "como es", "como se", "dónde",
                "donde", "cuál", "cual ", "tienen ", "hay ", "dan ", "aceptan ", "puedo ", "se puede", "atienden ",
                "y si ", "quisiera saber", "me puede decir", "me puedes decir", "quiero saber", "por qué",
            ],
            Language::English => &[
                "what ", "how ", "when ", "where ", "do you ", "can i ", "is there", "which ", "why ", "are you ",
            ],
        };
        openings.iter().any(|opening| lower.trim_start_matches(['¿', ' ']).starts_with(opening))
    }
}

fn score_of(index: &SearchEngine<u32>, text: &str, way: u32) -> f32 {
    index.search(text, usize::MAX).into_iter().find(|found| found.document.id == way).map_or(0.0, |found| found.score)
}
