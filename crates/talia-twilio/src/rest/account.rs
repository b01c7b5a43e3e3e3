//! What an operator sets up once: the account, its numbers, its TwiML Apps.

use super::{Request, path};
use crate::AccountSid;
use std::fmt;

/// Where Twilio asks about calls; an empty text is no URL.
///
/// What this project sets is asked by POST, save the fallback: a document of a static host answers to GET only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VoiceUrls {
    /// Asked for a document when a call begins.
    pub voice_url: String,
    /// `POST` or `GET`.
    pub voice_method: String,
    /// Asked when the first can't answer.
    pub fallback_url: String,
    /// `POST` or `GET`.
    pub fallback_method: String,
    /// Told when a call is over.
    pub status_callback: String,
    /// `POST` or `GET`.
    pub status_method: String,
}

/// A number of the account.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber {
    /// `PN…`.
    pub sid: String,
    /// E.164.
    pub phone_number: String,
    /// The operator's name for it.
    pub friendly_name: String,
    /// Where its calls go.
    pub urls: VoiceUrls,
    /// The TwiML App (`AP…`) that takes its calls instead of the URLs; empty when none does.
    pub voice_application_sid: String,
}

/// Without the number.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PhoneNumber")
            .field("sid", &self.sid)
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

/// A TwiML App.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// `AP…`.
    pub sid: String,
    /// The operator's name for it.
    pub friendly_name: String,
    /// Where its calls go.
    pub urls: VoiceUrls,
}

/// What changes of a number; `None` leaves it, an empty text clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NumberChange {
    pub voice_url: Option<String>,
    pub fallback_url: Option<String>,
    pub status_callback: Option<String>,
    /// A number with an application asks that one and not its URLs.
    pub voice_application_sid: Option<String>,
}

/// What changes of a TwiML App, or how a new one begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApplicationChange {
    pub friendly_name: Option<String>,
    pub voice_url: Option<String>,
    pub fallback_url: Option<String>,
    pub status_callback: Option<String>,
}

/// Reads the account.
pub fn fetch_account(account: &AccountSid) -> Request {
    Request::get(path(account, ""))
}

/// Reads the account's numbers, or only this one (E.164).
pub fn list_numbers(account: &AccountSid, number: Option<&str>) -> Request {
    Request::get(path(account, "/IncomingPhoneNumbers")).with_if("PhoneNumber", number)
}

/// Changes where a number's calls go.
pub fn update_number(account: &AccountSid, sid: &str, change: &NumberChange) -> Request {
    let request = Request::post(path(account, &format!("/IncomingPhoneNumbers/{sid}")));
    let urls = (&change.voice_url, &change.fallback_url, &change.status_callback);
    with_urls(request, urls).with_if("VoiceApplicationSid", change.voice_application_sid.clone())
}

/// Reads the account's TwiML Apps of this name.
pub fn list_applications(account: &AccountSid, friendly_name: &str) -> Request {
    Request::get(path(account, "/Applications")).with("FriendlyName", friendly_name)
}

/// Reads a TwiML App.
pub fn fetch_application(account: &AccountSid, sid: &str) -> Request {
    Request::get(path(account, &format!("/Applications/{sid}")))
}

/// Makes a TwiML App.
pub fn create_application(account: &AccountSid, change: &ApplicationChange) -> Request {
    application(Request::post(path(account, "/Applications")), change)
}

/// Changes a TwiML App.
pub fn update_application(account: &AccountSid, sid: &str, change: &ApplicationChange) -> Request {
    application(Request::post(path(account, &format!("/Applications/{sid}"))), change)
}

fn application(request: Request, change: &ApplicationChange) -> Request {
    let request = request.with_if("FriendlyName", change.friendly_name.clone());
    with_urls(
        request,
        (&change.voice_url, &change.fallback_url, &change.status_callback),
    )
}

/// Voice URL, fallback URL and status callback.
type Urls<'a> = (&'a Option<String>, &'a Option<String>, &'a Option<String>);

fn with_urls(mut request: Request, (voice, fallback, status): Urls<'_>) -> Request {
    let all = [
        ("VoiceUrl", voice, "VoiceMethod", "POST"),
        ("VoiceFallbackUrl", fallback, "VoiceFallbackMethod", "GET"),
        ("StatusCallback", status, "StatusCallbackMethod", "POST"),
    ];
    for (name, url, method, word) in all {
        if let Some(url) = url {
            request = request.with(name, url).with(method, word);
        }
    }
    request
}
