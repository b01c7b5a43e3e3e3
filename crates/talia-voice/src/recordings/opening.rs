//! Opens a recording: whatever of it is whole, with a word about the rest.
//!
//! age encrypts in chunks of 64 KiB, about four seconds of a call, each sealed on its own. So the beginning of a file that was
//! cut or damaged is as good as ever.

use age::x25519::Identity;
use age::{DecryptError, Decryptor};
use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use thiserror::Error;

/// An encrypted chunk: 64 KiB and its seal (<https://age-encryption.org/v1>).
const CHUNK: u64 = 64 * 1_024 + 16;

/// How much of a recording is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// All of it.
    Yes,
    /// It ends too early: whoever wrote it died, or the disk was full; or it was cut later, or damaged in its last seconds.
    Cut,
    /// It was changed after it was written.
    Damaged,
}

/// A recording that can't be opened at all.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another key's.
    #[error("la clave no es la de esta grabación")]
    WrongKey,
    /// No recording, or one that was cut in its first bytes.
    #[error("no es una grabación cifrada con age, o le falta el principio: {0}")]
    NotARecording(String),
    /// The file can't be read, or what comes out can't be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Counts what was read.
struct Counted<R> {
    inner: R,
    bytes: Rc<Cell<u64>>,
    failed: Rc<Cell<bool>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).inspect_err(|error| {
            self.failed.set(error.kind() != ErrorKind::Interrupted);
        })?;
        self.bytes.set(self.bytes.get() + read as u64);
        Ok(read)
    }
}

/// Writes what is whole to `to`.
pub fn open(from: impl Read, key: &Identity, to: &mut impl Write) -> Result<Whole, OpenError> {
    let (bytes, failed) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let counted = Counted {
        inner: from,
        bytes: bytes.clone(),
        failed: failed.clone(),
    };
    let decryptor = Decryptor::new(counted).map_err(refused)?;
    let mut opened = decryptor
        .decrypt([key as &dyn age::Identity].into_iter())
        .map_err(refused)?;
    let begins = bytes.get();
    let mut buffer = vec![0; 64 * 1_024];
    loop {
        match opened.read(&mut buffer) {
            Ok(0) => return Ok(Whole::Yes),
            Ok(read) => to.write_all(&buffer[..read])?,
            Err(error) if failed.get() => return Err(error.into()),
            // A whole chunk that doesn't open was changed; one that isn't whole was, most likely, never written to its end.
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                let whole_chunk = (bytes.get() - begins).is_multiple_of(CHUNK);
                return Ok(if whole_chunk { Whole::Damaged } else { Whole::Cut });
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Whole::Cut),
            Err(error) => return Err(error.into()),
        }
    }
}

fn refused(error: DecryptError) -> OpenError {
    match error {
        DecryptError::NoMatchingKeys => OpenError::WrongKey,
        DecryptError::Io(error) if error.kind() != ErrorKind::UnexpectedEof => OpenError::Io(error),
        error => OpenError::NotARecording(error.to_string().lines().collect::<Vec<_>>().join("; ")),
    }
}
