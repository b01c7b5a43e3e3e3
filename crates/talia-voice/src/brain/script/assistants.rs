//! All assistants of a server: read from a folder or compiled in, chosen by the number called.

use super::assistant::Assistant;
use super::assistant_error::AssistantError;
use crate::config::Recordings;
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The assistant that answers when the operator has written none.
const DEFAULT: &str = include_str!("../../../../../assistants/solara.toml");
const DEFAULT_ENGLISH: &str = include_str!("../../../../../assistants/solara-en.toml");

/// All assistants of a server, chosen by the number called.
#[derive(Debug, Clone)]
pub struct Assistants {
    by_number: HashMap<String, Arc<Assistant>>,
    fallback: Arc<Assistant>,
    all: Vec<Arc<Assistant>>,
}

impl Assistants {
    /// The assistants compiled in: the Spanish one answers every number.
    pub fn built_in() -> Result<Self, AssistantError> {
        let spanish = Assistant::parse(DEFAULT, Path::new("assistants/solara.toml"))?;
        let english = Assistant::parse(DEFAULT_ENGLISH, Path::new("assistants/solara-en.toml"))?;
        Self::of(vec![
            (PathBuf::from("assistants/solara.toml"), spanish),
            ("assistants/solara-en.toml".into(), english),
        ])
    }

    /// Every `*.toml` of a folder but `disclosures.toml`.
    pub fn load(folder: &Path) -> Result<Self, AssistantError> {
        let read = |error| AssistantError::Read {
            path: folder.to_owned(),
            error,
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(read)? {
            let path = entry.map_err(read)?.path();
            let is_assistant = path.extension().is_some_and(|extension| extension == "toml")
                && path.file_name().is_some_and(|name| name != "disclosures.toml");
            if is_assistant {
                paths.push(path);
            }
        }
        paths.sort();
        let mut found = Vec::new();
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|error| AssistantError::Read {
                path: path.clone(),
                error,
            })?;
            let mut assistant = Assistant::parse(&text, &path)?;
            assistant.load_library(folder)?;
            found.push((path, assistant));
        }
        if found.is_empty() {
            return Err(AssistantError::Empty(folder.to_owned()));
        }
        Self::of(found)
    }

    fn of(found: Vec<(PathBuf, Assistant)>) -> Result<Self, AssistantError> {
        let mut by_number = HashMap::new();
        let mut fallback: Option<Arc<Assistant>> = None;
        let mut all = Vec::new();
        for (path, assistant) in found {
            let assistant = Arc::new(assistant);
            for number in &assistant.answers {
                if by_number.insert(number.clone(), assistant.clone()).is_some() {
                    return Err(AssistantError::Twice {
                        path,
                        number: number.clone(),
                    });
                }
            }
            if assistant.answers.is_empty() {
                if fallback.is_some() {
                    return Err(AssistantError::Twice {
                        path,
                        number: "every other number".into(),
                    });
                }
                fallback = Some(assistant.clone());
            }
            all.push(assistant);
        }
        let fallback = fallback
            .or_else(|| all.first().cloned())
            .ok_or_else(|| AssistantError::Empty(PathBuf::new()))?;
        Ok(Self {
            by_number,
            fallback,
            all,
        })
    }

    /// The same where calls are recorded: every disclosure tells of it, by itself or with the configuration's notice, and where
    /// callers are asked first there is a question.
    pub fn telling_of_recordings(self, recordings: &Recordings) -> Result<Self, AssistantError> {
        let mut found = Vec::new();
        for assistant in &self.all {
            let mut assistant = Assistant::clone(assistant);
            assistant.tell_of_recording(recordings)?;
            found.push((PathBuf::from(&assistant.id), assistant));
        }
        Self::of(found)
    }

    /// The assistant that answers this number.
    pub fn for_number(&self, number: &str) -> &Arc<Assistant> {
        self.by_number.get(number).unwrap_or(&self.fallback)
    }

    /// The assistant of this name.
    pub fn by_id(&self, id: &str) -> Option<&Arc<Assistant>> {
        self.all.iter().find(|assistant| assistant.id == id)
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<Assistant>] {
        &self.all
    }
}
