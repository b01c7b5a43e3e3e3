//! What the account owns, as a test or the REST API sets it up: incoming numbers and TwiML Apps with their webhooks.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{carrier::random_bits, twiml::Target, webhook::Method};

/// Where calls to a number or an app are sent; an empty URL is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VoiceHooks {
    /// `VoiceUrl`.
    pub voice_url: String,
    /// `VoiceMethod`.
    pub voice_method: Method,
    /// `VoiceFallbackUrl`.
    pub fallback_url: String,
    /// `VoiceFallbackMethod`.
    pub fallback_method: Method,
    /// `StatusCallback`.
    pub status_callback: String,
    /// `StatusCallbackMethod`.
    pub status_method: Method,
}

/// An incoming number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhoneNumber {
    /// `PN…`.
    pub sid: String,
    /// E.164.
    pub number: String,
    /// Its label.
    pub friendly_name: String,
    /// Its webhooks.
    pub hooks: VoiceHooks,
    /// `AP…` of the app that governs its calls in the place of its own webhooks; empty: none.
    pub application_sid: String,
}

/// A TwiML App.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Application {
    /// `AP…`.
    pub sid: String,
    /// Its label.
    pub friendly_name: String,
    /// Its webhooks.
    pub hooks: VoiceHooks,
}

#[derive(Debug, Default)]
struct Resources {
    numbers: Vec<PhoneNumber>,
    applications: Vec<Application>,
    suspended: bool,
}

/// The account's resources; clones are the same account.
#[derive(Debug, Clone, Default)]
pub struct Account {
    shared: Arc<Mutex<Resources>>,
}

impl Account {
    /// Buys a number: nothing is configured yet.
    pub fn add_number(&self, number: &str) -> PhoneNumber {
        let bought = PhoneNumber {
            sid: sid("PN"),
            number: number.to_owned(),
            friendly_name: number.to_owned(),
            ..PhoneNumber::default()
        };
        self.with(|resources| resources.numbers.push(bought.clone()));
        bought
    }

    /// Makes an app.
    pub fn add_application(&self, friendly_name: &str, hooks: VoiceHooks) -> Application {
        let made = Application {
            sid: sid("AP"),
            friendly_name: friendly_name.to_owned(),
            hooks,
        };
        self.with(|resources| resources.applications.push(made.clone()));
        made
    }

    /// Puts a number in the place of the one with its identifier; false when there is none.
    pub fn put_number(&self, number: PhoneNumber) -> bool {
        self.with(|resources| {
            let place = resources.numbers.iter_mut().find(|known| known.sid == number.sid);
            place.map(|place| *place = number).is_some()
        })
    }

    /// Puts an app in the place of the one with its identifier; false when there is none.
    pub fn put_application(&self, application: Application) -> bool {
        self.with(|resources| {
            let place = resources
                .applications
                .iter_mut()
                .find(|known| known.sid == application.sid);
            place.map(|place| *place = application).is_some()
        })
    }

    /// The numbers, in the order in which they were bought.
    pub fn numbers(&self) -> Vec<PhoneNumber> {
        self.with(|resources| resources.numbers.clone())
    }

    /// The apps, in the order in which they were made.
    pub fn applications(&self) -> Vec<Application> {
        self.with(|resources| resources.applications.clone())
    }

    /// An app by its identifier.
    pub fn application(&self, sid: &str) -> Option<Application> {
        self.applications().into_iter().find(|known| known.sid == sid)
    }

    /// Suspends the account, or takes that back: its status is all that changes.
    pub fn suspend(&self, suspended: bool) {
        self.with(|resources| resources.suspended = suspended);
    }

    /// Whether it is suspended.
    pub fn is_suspended(&self) -> bool {
        self.with(|resources| resources.suspended)
    }

    /// Whether calls may show a number as their caller: any, where the account has none of its own.
    pub(crate) fn may_show(&self, number: &str) -> bool {
        self.with(|resources| {
            resources.numbers.is_empty() || resources.numbers.iter().any(|known| known.number == number)
        })
    }

    /// Voice URL, Fallback URL and status callback of a number; none where no Voice URL is configured.
    pub(crate) fn set_up_of(&self, number: &str) -> Option<(Target, Option<Target>, Option<Target>)> {
        let own = self.numbers().into_iter().find(|known| known.number == number)?;
        let app = self.application(&own.application_sid);
        let hooks = app.map_or(own.hooks, |app| app.hooks);
        let fallback = target(&hooks.fallback_url, hooks.fallback_method);
        let status = target(&hooks.status_callback, hooks.status_method);
        Some((target(&hooks.voice_url, hooks.voice_method)?, fallback, status))
    }

    fn with<R>(&self, work: impl FnOnce(&mut Resources) -> R) -> R {
        work(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where a webhook goes; none for an empty URL.
pub(crate) fn target(url: &str, method: Method) -> Option<Target> {
    (!url.is_empty()).then(|| Target {
        url: url.to_owned(),
        method,
    })
}

fn sid(prefix: &str) -> String {
    format!("{prefix}{:032x}", random_bits())
}
