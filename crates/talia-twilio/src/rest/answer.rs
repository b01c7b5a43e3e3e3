//! Answers of the API, read from their JSON. Fields that aren't used are passed over; what is missing is an error.

use super::{Application, CallResource, PhoneNumber, VoiceUrls};
use crate::{AccountSid, CallSid, CallStatus};
use serde::Deserialize;

/// Why an answer with a good status couldn't be read. Never holds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Not the JSON of the resource.
    #[error("the answer isn't the resource that was asked for")]
    Json,
    /// A field that holds something else than Twilio puts there.
    #[error("the answer's {0} can't be read")]
    Field(&'static str),
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `AC…`.
    pub sid: AccountSid,
    /// `active`, `suspended` or `closed`.
    pub status: String,
    /// `Trial` or `Full`: a trial account calls verified numbers only.
    pub kind: String,
    /// The operator's name for it.
    pub friendly_name: String,
}

/// Twilio writes most counts as texts and some as numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u64),
    Text(String),
}

impl Count {
    fn read(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

#[derive(Deserialize)]
struct RawCall {
    sid: String,
    status: String,
    parent_call_sid: Option<String>,
    from: Option<String>,
    to: Option<String>,
    direction: Option<String>,
    date_created: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
    duration: Option<Count>,
    answered_by: Option<String>,
    queue_time: Option<Count>,
}

impl RawCall {
    fn read(self) -> Result<CallResource, AnswerError> {
        let sid = |name, text: String| CallSid::new(text).map_err(|_| AnswerError::Field(name));
        Ok(CallResource {
            sid: sid("sid", self.sid)?,
            status: CallStatus::parse(&self.status).ok_or(AnswerError::Field("status"))?,
            parent_call_sid: self
                .parent_call_sid
                .filter(|text| !text.is_empty())
                .map(|text| sid("parent_call_sid", text))
                .transpose()?,
            from: self.from.unwrap_or_default(),
            to: self.to.unwrap_or_default(),
            direction: self.direction.unwrap_or_default(),
            date_created: self.date_created,
            start_time: self.start_time,
            end_time: self.end_time,
            duration_s: self.duration.and_then(Count::read),
            answered_by: self.answered_by,
            queue_time_ms: self.queue_time.and_then(Count::read),
        })
    }
}

/// Reads one call.
pub fn read_call(body: &[u8]) -> Result<CallResource, AnswerError> {
    json::<RawCall>(body)?.read()
}

/// Reads the first page of a list of calls.
pub fn read_calls(body: &[u8]) -> Result<Vec<CallResource>, AnswerError> {
    #[derive(Deserialize)]
    struct Page {
        calls: Vec<RawCall>,
    }
    json::<Page>(body)?.calls.into_iter().map(RawCall::read).collect()
}

/// Reads an account.
pub fn read_account(body: &[u8]) -> Result<Account, AnswerError> {
    #[derive(Deserialize)]
    struct Raw {
        sid: String,
        status: String,
        #[serde(rename = "type", default)]
        kind: String,
        #[serde(default)]
        friendly_name: String,
    }
    let raw: Raw = json(body)?;
    Ok(Account {
        sid: AccountSid::new(raw.sid).map_err(|_| AnswerError::Field("sid"))?,
        status: raw.status,
        kind: raw.kind,
        friendly_name: raw.friendly_name,
    })
}

#[derive(Deserialize)]
struct RawUrls {
    voice_url: Option<String>,
    voice_method: Option<String>,
    voice_fallback_url: Option<String>,
    voice_fallback_method: Option<String>,
    status_callback: Option<String>,
    status_callback_method: Option<String>,
}

impl RawUrls {
    fn read(self) -> VoiceUrls {
        // POST is Twilio's default.
        let method = |word: Option<String>| word.unwrap_or_else(|| "POST".to_owned());
        VoiceUrls {
            voice_url: self.voice_url.unwrap_or_default(),
            voice_method: method(self.voice_method),
            fallback_url: self.voice_fallback_url.unwrap_or_default(),
            fallback_method: method(self.voice_fallback_method),
            status_callback: self.status_callback.unwrap_or_default(),
            status_method: method(self.status_callback_method),
        }
    }
}

/// Reads the first page of the account's numbers.
pub fn read_numbers(body: &[u8]) -> Result<Vec<PhoneNumber>, AnswerError> {
    #[derive(Deserialize)]
    struct Page {
        incoming_phone_numbers: Vec<serde_json::Value>,
    }
    let page: Page = json(body)?;
    page.incoming_phone_numbers.into_iter().map(number).collect()
}

/// Reads one number.
pub fn read_number(body: &[u8]) -> Result<PhoneNumber, AnswerError> {
    number(json(body)?)
}

fn number(value: serde_json::Value) -> Result<PhoneNumber, AnswerError> {
    #[derive(Deserialize)]
    struct Raw {
        sid: String,
        phone_number: String,
        friendly_name: Option<String>,
        voice_application_sid: Option<String>,
        #[serde(flatten)]
        urls: RawUrls,
    }
    let raw: Raw = serde_json::from_value(value).map_err(|_| AnswerError::Json)?;
    Ok(PhoneNumber {
        sid: raw.sid,
        phone_number: raw.phone_number,
        friendly_name: raw.friendly_name.unwrap_or_default(),
        urls: raw.urls.read(),
        voice_application_sid: raw.voice_application_sid.unwrap_or_default(),
    })
}

#[derive(Deserialize)]
struct RawApplication {
    sid: String,
    friendly_name: Option<String>,
    #[serde(flatten)]
    urls: RawUrls,
}

impl RawApplication {
    fn read(self) -> Application {
        Application {
            sid: self.sid,
            friendly_name: self.friendly_name.unwrap_or_default(),
            urls: self.urls.read(),
        }
    }
}

/// Reads a TwiML App.
pub fn read_application(body: &[u8]) -> Result<Application, AnswerError> {
    Ok(json::<RawApplication>(body)?.read())
}

/// Reads the first page of the account's TwiML Apps.
pub fn read_applications(body: &[u8]) -> Result<Vec<Application>, AnswerError> {
    #[derive(Deserialize)]
    struct Page {
        applications: Vec<RawApplication>,
    }
    let page: Page = json(body)?;
    Ok(page.applications.into_iter().map(RawApplication::read).collect())
}

fn json<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, AnswerError> {
    serde_json::from_slice(body).map_err(|_| AnswerError::Json)
}
