//! Twilio's error codes that a voice server meets. Source: the error pages `twilio.com/docs/api/errors/NNNNN`.

use std::fmt;

/// What Twilio's debugger says about a media stream (319xx).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum StreamCode {
    /// The server didn't answer in time.
    ConnectTimeout = 31901,
    /// The server refused the connection.
    ConnectRefused = 31902,
    /// The connection broke: the server crashed or restarted.
    BrokenPipe = 31903,
    /// The TLS handshake failed.
    Tls = 31910,
    /// The handshake's answer wasn't 101; also met when the URL has a query.
    Handshake = 31920,
    /// The server closed the socket, even when it meant to.
    ClosedByServer = 31921,
    /// The URL's scheme isn't `wss`.
    NotWss = 31922,
    /// The URL is malformed.
    MalformedUrl = 31923,
    /// A breach of the WebSocket protocol; ends the stream.
    Protocol = 31924,
    /// `<Stream track>` isn't allowed there.
    InvalidTrack = 31941,
    /// The server sent a binary frame; dropped.
    BinaryMessage = 31950,
    /// Bad JSON, an unknown event, a field too many or too few, or a foreign stream identifier; dropped.
    InvalidMessage = 31951,
}

impl StreamCode {
    /// The number as Twilio writes it.
    pub fn code(self) -> u16 {
        self as u16
    }
}

impl fmt::Display for StreamCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code().fmt(out)
    }
}

/// A webhook's document couldn't be fetched.
pub const HTTP_RETRIEVAL_FAILURE: u16 = 11200;
/// A webhook's server couldn't be reached: two attempts of 5 s each.
pub const HTTP_CONNECTION_FAILURE: u16 = 11205;
/// A webhook was answered with 4xx or 5xx.
pub const HTTP_ERROR_RESPONSE: u16 = 11217;
/// The document is no XML.
pub const DOCUMENT_PARSE_FAILURE: u16 = 12100;
/// The document has a verb or attribute that TwiML doesn't know.
pub const SCHEMA_VALIDATION_WARNING: u16 = 12200;
/// The document's content type is missing or isn't XML.
pub const INVALID_CONTENT_TYPE: u16 = 12300;
/// An update came for a call that is over.
pub const CALL_NOT_IN_PROGRESS: u16 = 21220;
/// The credentials aren't good.
pub const AUTHENTICATION_FAILED: u16 = 20003;
/// There is no such resource in the account.
pub const RESOURCE_NOT_FOUND: u16 = 20404;
/// Too many requests; the request wasn't processed and may be sent again.
pub const TOO_MANY_REQUESTS: u16 = 20429;
