//! Environment variables and the keys that they set.

/// The variables with a name of their own.
const NAMED: &[(&str, &str)] = &[
    ("TALIA_BIND", "server.bind"),
    ("TALIA_PUBLIC_URL", "server.public_url"),
    ("TALIA_TWILIO_ACCOUNT_SID", "twilio.account_sid"),
    ("TALIA_TWILIO_AUTH_TOKEN", "twilio.auth_token"),
    ("TALIA_TWILIO_AUTH_TOKEN_NEXT", "twilio.auth_token_next"),
    ("TALIA_TWIML_APP_SID", "twilio.twiml_app_sid"),
    ("TALIA_TWILIO_API_KEY_SID", "twilio.api_key_sid"),
    ("TALIA_TWILIO_API_KEY_SECRET", "twilio.api_key_secret"),
    ("TALIA_VOICE_WEBHOOK_SECRET", "twilio.webhook_secret"),
    ("TALIA_VOICE_WEBHOOK_SECRET_NEXT", "twilio.webhook_secret_next"),
    ("TALIA_TWILIO_SHARED_KEYS", "twilio.shared_keys"),
    ("TALIA_DATABASE_URL", "database.url"),
    ("TALIA_NATS_URL", "events.nats.url"),
    ("TALIA_NATS_USER", "events.nats.user"),
    ("TALIA_NATS_PASSWORD", "events.nats.password"),
    ("TALIA_NATS_TOKEN", "events.nats.token"),
    ("TALIA_NATS_CREDENTIALS", "events.nats.credentials"),
    ("TALIA_OPENAI_API_KEY", "accounts.openai.key"),
    ("TALIA_OPENAI_ASSISTANT_ID", "providers.hosted.prompt"),
    ("TALIA_OPENAI_PROMPT_VERSION", "providers.hosted.prompt_version"),
    ("TALIA_GROQ_API_KEY", "accounts.groq.key"),
    ("TALIA_DEEPGRAM_API_KEY", "accounts.deepgram.key"),
    ("TALIA_ELEVENLABS_API_KEY", "accounts.elevenlabs.key"),
    ("TALIA_CARTESIA_API_KEY", "accounts.cartesia.key"),
    ("TALIA_ASSISTANTS", "assistants.directory"),
    ("TALIA_RECORDINGS_MODE", "recordings.mode"),
    ("TALIA_RECORDINGS_RECIPIENT", "recordings.recipient"),
    ("TALIA_RECORDINGS_FOLDER", "recordings.folder"),
    ("TALIA_RECORDINGS_BUCKET", "recordings.bucket.url"),
    ("TALIA_RECORDINGS_BUCKET_ENDPOINT", "recordings.bucket.endpoint"),
    ("TALIA_LOG", "telemetry.log"),
    ("TALIA_OTLP_ENDPOINT", "telemetry.otlp_endpoint"),
    ("TALIA_OTLP_HEADERS", "telemetry.otlp_headers"),
    // OpenTelemetry's own names.
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "telemetry.otlp_headers"),
];

/// The key that a variable sets, `section.key` or `section.name.key`; `None` when the variable isn't for us.
///
/// TalIA's other channels set `TALIA_…` variables too, so one without `__` and without a name here is left alone.
pub(super) fn key_of(variable: &str) -> Option<String> {
    if let Some((_, key)) = NAMED.iter().find(|(name, _)| *name == variable) {
        return Some((*key).to_owned());
    }
    let path = variable.strip_prefix("TALIA_")?;
    path.contains("__").then(|| path.to_lowercase().replace("__", "."))
}
