//! The models folder: what is wrong is named, with the command that mends it.

use crate::line::installed;
use std::fs;
use std::path::PathBuf;
use talia_speech::models::catalogue::{FILES, WHISPER, find};
use talia_speech::models::whisper_ggml::convert;
use talia_speech::models::{self, Installed, MENDING_COMMAND, ModelError, ModelsDir};

#[test]
fn the_converted_whisper_model_is_whisper_cpps_own_byte_for_byte() {
    let model = find(WHISPER).unwrap();
    assert_eq!(model.bytes, 81_768_585);
    models::verify(installed().dir(), model).unwrap();
}

#[test]
fn a_missing_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Installed::open(&ModelsDir::at(folder.path())).unwrap_err();
    assert!(matches!(&error, ModelError::Missing(path) if path.ends_with(FILES[0].name)));
    let message = error.to_string();
    assert!(
        message.contains(FILES[0].name) && message.contains(MENDING_COMMAND),
        "{message}"
    );
}

#[test]
fn a_corrupt_model_is_named_whether_cut_or_changed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = ModelsDir::at(folder.path());
    // Links to all the good files, but for a copy of the smallest.
    let victim = FILES.iter().min_by_key(|model| model.bytes).unwrap();
    for model in FILES {
        std::os::unix::fs::symlink(installed().path(model.name), dir.file(model.name)).unwrap();
    }
    Installed::open(&dir).unwrap();
    let good = fs::read(installed().path(victim.name)).unwrap();
    let mut changed = good.clone();
    changed[10] ^= 1;
    for bad in [&good[..100], &changed] {
        fs::remove_file(dir.file(victim.name)).unwrap();
        fs::write(dir.file(victim.name), bad).unwrap();
        let error = Installed::open(&dir).unwrap_err();
        assert!(matches!(&error, ModelError::Corrupt { path, .. } if path.ends_with(victim.name)));
        assert!(error.to_string().contains(MENDING_COMMAND));
        assert!(!models::is_whole(&dir, victim));
    }
    fs::write(dir.file(victim.name), &good).unwrap();
    Installed::open(&dir).unwrap();
}

#[test]
fn the_folder_follows_the_environment() {
    let path = |path: &str| Some(PathBuf::from(path));
    let chosen = |models, xdg, home| ModelsDir::resolve(models, xdg, home).path().to_owned();
    assert_eq!(chosen(path("/m"), path("/x"), path("/h")), PathBuf::from("/m"));
    assert_eq!(
        chosen(None, path("/x"), path("/h")),
        PathBuf::from("/x/talia-voice/models")
    );
    assert_eq!(
        chosen(None, path("x"), path("/h")),
        PathBuf::from("/h/.cache/talia-voice/models")
    );
    assert_eq!(
        chosen(None, None, path("/h")),
        PathBuf::from("/h/.cache/talia-voice/models")
    );
}

#[test]
fn the_catalogue_is_pinned() {
    for model in FILES {
        assert_eq!(model.sha256.len(), 64, "{}", model.name);
        assert!(!model.sources.is_empty());
        for part in model.sources.iter().flat_map(|source| source.parts) {
            assert_eq!(part.package.sha256.len(), 64, "{}", part.package.name);
            assert!(part.package.file.contains(part.package.version));
        }
    }
}

#[test]
fn a_mangled_whisper_package_is_refused() {
    for bytes in [&b""[..], &[6, 0, 0, 0, 255, 255], &[0; 64]] {
        assert!(convert(bytes, b"{}", &mut Vec::new()).is_err());
    }
}
