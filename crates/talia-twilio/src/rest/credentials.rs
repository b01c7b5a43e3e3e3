//! Who asks: Basic credentials of an API key or of the account itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

/// A user and a password. An API key (`SK…` and its secret) is the better choice: it can be revoked alone.
#[derive(Debug, Clone)]
pub struct Credentials {
    user: String,
    password: SecretString,
}

impl Credentials {
    /// `SK…` and its secret, or `AC…` and the auth token.
    pub fn new(user: impl Into<String>, password: SecretString) -> Self {
        Self {
            user: user.into(),
            password,
        }
    }

    /// The value of the `Authorization` header.
    pub fn authorization(&self) -> SecretString {
        let pair = format!("{}:{}", self.user, self.password.expose_secret());
        format!("Basic {}", STANDARD.encode(pair)).into()
    }
}
