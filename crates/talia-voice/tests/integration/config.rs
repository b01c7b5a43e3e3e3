//! A bad configuration is one line that says where.

use crate::harness::TOKEN;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use talia_voice::config::{Config, DEFAULTS, Engines, Link, ProviderKind, Sources};

/// Loads `file` and these variables besides the token.
fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let directory = tempfile::TempDir::new().expect("a folder");
    let path = directory.path().join("talia.toml");
    std::fs::write(&path, file).expect("a file");
    let sources = Sources {
        file: Some(path.clone()),
        environment: [("TALIA_TWILIO_AUTH_TOKEN", TOKEN)]
            .iter()
            .chain(environment)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<HashMap<_, _>>(),
    };
    Config::load(&sources).map_err(|error| error.to_string().replace(&path.display().to_string(), "talia.toml"))
}

fn error(file: &str, environment: &[(&str, &str)]) -> String {
    let error = load(file, environment).expect_err("a bad configuration");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[test]
fn the_defaults_and_a_token_are_enough() {
    let config = load("", &[]).expect("good");
    assert_eq!(config.server.public_url.http("/a"), "http://127.0.0.1:8080/a");
    assert_eq!(config.server.public_url.ws("/a"), "wss://127.0.0.1:8080/a");
    assert_eq!(config.speech.engines, Engines::Local);
    assert_eq!(config.limits.max_calls, 200);
}

#[test]
fn file_and_environment_override_in_that_order() {
    let file = "[limits]\nmax_calls = 7\nresumes = 1\n[assistants]\ndirectory = \"conversaciones\"\n";
    let config = load(file, &[("TALIA_LIMITS__MAX_CALLS", "9"), ("TALIA_BIND", "127.0.0.1:9")]).expect("good");
    assert_eq!((config.limits.max_calls, config.limits.resumes), (9, 1));
    assert_eq!(config.server.bind.port(), 9);
    assert_eq!(
        config.assistants.directory.as_deref(),
        Some(Path::new("conversaciones"))
    );
    let config = load(file, &[("TALIA_ASSISTANTS", "otras")]).expect("good");
    assert_eq!(config.assistants.directory.as_deref(), Some(Path::new("otras")));
}

#[test]
fn every_named_variable_sets_its_key() {
    let sid = |prefix: &str| format!("{prefix}{}", "0".repeat(32));
    let config = load(
        "",
        &[
            ("TALIA_TWILIO_ACCOUNT_SID", &sid("AC")),
            ("TALIA_TWILIO_AUTH_TOKEN_NEXT", "next"),
            ("TALIA_TWIML_APP_SID", &sid("AP")),
            ("TALIA_VOICE_WEBHOOK_SECRET", "a secret of enough length"),
            (
                "TALIA_VOICE_WEBHOOK_SECRET_NEXT",
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            ),
            (
                "TALIA_TWILIO_SHARED_KEYS",
                "webhooks_sharedkey_A=one, webhooks_sharedkey_b = two=2 ",
            ),
            ("TALIA_TWILIO_API_KEY_SID", &sid("SK")),
            ("TALIA_TWILIO_API_KEY_SECRET", "secret"),
            ("TALIA_PUBLIC_URL", "https://voz.example.com"),
            ("TALIA_BIND", "0.0.0.0:80"),
            ("TALIA_DATABASE_URL", "sqlite:other.db"),
            ("TALIA_NATS_URL", "nats://localhost"),
            ("TALIA_LOG", "debug"),
            ("TALIA_OPENAI_API_KEY", "of another channel"),
        ],
    )
    .expect("good");
    assert_eq!(config.twilio.account_sid, Some(sid("AC")));
    assert_eq!(config.twilio.twiml_app_sid, Some(sid("AP")));
    assert!(config.twilio.auth_token_next.is_some() && config.twilio.own_signatures.is_some());
    assert_eq!(config.twilio.api_key.expect("a key").0, sid("SK"));
    assert_eq!(config.twilio.shared_keys.len(), 2);
    assert_eq!(config.database.url, "sqlite:other.db");
    assert_eq!(config.events.nats.expect("a server").to_string(), "nats://localhost");
    assert_eq!(config.telemetry.log, "debug");
}

#[test]
fn what_is_masked_is_read_and_bad_patterns_are_refused() {
    let with = |regex: &str| format!("[[privacy.patterns]]\nname = \"folio\"\nregex = '{regex}'\n");
    let privacy = load("", &[]).expect("good").privacy;
    assert!(privacy.mask_cards && privacy.patterns.is_empty());
    let privacy = load(&with(r"F-\d+"), &[("TALIA_PRIVACY__MASK_CARDS", "false")]);
    let privacy = privacy.expect("good").privacy;
    assert!(!privacy.mask_cards && privacy.patterns[0].regex.is_match("F-9"));
    assert_eq!(privacy.patterns[0].name, "folio");
    insta::assert_snapshot!(error("[[privacy.patterns]]\nregex = 'a'\n", &[]), @"privacy.patterns: name must be 1 to 32 letters, digits, - or _");
    insta::assert_snapshot!(error("[[privacy.patterns]]\nname = \"a b\"\nregex = 'a'\n", &[]), @"privacy.patterns: name must be 1 to 32 letters, digits, - or _");
    insta::assert_snapshot!(error(&with("a").repeat(2), &[]), @"privacy.patterns: «folio»: is there twice");
    insta::assert_snapshot!(error(&with(""), &[]), @"privacy.patterns: «folio»: a regex is missing");
    insta::assert_snapshot!(error(&with(r"(\d"), &[]), @"privacy.patterns: «folio»: regex can't be read: unclosed group");
    insta::assert_snapshot!(error(&with(r"(?=a)"), &[]), @"privacy.patterns: «folio»: regex can't be read: look-around, including look-ahead and look-behind, is not supported");
    insta::assert_snapshot!(error(&with(r"(\w{100}){100}"), &[]), @"privacy.patterns: «folio»: regex is too large: repeat less, or use fewer classes of Unicode");
    insta::assert_snapshot!(error(&with(&"a".repeat(1_001)), &[]), @"privacy.patterns: «folio»: regex must have at most 1000 characters");
    for empty in ["a*", "", r"\b", r"\B", "^", "$", r"\d?", "x|"] {
        let error = error(&with(empty), &[]);
        assert!(error.starts_with("privacy.patterns: «folio»: "), "{empty}: {error}");
    }
    let many: String = (0..33)
        .map(|number| with("a").replace("folio", &format!("f{number}")))
        .collect();
    insta::assert_snapshot!(error(&many, &[]), @"privacy.patterns: must be at most 32");
}

#[test]
fn errors_are_one_line_that_says_where() {
    let unknown = error("[server]\nbind = \"127.0.0.1:1\"\nbindd = \"x\"\n", &[]);
    assert!(unknown.starts_with("talia.toml:3: unknown field `bindd`"), "{unknown}");
    let section = error("\n[sever]\n", &[]);
    assert!(section.starts_with("talia.toml:2: unknown field `sever`"), "{section}");
    let kind = error("[limits]\nmax_calls = \"many\"\n", &[]);
    assert!(kind.starts_with("talia.toml:2: "), "{kind}");
    let syntax = error("[limits\n", &[]);
    assert!(syntax.starts_with("talia.toml:1: "), "{syntax}");
    insta::assert_snapshot!(error("", &[("TALIA_LIMITS__MAX_CALL", "1")]), @"environment: TALIA_LIMITS__MAX_CALL names a key that doesn't exist");
    insta::assert_snapshot!(error("", &[("TALIA_LIMITS__MAX_CALLS", "many")]), @"environment: TALIA_LIMITS__MAX_CALLS must be a whole number");
    insta::assert_snapshot!(error("", &[("TALIA_LIMITS__MAX_CALLS", "-1")]), @"environment: invalid type: 64-bit integer `-1`, expected an unsigned 64 bit or less integer for key `limits.max_calls`");
    insta::assert_snapshot!(error("", &[("TALIA_LIMITS__MAX_CALLS", "0")]), @"limits.max_calls: must be 1 or more");
    insta::assert_snapshot!(error("", &[("TALIA_TWILIO_AUTH_TOKEN", "")]), @"twilio.auth_token: is missing: set TALIA_TWILIO_AUTH_TOKEN (without it nobody could be told from Twilio)");
    insta::assert_snapshot!(error("", &[("TALIA_BIND", "8080")]), @"server.bind: is not an address and port like 127.0.0.1:8080");
    insta::assert_snapshot!(error("", &[("TALIA_BIND", "0.0.0.0:8080")]), @"server.public_url: is missing: set TALIA_PUBLIC_URL to the https:// origin that Twilio dials");
    insta::assert_snapshot!(error("", &[("TALIA_PUBLIC_URL", "http://voz.example.com")]), @"server.public_url: must begin with https:// (Twilio streams to nothing else)");
    insta::assert_snapshot!(error("", &[("TALIA_PUBLIC_URL", "https://voz.example.com/path")]), @"server.public_url: must be scheme, host and port only");
    insta::assert_snapshot!(error("", &[("TALIA_DATABASE_URL", "mysql://localhost/talia")]), @"database.url: must be sqlite: and the path of a file, or postgres://USER:PASSWORD@HOST/DATABASE");
    insta::assert_snapshot!(error("", &[("TALIA_TWILIO_ACCOUNT_SID", "AC1")]), @"twilio.account_sid: must be AC and 32 hexadecimal digits");
    insta::assert_snapshot!(error("", &[("TALIA_TWILIO_API_KEY_SECRET", "x")]), @"twilio.api_key_sid: is missing beside api_key_secret");
    insta::assert_snapshot!(error("", &[("TALIA_VOICE_WEBHOOK_SECRET", "too short")]), @"twilio.webhook_secret: must have 16 bytes or more");
    insta::assert_snapshot!(error("", &[("TALIA_VOICE_WEBHOOK_SECRET", "whsec_*")]), @"twilio.webhook_secret: whsec_ must be followed by base64");
    insta::assert_snapshot!(error("", &[("TALIA_VOICE_WEBHOOK_SECRET_NEXT", "0123456789abcdef")]), @"twilio.webhook_secret: is missing beside webhook_secret_next");
    insta::assert_snapshot!(error("", &[("TALIA_TWILIO_SHARED_KEYS", "webhooks_sharedkey_1")]), @"environment: TALIA_TWILIO_SHARED_KEYS must be name=value pairs, parted by commas");
    insta::assert_snapshot!(error("", &[("TALIA_TWILIO_SHARED_KEYS", "webhooks_sharedkey_1=")]), @"twilio.shared_keys: has a key without a secret");
    insta::assert_snapshot!(error("[twilio]\nshared_keys = { webhooks_sharedkey_1 = 1 }\n", &[]), @"talia.toml:2: invalid type: integer `1`, expected a string");
    insta::assert_snapshot!(error("", &[("TALIA_SPEECH__ENGINES", "cloud")]), @"speech.engines: must be local or fixed-delay");
    insta::assert_snapshot!(error("", &[("TALIA_LOG", "talia=loud")]), @r###"telemetry.log: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5"###);
    insta::assert_snapshot!(error("", &[("TALIA_TWILIO__API_URL", "http://api.twilio.com")]), @"twilio.api_url: must begin with https:// (the account's secret travels to it), except on this machine itself");
    insta::assert_snapshot!(error("", &[("TALIA_DIALING__FROM", "5512345678")]), @"dialing.from: is not a number like +525512345678");
    insta::assert_snapshot!(error("", &[("TALIA_DIALING__COUNTRIES", "MX, Mexico")]), @"dialing.countries: «Mexico» is no country: two capital letters like MX");
    insta::assert_snapshot!(error("", &[("TALIA_DIALING__COUNTRIES", "FI")]), @"dialing.zones: FI is allowed, but its time zones aren't known: give them under dialing.zones");
    insta::assert_snapshot!(error("", &[("TALIA_DIALING__HOURS_UNTIL", "08:00")]), @"dialing.hours_until: must be later than hours_from, on one day or more");
    insta::assert_snapshot!(error("", &[("TALIA_DIALING__DAYS", "lunes")]), @"dialing.days: takes mon, tue, wed, thu, fri, sat, sun");
    insta::assert_snapshot!(error("", &[("TALIA_DIALING__MACHINE", "message")]), @"dialing.machine_message: must have 1 to 1000 characters when dialing.machine is message");
    insta::assert_snapshot!(error("", &[("TALIA_DIALING__MAX_COST_PER_DAY", "-1")]), @"dialing.max_cost_per_day: must be an amount between 0 and 1000000");
    let key =
        |hash: &str, scopes: &str| format!("[[api.keys]]\nid = \"crm\"\nsha256 = \"{hash}\"\nscopes = [{scopes}]\n");
    let hash = "ab".repeat(32);
    insta::assert_snapshot!(error(&key("ab", "\"dial\""), &[]), @"api.keys: «crm»: sha256 must be 64 hexadecimal digits (talia-voice keys new-api prints them)");
    insta::assert_snapshot!(error(&key(&hash, ""), &[]), @"api.keys: «crm»: has no scopes: it could do nothing");
    insta::assert_snapshot!(error(&key(&hash, "\"dial\"").repeat(2), &[]), @"api.keys: «crm»: is there twice");
    let scope = error(&key(&hash, "\"all\""), &[]);
    assert!(scope.starts_with("talia.toml:4: unknown variant `all`"), "{scope}");
    let gone = error("[assistants]\nnumbers = { \"+521\" = \"ventas\" }\n", &[]);
    assert!(gone.starts_with("talia.toml:2: unknown field `numbers`"), "{gone}");
    let gone = error("[disclosure]\ntext = \"\"\n", &[]);
    assert!(gone.starts_with("talia.toml:1: unknown field `disclosure`"), "{gone}");
}

#[test]
fn a_missing_file_that_was_named_is_an_error() {
    let sources = Sources {
        file: Some("/nowhere/talia.toml".into()),
        environment: HashMap::new(),
    };
    let error = Config::load(&sources).expect_err("no file").to_string();
    assert!(error.starts_with("/nowhere/talia.toml: "), "{error}");
}

#[test]
fn no_error_and_no_debug_text_shows_a_secret() {
    let config = load(
        "",
        &[
            ("TALIA_VOICE_WEBHOOK_SECRET", "s3cr3t-w-0123456789"),
            ("TALIA_VOICE_WEBHOOK_SECRET_NEXT", "s3cr3t-n-0123456789"),
            ("TALIA_TWILIO_SHARED_KEYS", "one=s3cr3t-s"),
            ("TALIA_SERVER__API_KEY", "s3cr3t-key-0123456"),
            ("TALIA_NATS_URL", "nats://talia:s3cr3t-n@localhost"),
        ],
    );
    let shown = format!("{:?}", config.expect("good"));
    assert!(!shown.contains("s3cr3t") && !shown.contains(TOKEN), "{shown}");
}

/// Every key of the manual is set by a variable of its own, and has a comment above it.
#[test]
fn the_manual_is_complete() {
    let table: toml::Table = DEFAULTS.parse().expect("TOML");
    let mut keys = BTreeSet::new();
    for (section, content) in &table {
        for (key, value) in content.as_table().expect("sections only") {
            if value.is_table() {
                continue;
            }
            let variable = format!("TALIA_{}__{}", section.to_uppercase(), key.to_uppercase());
            let text = value.to_string().trim_matches('"').to_owned();
            if section != "twilio" {
                assert!(load("", &[(&variable, &text)]).is_ok(), "{variable}={text}");
            }
            keys.insert(key.clone());
        }
    }
    assert!(keys.len() > 30);
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    for pair in lines.windows(2) {
        // A table in a section is described above its name, with others of its kind.
        let starts_block = pair[0].is_empty() || pair[0].starts_with('[') && !pair[0].contains('.');
        let is_key = !pair[1].starts_with('#') && pair[1].contains(" = ");
        assert!(!(starts_block && is_key), "no comment above {}", pair[1]);
    }
}

#[test]
fn a_chain_names_engines_that_are_there_and_have_their_keys() {
    let defaults = load("", &[]).expect("good");
    assert!(matches!(defaults.speech.ears[..], [Link::Local]) && matches!(defaults.speech.mouth[..], [Link::Local]));
    assert!(defaults.thinkers.models.is_empty() && defaults.thinkers.realtime.is_none());
    let keys = [
        ("TALIA_OPENAI_API_KEY", "s3cr3t-o"),
        ("TALIA_DEEPGRAM_API_KEY", "s3cr3t-d"),
        ("TALIA_OPENAI_ASSISTANT_ID", "pmpt_1"),
        ("TALIA_PROVIDERS__OLLAMA__MODEL", "qwen3"),
        ("TALIA_SPEECH__EARS", "flux, local"),
        ("TALIA_BRAIN__CHAIN", "realtime, hosted, ollama, script"),
    ];
    let file = "[speech]\nmouth = [\"mine\", \"local\"]\n[accounts.own]\nurl = \"http://127.0.0.1:9/v\"\n\
        [providers.mine]\nkind = \"deepgram-aura\"\naccount = \"own\"\nmodel = \"aura-2-nestor-es\"\n";
    let config = load(file, &keys).expect("good");
    let [Link::Provider(flux), Link::Local] = &config.speech.ears[..] else {
        panic!("{:?}", config.speech.ears);
    };
    assert_eq!(
        (flux.kind, flux.model.as_deref()),
        (ProviderKind::DeepgramFlux, Some("flux-general-multi"))
    );
    let [Link::Provider(mine), Link::Local] = &config.speech.mouth[..] else {
        panic!("{:?}", config.speech.mouth);
    };
    assert_eq!(
        (mine.account.url.as_str(), mine.account.key.is_none()),
        ("http://127.0.0.1:9/v", true)
    );
    let names: Vec<_> = config.thinkers.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["hosted", "ollama"]);
    assert_eq!(config.thinkers.models[0].prompt.as_deref(), Some("pmpt_1"));
    assert!(config.thinkers.realtime.is_some());
    assert!(!format!("{config:?}").contains("s3cr3t"));

    insta::assert_snapshot!(error("", &[("TALIA_SPEECH__EARS", "deepgram, local")]), @"accounts.deepgram.key: is needed: deepgram is in a chain");
    insta::assert_snapshot!(error("", &[("TALIA_SPEECH__EARS", "elevenlabs")]), @"providers.elevenlabs.kind: can't be used there: elevenlabs is for the mouth");
    insta::assert_snapshot!(error("", &[("TALIA_SPEECH__MOUTH", "local, local")]), @"speech.mouth: names local twice");
    insta::assert_snapshot!(error("", &[("TALIA_SPEECH__MOUTH", "")]), @"speech.mouth: must name an engine: local, or a provider");
    insta::assert_snapshot!(error("", &[("TALIA_BRAIN__CHAIN", "gemini")]), @"providers.gemini: is named in a chain and described nowhere");
    insta::assert_snapshot!(error("", &[("TALIA_BRAIN__CHAIN", "script, ollama")]), @"brain.chain: must have the script as its last");
    insta::assert_snapshot!(error("", &[("TALIA_BRAIN__CHAIN", "ollama")]), @"providers.ollama.model: is needed");
    let late = [
        ("TALIA_OPENAI_API_KEY", "k"),
        ("TALIA_PROVIDERS__OPENAI__MODEL", "m"),
        ("TALIA_BRAIN__CHAIN", "openai, realtime"),
    ];
    insta::assert_snapshot!(error("", &late), @"brain.chain: can have a speech-to-speech engine as its first only");
    insta::assert_snapshot!(error("", &[("TALIA_ACCOUNTS__OLLAMA__URL", "http://ollama.example.com")]), @"accounts.ollama.url: must begin with https:// (keys and callers' words travel to it), except on this machine itself");
    insta::assert_snapshot!(error("", &[("TALIA_PROVIDERS__OLLAMA__MODLE", "x")]), @"environment: TALIA_PROVIDERS__OLLAMA__MODLE names a key that doesn't exist");
    insta::assert_snapshot!(error("[providers.x]\nkind = \"y\"\naccount = \"ollama\"\n[brain]\nchain = \"x\"\n", &[]), @"providers.x.kind: must be one of openai-chat, openai-responses, openai-realtime, openai-transcription, openai-speech, deepgram, deepgram-flux, deepgram-aura, elevenlabs, elevenlabs-scribe, cartesia");
}

#[test]
fn nobody_may_be_called_by_default() {
    let config = load("", &[]).expect("good");
    assert!(config.dialing.from.is_none() && config.dialing.policy.countries.is_empty());
    assert!(config.api.keys.is_empty());
    let listed = load("[dialing]\ncountries = [\"MX\", \"ES\"]\n", &[]).expect("a list");
    let named = load("", &[("TALIA_DIALING__COUNTRIES", "ES,MX")]).expect("words");
    assert_eq!(listed.dialing.policy.countries, named.dialing.policy.countries);
    let priced = "[[dialing.prices]]\nprefix = \"+52\"\nper_minute = 0.02\n";
    let priced = load(priced, &[]).expect("a price").dialing.policy.prices;
    assert_eq!(
        (priced.a_minute("+525512345678"), priced.a_minute("+34612345678")),
        (20_000, 500_000)
    );
}
