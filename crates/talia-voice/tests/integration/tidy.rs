//! How source files look: each says what it is for, none is a heap.

use std::fs;
use std::path::{Path, PathBuf};

const LONGEST: usize = 800;
const HEAPS: [&str; 3] = ["utils", "common", "manager"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_source_file_says_what_it_is_for_and_stays_small() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the folder of all crates");
    let mut found = Vec::new();
    for entry in fs::read_dir(crates).expect("the crates") {
        let source = entry.expect("a crate").path().join("src");
        if source.is_dir() {
            sources(&source, &mut found);
        }
    }
    assert!(found.len() > 150, "only {} files found", found.len());
    let mut wrong = Vec::new();
    for path in found {
        let text = fs::read_to_string(&path).expect("a text");
        let shown = path.strip_prefix(crates).unwrap_or(&path).display().to_string();
        if !text.starts_with("//! ") {
            wrong.push(format!("{shown} doesn't say what it is for"));
        }
        if text.lines().count() > LONGEST {
            wrong.push(format!("{shown} has {} lines", text.lines().count()));
        }
        let parts = path.strip_prefix(crates).unwrap_or(&path).iter();
        if parts
            .filter_map(|part| part.to_str())
            .any(|part| HEAPS.contains(&part.trim_end_matches(".rs")))
        {
            wrong.push(format!("{shown} is named as a heap"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
