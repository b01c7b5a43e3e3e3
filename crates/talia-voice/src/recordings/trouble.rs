//! Why a bucket didn't do what it was asked: from the library's error to a word that is counted and a sentence for the operator.

use crate::telemetry::labels::BucketFault as Fault;
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error;
use std::fmt;

/// What stores say when they don't know a key, whatever status they say it under.
const UNKNOWN_KEY: [&str; 10] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AuthorizationHeaderMalformed",
    "InvalidToken",
    "ExpiredToken",
    "RequestTimeTooSkewed",
    "AuthenticationFailed",
    "AuthenticationRequired",
    "InvalidAuthenticationInfo",
    "NoAuthenticationInformation",
];
const NO_BUCKET: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"];
/// The longest code that is shown.
const LONGEST_CODE: usize = 64;

/// What went wrong. Shown in Spanish, to operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketTrouble {
    pub fault: Fault,
    /// The store's own word for it, such as `NoSuchBucket`.
    pub code: Option<String>,
}

impl Error for BucketTrouble {}

impl From<Fault> for BucketTrouble {
    fn from(fault: Fault) -> Self {
        Self { fault, code: None }
    }
}

impl fmt::Display for BucketTrouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.in_spanish())?;
        match &self.code {
            Some(code) => write!(out, " ({code})"),
            None => Ok(()),
        }
    }
}

impl BucketTrouble {
    /// What an error of the library means. Nothing else of it is kept: it may hold addresses with tokens.
    pub(super) fn of(error: &object_store::Error) -> Self {
        use object_store::Error as Is;
        let said = error.to_string();
        let code = code(&said);
        let is_one_of = |codes: &[&str]| code.is_some_and(|code| codes.contains(&code));
        let fault = match error {
            _ if is_one_of(&UNKNOWN_KEY) => Fault::Unauthorised,
            _ if is_one_of(&NO_BUCKET) => Fault::Missing,
            Is::Unauthenticated { .. } => Fault::Unauthorised,
            Is::PermissionDenied { .. } => Fault::Forbidden,
            Is::NotFound { .. } => Fault::NoObject,
            Is::AlreadyExists { .. } | Is::Precondition { .. } | Is::NotModified { .. } => Fault::Refused,
            _ => of_transport(error).or_else(|| of_status(&said)).unwrap_or(Fault::Other),
        };
        Self {
            fault,
            code: code.map(str::to_owned),
        }
    }

    /// Whether it is the bucket's trouble and not one recording's: then the others needn't be tried now.
    pub(super) fn is_everybodys(&self) -> bool {
        match self.fault {
            Fault::Unreachable
            | Fault::TimedOut
            | Fault::Unauthorised
            | Fault::Forbidden
            | Fault::Missing
            | Fault::TooMany
            | Fault::Failed => true,
            Fault::NoObject | Fault::Refused | Fault::Differs | Fault::File | Fault::Elsewhere | Fault::Other => false,
        }
    }

    fn in_spanish(&self) -> &'static str {
        match self.fault {
            Fault::Unreachable => "no hay conexión con el bucket",
            Fault::TimedOut => "el bucket no contesta a tiempo",
            Fault::Unauthorised => "el bucket no acepta la clave",
            Fault::Forbidden => "la clave no tiene permiso en el bucket",
            Fault::Missing => "el bucket no existe",
            Fault::NoObject => "no está en el bucket",
            Fault::TooMany => "el bucket pide esperar",
            Fault::Failed => "el bucket falló",
            Fault::Refused => "el bucket rechaza la petición; quizá sea otra región",
            Fault::Differs => "lo que se leyó del bucket no es lo que se mandó",
            Fault::File => "el archivo no se puede leer",
            Fault::Elsewhere => "está en un bucket que no es el de recordings.bucket.url",
            Fault::Other => "el bucket no lo hizo",
        }
    }

    /// The same in English.
    pub fn in_english(&self) -> String {
        let said = match self.fault {
            Fault::Unreachable => "there is no connection to the bucket",
            Fault::TimedOut => "the bucket doesn't answer in time",
            Fault::Unauthorised => "the bucket doesn't accept the key",
            Fault::Forbidden => "the key has no right in the bucket",
            Fault::Missing => "the bucket doesn't exist",
            Fault::NoObject => "it is not in the bucket",
            Fault::TooMany => "the bucket asks to wait",
            Fault::Failed => "the bucket failed",
            Fault::Refused => "the bucket refuses the request; it may be in another region",
            Fault::Differs => "what was read from the bucket isn't what was sent",
            Fault::File => "the file can't be read",
            Fault::Elsewhere => "it is in another bucket than that of recordings.bucket.url",
            Fault::Other => "the bucket didn't do it",
        };
        match &self.code {
            Some(code) => format!("{said} ({code})"),
            None => said.to_owned(),
        }
    }
}

/// What the connection says, somewhere in the error's causes.
fn of_transport(error: &object_store::Error) -> Option<Fault> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return Some(match error.kind() {
                HttpErrorKind::Timeout => Fault::TimedOut,
                HttpErrorKind::Connect | HttpErrorKind::Request | HttpErrorKind::Interrupted => Fault::Unreachable,
                _ => Fault::Other,
            });
        }
        cause = error.source();
    }
    None
}

/// What the status says: the library gives it in its words only.
fn of_status(said: &str) -> Option<Fault> {
    if said.contains("redirect") {
        return Some(Fault::Refused);
    }
    let (_, status) = said.split_once("status code: ")?;
    let status: u16 = status.get(..3)?.parse().ok()?;
    Some(match status {
        401 => Fault::Unauthorised,
        403 => Fault::Forbidden,
        408 => Fault::TimedOut,
        429 | 503 => Fault::TooMany,
        500.. => Fault::Failed,
        _ => Fault::Refused,
    })
}

/// The code in a store's answer: `<Code>NoSuchBucket</Code>`.
fn code(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_word = code.bytes().all(|letter| letter.is_ascii_alphanumeric());
    (is_word && (1..=LONGEST_CODE).contains(&code.len())).then_some(code)
}
