//! Keys of recordings: each file has a pair of its own, whose private half is kept encrypted to the operator.

use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use age::{DecryptError, EncryptError};
use std::io;
use std::path::Path;
use thiserror::Error;

/// A key that can't be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file with the operator's private key.
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    /// The private key isn't the one that the recording's key is encrypted to.
    #[error("no es la clave privada de esta grabación")]
    Wrong,
    /// The recording's key is no key.
    #[error("la clave de la grabación está dañada: {0}")]
    Damaged(String),
}

/// A new recording's key: its public half, and its private half encrypted to the operator, as ASCII.
pub(super) fn new_sealed(operator: &Recipient) -> Result<(Recipient, String), EncryptError> {
    let identity = Identity::generate();
    let sealed = seal(&identity, operator)?;
    Ok((identity.to_public(), sealed))
}

/// A recording's private key, encrypted to the operator: what `age -d -i OPERATOR` turns into an identity.
pub fn seal(identity: &Identity, operator: &Recipient) -> Result<String, EncryptError> {
    age::encrypt_and_armor(operator, identity.to_string().expose_secret().as_bytes())
}

/// The recording's private key, by one of the operator's.
pub fn unseal(sealed: &str, operator: &[Identity]) -> Result<Identity, KeyError> {
    let damaged = |reason: &dyn std::fmt::Display| KeyError::Damaged(one_line(&reason.to_string()));
    for identity in operator {
        match age::decrypt(identity, sealed.as_bytes()) {
            Ok(text) => {
                let text = String::from_utf8(text).map_err(|_| damaged(&"no es texto"))?;
                return text.trim().parse().map_err(|reason: &str| damaged(&reason));
            }
            Err(DecryptError::NoMatchingKeys) => {}
            Err(error) => return Err(damaged(&error)),
        }
    }
    Err(KeyError::Wrong)
}

/// The private keys of a file such as `age-keygen` makes: one a line, `#` begins a remark.
pub fn identities(path: &Path) -> Result<Vec<Identity>, KeyError> {
    let failed = |reason: String| KeyError::File {
        path: path.display().to_string(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let mut found = Vec::new();
    for (number, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // Never shown: it may be a key with a slip of the pen.
        let wrong = |_| failed(format!("la línea {} no es una clave privada de age", number + 1));
        found.push(line.parse::<Identity>().map_err(wrong)?);
    }
    if found.is_empty() {
        return Err(failed(
            "no tiene ninguna clave privada de age (AGE-SECRET-KEY-1…)".to_owned(),
        ));
    }
    Ok(found)
}

/// Writes a private key into a new file that its owner alone can read.
pub fn write_new(path: &Path, identity: &Identity, remark: &str) -> io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "# {remark}")?;
    writeln!(file, "# public key: {}", identity.to_public())?;
    writeln!(file, "{}", identity.to_string().expose_secret())?;
    file.sync_all()
}

fn one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join("; ")
}
