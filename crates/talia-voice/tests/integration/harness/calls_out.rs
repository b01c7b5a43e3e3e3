//! A server that calls out through a simulated Twilio: its REST API, its network, the people at the numbers.

use super::calls::{BRIEF, PerfectEar};
use super::http::Answer;
use super::{ACCOUNT, ORIGIN, PATIENCE, TOKEN, TestServer};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use talia_simulator::carrier::Carrier;
use talia_simulator::events::{Side, What};
use talia_simulator::lines::PreparedScript;
use talia_simulator::outcome::CallOutcome;
use talia_simulator::people::PersonPlan;
use talia_simulator::rest::{ApiKey, RestApi};
use talia_simulator::script::Script;
use talia_simulator::settings::{CarrierSettings, Secret};
use talia_simulator::speaker::ToneSpeaker;
use talia_twilio::AccountSid;
use talia_voice::app::App;
use talia_voice::clock::Clock;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Who is called.
pub(crate) const CALLEE: &str = "+525512345678";
/// What they see.
pub(crate) const OUR_NUMBER: &str = "+525587654321";
const KEY: &str = "SK00000000000000000000000000000001";

/// The server, and the Twilio that it calls through.
pub(crate) struct CallsOut {
    pub(crate) server: TestServer,
    pub(crate) carrier: Carrier,
    pub(crate) api: RestApi,
    said: Arc<Mutex<String>>,
    _assistants: TempDir,
}

impl CallsOut {
    /// Mexico may be called at any hour, a minute costs nothing.
    pub(crate) async fn start(more: &[(&str, &str)]) -> Self {
        Self::start_at(more, Clock::real()).await
    }

    pub(crate) async fn start_at(more: &[(&str, &str)], clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let carrier = carrier(address, "/api/voice/inbound");
        let key = ApiKey {
            sid: KEY.to_owned(),
            secret: Secret::new("s3cret"),
        };
        let api = RestApi::start(carrier.clone(), vec![key], "127.0.0.1:0".parse().expect("an address"))
            .await
            .expect("a port");
        let assistants = TempDir::new().expect("a folder");
        let outbound = "\n[outbound]\ngreeting = \"{cliente}, te llamo por {purpose}.\"\nvariables = [\"cliente\"]\n";
        // Before the first list of tables: a table's keys end where the next begins.
        let brief = BRIEF.replacen("\n[[questions]]", &format!("{outbound}\n[[questions]]"), 1);
        std::fs::write(assistants.path().join("breve.toml"), brief).expect("a file");
        let folder = assistants.path().display().to_string();
        let url = api.base_url();
        let mut environment = vec![
            ("TALIA_ASSISTANTS", folder.as_str()),
            ("TALIA_SPEECH__FIXED_SYNTHESIS_MS", "30"),
            ("TALIA_TWILIO__API_URL", url.as_str()),
            ("TALIA_TWILIO__API_TIMEOUT_S", "2"),
            ("TALIA_TWILIO_API_KEY_SID", KEY),
            ("TALIA_TWILIO_API_KEY_SECRET", "s3cret"),
            ("TALIA_DIALING__FROM", OUR_NUMBER),
            ("TALIA_DIALING__COUNTRIES", "MX"),
            ("TALIA_DIALING__HOURS_FROM", "00:00"),
            ("TALIA_DIALING__HOURS_UNTIL", "23:59:59.999999999"),
            ("TALIA_DIALING__DAYS", "mon,tue,wed,thu,fri,sat,sun"),
            ("TALIA_DIALING__PRICE_PER_MINUTE", "0"),
        ];
        environment.extend(more);
        let said = Arc::new(Mutex::new(String::new()));
        let ear = PerfectEar(said.clone());
        let edit = |app: &mut App| app.engines.ears.stt = Arc::new(ear);
        let server = TestServer::start_on(listener, &environment, clock, edit).await;
        Self {
            server,
            carrier,
            api,
            said,
            _assistants: assistants,
        }
    }

    /// The same Twilio, for calls that come in through the TwiML App.
    pub(crate) fn app_carrier(&self) -> Carrier {
        carrier(self.server.address, "/api/voice/outbound")
    }

    /// Puts a person at the number, whose words our ears hear exactly.
    pub(crate) async fn put_person(&self, script: &str) {
        let script = prepared(script).await;
        let (observer, mut events) = mpsc::channel(1_024);
        let mut person = PersonPlan::answers(100, script);
        person.observer = Some(observer);
        self.carrier.put_person(CALLEE, person);
        let said = self.said.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let What::SpeechBegin {
                    side: Side::Caller,
                    text: Some(text),
                    ..
                } = event.what
                {
                    *said.lock().expect("no panic") = text;
                }
            }
        });
    }

    /// Asks for a call with this body, under this key.
    pub(crate) async fn ask(&self, key: &str, body: &serde_json::Value) -> Answer {
        let headers = [("Idempotency-Key", key)];
        self.server
            .request(("POST", "/api/voice/calls"), &body.to_string(), &headers)
            .await
    }

    /// How a call went, when it is over.
    pub(crate) async fn outcome(&self, call_sid: &str) -> Arc<CallOutcome> {
        tokio::time::timeout(3 * PATIENCE, self.carrier.outcome(call_sid))
            .await
            .expect("the call ends")
            .expect("a call")
    }
}

fn carrier(address: SocketAddr, voice: &str) -> Carrier {
    let account = AccountSid::new(ACCOUNT).expect("an account");
    let mut settings = CarrierSettings::new(account, Secret::new(TOKEN), ORIGIN, voice);
    settings.dial_origin = Some(format!("http://{address}"));
    Carrier::new(settings).expect("a carrier")
}

/// A script, its words as tones.
pub(crate) async fn prepared(script: &str) -> Arc<PreparedScript> {
    let script = Script::parse(script).expect("a script");
    Arc::new(PreparedScript::new(script, &ToneSpeaker).await.expect("tones"))
}

/// A wish to call this number.
pub(crate) fn wish(to: &str) -> serde_json::Value {
    serde_json::json!({
        "to": to,
        "assistant": "breve",
        "purpose": "tu recibo de luz",
        "variables": {"cliente": "Hola Carlos"},
        "consent": {"who": "Carlos Herrera", "when": "2026-11-01T10:00:00-06:00", "how": "formulario web"},
    })
}
