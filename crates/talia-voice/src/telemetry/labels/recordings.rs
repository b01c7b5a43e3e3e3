//! Labels of what is measured of recordings and their bucket.

use prometheus_client::encoding::EncodeLabelValue;
use std::io;

/// What a caller said to the question whether the call may be recorded, or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum RecordingAnswer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Nothing that could be made out, twice.
    Unclear,
    /// Nothing.
    Silence,
    /// Something else: what they called for.
    Other,
    /// The call went another way before they could answer.
    Unanswered,
    /// That it is to be recorded no more.
    Stop,
}

impl RecordingAnswer {
    /// The word in the audit trail.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unclear => "unclear",
            Self::Silence => "silence",
            Self::Other => "other",
            Self::Unanswered => "unanswered",
            Self::Stop => "stop",
        }
    }
}

/// Why a recording was not kept to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum RecordingFault {
    /// No space is left.
    Full,
    /// The folder or the file is not there (any more).
    Gone,
    /// The folder can't be written.
    Denied,
    /// The disk took too long after the call's end.
    Slow,
    /// The recording's key could not be made.
    Key,
    /// The disk failed otherwise.
    Io,
    /// The process that wrote it died.
    Died,
}

impl RecordingFault {
    /// What the system's error means.
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::Full,
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::StaleNetworkFileHandle => {
                Self::Gone
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied,
            io::ErrorKind::TimedOut => Self::Slow,
            _ => Self::Io,
        }
    }

    /// The word in `voice_recordings.fault` and in logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Gone => "gone",
            Self::Denied => "denied",
            Self::Slow => "slow",
            Self::Key => "key",
            Self::Io => "io",
            Self::Died => "died",
        }
    }
}

/// What was asked of the bucket of recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum BucketOperation {
    /// A finished recording goes there, is read back and compared.
    Upload,
    /// Somebody wants one back.
    Read,
    /// An erased one is taken away.
    Remove,
}

/// Why the bucket of recordings didn't do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum BucketFault {
    /// No connection, or one that was cut.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// It doesn't know our key, or our key is wrong.
    Unauthorised,
    /// It knows us and doesn't allow it.
    Forbidden,
    /// There is no such bucket.
    Missing,
    /// There is no such object.
    NoObject,
    /// It asks to be left in peace for a while (429, 503).
    TooMany,
    /// It says that it failed (another 5xx).
    Failed,
    /// It says that the request is wrong (another 4xx), or sends us elsewhere: another region, most likely.
    Refused,
    /// What was read back isn't what was sent.
    Differs,
    /// The file can't be read.
    File,
    /// The recording is in another bucket than the configuration names, or that names none.
    Elsewhere,
    /// Anything else.
    Other,
}

impl BucketFault {
    /// The word for it in logs and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed-out",
            Self::Unauthorised => "unauthorised",
            Self::Forbidden => "forbidden",
            Self::Missing => "missing",
            Self::NoObject => "no-object",
            Self::TooMany => "too-many",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Differs => "differs",
            Self::File => "file",
            Self::Elsewhere => "elsewhere",
            Self::Other => "other",
        }
    }
}
