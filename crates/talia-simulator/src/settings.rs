//! The carrier's account, the server's URLs and how Twilio behaves where accounts differ.

use std::fmt;

use talia_twilio::AccountSid;

/// A secret that no debug output shows.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// What follows a stream that failed or was closed by the server, when `<Connect>` has an `action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FallThrough {
    /// The action is requested, as documented.
    #[default]
    Action,
    /// The next verb runs, as some reports say.
    NextVerb,
}

/// What a carrier does when a stream's socket broke, rather than being closed by the server. Twilio's pages don't say;
/// both were reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterBreak {
    /// It goes on as after a clean close: the action is requested, or the next verb runs.
    #[default]
    GoesOn,
    /// Nothing follows: the caller is in silence until a REST update redirects the call.
    Hangs {
        /// After this time, in milliseconds, the carrier ends the call.
        at_most_ms: u64,
    },
}

/// Order of the status callbacks of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatusOrder {
    /// As they happen.
    #[default]
    InOrder,
    /// Held back until the call is over, then the last first.
    Reversed,
    /// Held back until the call is over, then in the order with this number: of n callbacks, copies included, there are
    /// n! orders; 0 is the order in which they happened.
    Permutation(u64),
}

/// Which status callbacks are sent, and how disorderly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusPlan {
    /// Also `ringing` and `in-progress`, as for subscribed events; a number's own callback is only the terminal one.
    pub progress: bool,
    /// How many more times each is sent.
    pub duplicates: u32,
    /// Whether copies carry the idempotency token of the first, as Twilio's own retries do; else one of their own.
    pub retries: bool,
    /// In which order.
    pub order: StatusOrder,
    /// Each is late by up to this, in milliseconds, and may overtake others; only with [`StatusOrder::InOrder`].
    pub delay_ms: u64,
    /// How many are never sent, in per cent.
    pub drop_percent: u32,
    /// The terminal callback (`completed`, no duration) comes before an inbound call's voice webhook.
    pub end_first: bool,
    /// Decides which are dropped, and by how much each is late.
    pub seed: u64,
}

/// Everything that a carrier knows.
#[derive(Debug, Clone)]
pub struct CarrierSettings {
    /// The account.
    pub account_sid: AccountSid,
    /// Signs the requests.
    pub auth_token: Secret,
    /// The number's Voice URL, as configured at Twilio: under `public_origin`.
    pub voice_url: String,
    /// The number's Fallback URL.
    pub fallback_url: Option<String>,
    /// The number's status callback.
    pub status_url: Option<String>,
    /// Scheme and host that the server is known by (`https://voice.example.com`): what is signed.
    pub public_origin: String,
    /// Where requests to the public origin really go (`http://127.0.0.1:8080`); none: to the origin itself.
    pub dial_origin: Option<String>,
    /// What follows a failed stream.
    pub fall_through: FallThrough,
    /// What follows a broken socket.
    pub after_break: AfterBreak,
    /// Whether a socket that broke stays open at the server's end, as behind a network that only drops packets: then
    /// nothing but the stream's callback tells the server.
    pub breaks_unseen: bool,
    /// The status callbacks.
    pub status: StatusPlan,
    /// How fast `<Say>` speaks, in milliseconds a character; 0 for virtual hurry.
    pub say_ms_per_char: u64,
    /// Longest call, in milliseconds.
    pub max_call_ms: u64,
    /// Calls made by REST start this far apart, in milliseconds: Twilio queues what comes faster (1 a second).
    pub call_interval_ms: u64,
    /// Whether calls keep their audio: 32 kB a second.
    pub keep_audio: bool,
    /// Whether calls keep the marks and every frame's figures in their log.
    pub log_marks: bool,
}

impl CarrierSettings {
    /// A carrier for a server known by `public_origin`, with the paths of its webhooks.
    pub fn new(account_sid: AccountSid, auth_token: Secret, public_origin: &str, voice_path: &str) -> Self {
        let public_origin = public_origin.trim_end_matches('/').to_owned();
        Self {
            account_sid,
            auth_token,
            voice_url: format!("{public_origin}{voice_path}"),
            fallback_url: None,
            status_url: None,
            public_origin,
            dial_origin: None,
            fall_through: FallThrough::default(),
            after_break: AfterBreak::default(),
            breaks_unseen: false,
            status: StatusPlan::default(),
            say_ms_per_char: 60,
            max_call_ms: 600_000,
            call_interval_ms: 1_000,
            keep_audio: true,
            log_marks: true,
        }
    }

    /// Where a URL is dialled. `https` origins stand for `wss` URLs of the same host too.
    pub(crate) fn dialled(&self, url: &str) -> String {
        let Some(dial_origin) = &self.dial_origin else {
            return url.to_owned();
        };
        let (_, public_host) = split_scheme(&self.public_origin);
        let (scheme, rest) = split_scheme(url);
        let (dial_scheme, dial_host) = split_scheme(dial_origin.trim_end_matches('/'));
        let Some(target) = rest
            .strip_prefix(public_host)
            .filter(|target| target.is_empty() || target.starts_with(['/', '?']))
        else {
            return url.to_owned();
        };
        let scheme = match (scheme, dial_scheme) {
            ("wss" | "ws", "http" | "ws") => "ws",
            ("wss" | "ws", _) => "wss",
            (_, "http" | "ws") => "http",
            _ => "https",
        };
        format!("{scheme}://{dial_host}{target}")
    }
}

fn split_scheme(url: &str) -> (&str, &str) {
    url.split_once("://").unwrap_or(("https", url))
}

/// Host and port of a URL, as the `Host` header says them.
pub(crate) fn authority(url: &str) -> &str {
    let (_, rest) = split_scheme(url);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}
