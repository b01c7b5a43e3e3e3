//! What a company has written down for its assistant: a folder of Markdown. A small one is read out to the model whole, a
//! larger one is parted at its headings and searched (BM25 over stemmed words).

use bm25::{Language as Stemmer, SearchEngine, SearchEngineBuilder};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use talia_spanish::Language;
use thiserror::Error;

/// A folder of so many bytes goes into the prompt whole.
const SMALL: usize = 6 * 1024;
/// Bytes of a folder, and files in it.
const LARGEST: u64 = 20 * 1024 * 1024;
const MOST_FILES: usize = 2_000;
/// Folders in folders.
const DEEPEST: usize = 4;
/// A passage that is longer is parted between its paragraphs, bytes.
const PASSAGE: usize = 1_200;
/// How much of the best passage's score another must have to be shown.
const NEAR: f32 = 0.35;

/// Why a folder can't be read.
#[derive(Debug, Error)]
pub enum KnowledgeError {
    /// The system says no.
    #[error("{path}: {error}")]
    Read { path: PathBuf, error: std::io::Error },
    /// A link leads out of the folder.
    #[error("{0}: leads out of the folder")]
    Outside(PathBuf),
    /// It holds too much.
    #[error("{0}: more than 20 MiB, 2,000 files or 4 folders deep")]
    TooLarge(PathBuf),
    /// It holds nothing.
    #[error("{0}: no Markdown (*.md) in this folder")]
    Empty(PathBuf),
}

/// A part of a text under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The file's headings above it, from the outermost.
    pub heading: String,
    /// What stands there.
    pub text: String,
}

/// What is written down, ready to be searched.
pub struct Library {
    facts: String,
    passages: Vec<Passage>,
    index: SearchEngine<u32>,
}

impl fmt::Debug for Library {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Library")
            .field("passages", &self.passages.len())
            .finish_non_exhaustive()
    }
}

impl Library {
    /// Reads every `*.md` of a folder and of the folders in it. Links are followed only inside it.
    pub fn load(folder: &Path, language: Language) -> Result<Self, KnowledgeError> {
        let root = fs::canonicalize(folder).map_err(|error| read_error(folder, error))?;
        let mut files = Vec::new();
        collect(&root, &root, 0, &mut files)?;
        files.sort();
        let mut size = 0;
        let mut texts = Vec::new();
        for file in files {
            let metadata = fs::metadata(&file).map_err(|error| read_error(&file, error))?;
            size += metadata.len();
            if size > LARGEST {
                return Err(KnowledgeError::TooLarge(root));
            }
            let bytes = fs::read(&file).map_err(|error| read_error(&file, error))?;
            let title = file
                .file_stem()
                .map_or(String::new(), |stem| stem.to_string_lossy().replace(['-', '_'], " "));
            texts.push((title, String::from_utf8_lossy(&bytes).into_owned()));
        }
        if texts.is_empty() {
            return Err(KnowledgeError::Empty(root));
        }
        Ok(Self::of(&texts, language))
    }

    /// The same of titles and texts.
    pub fn of(texts: &[(String, String)], language: Language) -> Self {
        let whole: usize = texts.iter().map(|(_, text)| text.len()).sum();
        let facts = if whole <= SMALL {
            texts
                .iter()
                .map(|(_, text)| text.trim())
                .collect::<Vec<_>>()
                .join("\n\n")
        } else {
            String::new()
        };
        let passages: Vec<_> = texts
            .iter()
            .flat_map(|(title, text)| passages_of(title, text))
            .collect();
        let stemmer = match language {
            Language::Spanish => Stemmer::Spanish,
            Language::English => Stemmer::English,
        };
        let searched = passages
            .iter()
            .map(|passage| format!("{} {}", passage.heading, passage.text));
        Self {
            index: SearchEngineBuilder::<u32>::with_corpus(stemmer, searched).build(),
            passages,
            facts,
        }
    }

    /// Whether all of it fits into a prompt.
    pub fn is_small(&self) -> bool {
        !self.facts.is_empty()
    }

    /// All of it, when it is small; else empty.
    pub fn facts(&self) -> &str {
        &self.facts
    }

    /// The passages nearest to a question, best first.
    pub fn search(&self, question: &str, most: usize) -> Vec<&Passage> {
        let found = self.index.search(question, most);
        let best = found.first().map_or(0.0, |first| first.score);
        let near = found
            .into_iter()
            .filter(|passage| passage.score > 0.0 && passage.score >= best * NEAR);
        near.filter_map(|passage| self.passages.get(passage.document.id as usize))
            .collect()
    }
}

fn read_error(path: &Path, error: std::io::Error) -> KnowledgeError {
    KnowledgeError::Read {
        path: path.to_owned(),
        error,
    }
}

/// The Markdown files under a folder, as what they really are: whatever leads out of the folder is an error.
fn collect(root: &Path, folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), KnowledgeError> {
    if depth > DEEPEST || files.len() > MOST_FILES {
        return Err(KnowledgeError::TooLarge(root.to_owned()));
    }
    for entry in fs::read_dir(folder).map_err(|error| read_error(folder, error))? {
        let path = entry.map_err(|error| read_error(folder, error))?.path();
        let hidden = path
            .file_name()
            .is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        let real = fs::canonicalize(&path).map_err(|error| read_error(&path, error))?;
        if !real.starts_with(root) {
            return Err(KnowledgeError::Outside(path));
        }
        if real.is_dir() {
            collect(root, &real, depth + 1, files)?;
        } else if path.extension().is_some_and(|extension| extension == "md") && !files.contains(&real) {
            files.push(real);
        }
    }
    Ok(())
}

/// Parts a text at its headings, and long parts between paragraphs.
fn passages_of(title: &str, text: &str) -> Vec<Passage> {
    let mut headings: Vec<(usize, String)> = Vec::new();
    let mut passages = Vec::new();
    let mut part = String::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        let is_heading = !fenced && (1..=6).contains(&level) && line[level..].starts_with(' ');
        if is_heading {
            keep(title, &headings, &mut part, &mut passages);
            headings.retain(|(above, _)| *above < level);
            headings.push((level, line[level..].trim().trim_end_matches('#').trim().to_owned()));
            continue;
        }
        if line.trim().is_empty() && part.len() > PASSAGE {
            keep(title, &headings, &mut part, &mut passages);
            continue;
        }
        part.push_str(line);
        part.push('\n');
    }
    keep(title, &headings, &mut part, &mut passages);
    passages
}

fn keep(title: &str, headings: &[(usize, String)], part: &mut String, passages: &mut Vec<Passage>) {
    let text = std::mem::take(part).trim().to_owned();
    if text.is_empty() {
        return;
    }
    let heading = match headings {
        [] => title.to_owned(),
        _ => headings
            .iter()
            .map(|(_, heading)| heading.as_str())
            .collect::<Vec<_>>()
            .join(" › "),
    };
    passages.push(Passage { heading, text });
}
