//! What is shipped beside the program: the fallback document, the proxies' files, what watches it, and what it runs in.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use talia_dialogue::{BargeIn, TurnId, TurnTiming};
use talia_simulator::twiml::{self, Verb};
use talia_voice::config::DEFAULTS;
use talia_voice::dialing::Denial;
use talia_voice::providers::FaultClass;
use talia_voice::telemetry::Metrics;
use talia_voice::telemetry::labels::{
    BadFrame, BucketFault, BucketOperation, CertificateFault, Masked, RecordingAnswer, RecordingFault, Refusal,
    RestOperation, RestOutcome, SinkFault, StoreFault, ToolVerdict, Webhook,
};

fn at_root(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shipped(name: &str) -> String {
    at_root(&format!("deploy/{name}"))
}

#[test]
fn the_fallback_is_an_apology_and_the_end() {
    let text = shipped("fallback.xml");
    let document = twiml::parse(text.as_bytes(), "https://elsewhere.example.com/fallback.xml").expect("TwiML");
    assert_eq!(document.warnings, Vec::<String>::new());
    let [Verb::Say { text, .. }, Verb::Hangup] = &document.verbs[..] else {
        panic!("{:?}", document.verbs);
    };
    assert!(text.starts_with("Disculpa"), "{text}");
}

/// What Twilio's signatures and sockets need of a proxy, so that nobody tidies it away.
#[test]
fn the_proxies_keep_the_path_and_pass_sockets() {
    let nginx = shipped("nginx.conf");
    for needed in [
        "proxy_http_version 1.1;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection $connection_upgrade;",
        "merge_slashes off;",
        "proxy_pass http://talia_voice;",
        "proxy_read_timeout 1h;",
        "access_log off;",
    ] {
        assert!(nginx.contains(needed), "{needed}");
    }
    let caddy = shipped("Caddyfile");
    for needed in [
        "reverse_proxy 127.0.0.1:8080",
        "versions 1.1",
        "flush_interval -1",
        "lb_try_duration 10s",
    ] {
        assert!(caddy.contains(needed), "{needed}");
    }
}

/// Metrics in which each family has a member: before that, it isn't exposed.
fn counted_once() -> Metrics {
    let metrics = Metrics::default();
    metrics.refused(Refusal::Draining);
    metrics.certificate_failed(CertificateFault::Order);
    metrics.recording_failed(RecordingFault::Full);
    metrics.recording_answered(RecordingAnswer::Yes);
    metrics.bucket_fault(BucketOperation::Upload, BucketFault::Unreachable);
    metrics.bad_frame(BadFrame::Json);
    metrics.store_error(StoreFault::Full);
    metrics.webhook(Webhook::Inbound, Duration::ZERO);
    metrics.dial_denied(Denial::Country);
    metrics.tool_used(ToolVerdict::Done);
    metrics.masked(Masked::Card);
    metrics.tokens("a", [1, 1, 1]);
    metrics.spoken("a", 1);
    metrics.heard("a", Duration::from_secs(1));
    metrics.cost("a", 1);
    metrics.rest(RestOperation::Account, RestOutcome::Done, Duration::ZERO);
    metrics.rest_retried(RestOperation::Account);
    metrics.provider_fault("a", FaultClass::Quota);
    metrics.provider_unknown_event("a");
    metrics.hearing_degraded("a");
    metrics.event_delivered("a");
    metrics.event_dead("a");
    metrics.event_sink_fault("a", SinkFault::Full);
    metrics.outbox_lag("a", 1, Duration::ZERO);
    metrics.barge_in(BargeIn::Resumed);
    let at = Duration::ZERO;
    metrics.turn(&TurnTiming {
        turn: TurnId(1),
        speech_ended: at,
        transcribed: at,
        decided: at,
        first_text: at,
        first_audio: at,
        first_frame: at,
        first_heard: at,
    });
    metrics
}

/// The labels that a metric has, with those that Prometheus adds.
fn labels_of(exposition: &str, metrics: &BTreeSet<String>) -> BTreeSet<String> {
    let mut labels: BTreeSet<String> = ["job", "instance", "namespace", "pod"].map(str::to_owned).into();
    for line in exposition.lines() {
        let Some((name, rest)) = line.split_once('{') else {
            continue;
        };
        if metrics.contains(name) {
            labels.extend(read(rest).selectors.into_iter().map(|(label, _)| label));
        }
    }
    labels
}

/// The metrics that the server exposes, named as Prometheus knows them.
fn exposed(exposition: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in exposition.lines() {
        let Some(described) = line.strip_prefix("# TYPE ") else {
            continue;
        };
        let (name, kind) = described.split_once(' ').expect("a name and a kind");
        let endings: &[&str] = match kind {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => panic!("{kind}"),
        };
        names.extend(endings.iter().map(|ending| format!("{name}{ending}")));
    }
    assert!(names.len() > 40, "{names:?}");
    names
}

/// PromQL, taken apart.
struct Query {
    /// Without what stands in quotes.
    bare: String,
    /// Each label with the text that it is compared with.
    selectors: Vec<(String, String)>,
}

fn read(query: &str) -> Query {
    let (mut bare, mut selectors) = (String::new(), Vec::new());
    for (number, part) in query.split('"').enumerate() {
        if number % 2 == 0 {
            bare.push_str(part);
            continue;
        }
        let before = bare.trim_end_matches(['=', '~', '!']);
        let start = before.rfind(|sign| !is_of_a_name(sign)).map_or(0, |at| at + 1);
        selectors.push((before[start..].to_owned(), part.to_owned()));
        bare.push_str("\"\"");
    }
    Query { bare, selectors }
}

fn is_of_a_name(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_'
}

/// The metrics of a query, and the labels that it groups by.
fn metrics_and_groupings(bare: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut metrics, mut groupings) = (BTreeSet::new(), BTreeSet::new());
    let mut rest = bare;
    let mut last_word = "";
    let mut of_labels = false;
    while let Some(sign) = rest.chars().next() {
        if sign.is_ascii_alphabetic() || sign == '_' {
            let end = rest.find(|sign: char| !is_of_a_name(sign)).unwrap_or(rest.len());
            let word = &rest[..end];
            rest = &rest[end..];
            let follows = rest.trim_start().chars().next().unwrap_or(' ');
            if of_labels {
                groupings.insert(word.to_owned());
            } else if follows == '{' || word == "up" {
                metrics.insert(word.to_owned());
            }
            last_word = word;
            continue;
        }
        match sign {
            '(' => of_labels = matches!(last_word, "by" | "on"),
            ')' => of_labels = false,
            _ => {}
        }
        // A duration, or a place's value, is no word.
        let skipped = if sign.is_ascii_digit() || sign == '$' {
            rest[1..]
                .find(|sign: char| !is_of_a_name(sign))
                .map_or(rest.len(), |at| at + 1)
        } else {
            sign.len_utf8()
        };
        if !sign.is_whitespace() {
            last_word = "";
        }
        rest = &rest[skipped..];
    }
    (metrics, groupings)
}

/// Where a query stands, and the query: of the dashboard, the alert rules and the autoscaler's metric.
fn queries() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let dashboard: serde_json::Value = serde_json::from_str(&shipped("grafana/talia-voice.json")).expect("JSON");
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().expect("a query");
            found.push((format!("panel {title}"), query.to_owned()));
        }
    }
    assert!(found.len() > 40, "only {} queries of the dashboard", found.len());
    for alert in alerts() {
        found.push((format!("alert {}", alert.name), alert.query));
    }
    let adapter = shipped("kubernetes/prometheus-adapter.values.yaml");
    for key in ["seriesQuery", "metricsQuery"] {
        let query = value(&adapter, key)
            .replace("<<.LabelMatchers>>", "")
            .replace("<<.GroupBy>>", "");
        found.push((format!("adapter {key}"), query));
    }
    found
}

/// The value of the first line with this key, without quotes around it.
fn value(yaml: &str, key: &str) -> String {
    let line = yaml
        .lines()
        .find_map(|line| {
            line.trim_start()
                .trim_start_matches("- ")
                .strip_prefix(&format!("{key}: "))
        })
        .unwrap_or_else(|| panic!("no {key}"));
    let line = line.trim();
    let quoted = ['"', '\'']
        .iter()
        .find_map(|quote| line.strip_prefix(*quote)?.strip_suffix(*quote));
    quoted.unwrap_or(line).to_owned()
}

struct Alert {
    name: String,
    query: String,
    /// Everything of the rule.
    text: String,
}

fn alerts() -> Vec<Alert> {
    let text = shipped("prometheus/alerts.yaml");
    let found: Vec<_> = text
        .split("- alert: ")
        .skip(1)
        .map(|rule| {
            let name = rule.lines().next().expect("a name").to_owned();
            let (_, query) = rule.split_once("expr:").expect("a query");
            // It ends where the next key of the rule begins.
            let end = ["\n        for:", "\n        labels:"]
                .iter()
                .filter_map(|key| query.find(key))
                .min()
                .expect("labels");
            Alert {
                name,
                query: query[..end].trim_start_matches(" |").to_owned(),
                text: rule.to_owned(),
            }
        })
        .collect();
    assert!(found.len() > 20, "only {} alerts", found.len());
    found
}

#[test]
fn dashboard_alerts_and_autoscaler_ask_for_metrics_that_exist() {
    let exposed = exposed(&counted_once().exposition().expect("an exposition"));
    for (place, query) in queries() {
        let (metrics, _) = metrics_and_groupings(&read(&query).bare);
        assert!(!metrics.is_empty(), "{place} asks for nothing: {query}");
        for metric in metrics {
            assert!(
                metric == "up" || exposed.contains(&metric),
                "{place}: no metric {metric}"
            );
        }
    }
    let autoscaler = shipped("kubernetes/horizontalpodautoscaler.yaml");
    assert!(autoscaler.contains("metric:\n          name: live_calls\n"));
}

#[test]
fn queries_use_labels_and_words_that_exist() {
    let exposition = counted_once().exposition().expect("an exposition");
    let words = [
        include_str!("../../src/telemetry/labels.rs"),
        include_str!("../../src/providers/fault.rs"),
        include_str!("../../src/dialing/denial.rs"),
    ]
    .concat();
    let mut compared = 0;
    for (place, query) in queries() {
        let Query { bare, selectors } = read(&query);
        let (metrics, groupings) = metrics_and_groupings(&bare);
        let labels = labels_of(&exposition, &metrics);
        for label in groupings.iter().chain(selectors.iter().map(|(label, _)| label)) {
            assert!(labels.contains(label), "{place}: {metrics:?} has no label {label}");
        }
        for (_, value) in selectors.iter().filter(|(label, _)| {
            [
                "reason",
                "stage",
                "class",
                "outcome",
                "webhook",
                "operation",
                "kind",
                "verdict",
            ]
            .contains(&label.as_str())
        }) {
            for word in value.split('|') {
                assert!(words.contains(&format!("\n    {word},\n")), "{place}: no {word}");
                compared += 1;
            }
        }
        for (_, job) in selectors.iter().filter(|(label, _)| label == "job") {
            assert_eq!(job, "talia-voice", "{place}");
        }
    }
    assert!(compared > 20, "only {compared} words were looked at");
    for file in ["prometheus/prometheus.yaml", "kubernetes/kustomization.yaml"] {
        assert!(shipped(file).contains(": talia-voice\n"), "{file} names the job");
    }
}

#[test]
fn a_query_is_taken_apart() {
    let query = read(
        r#"sum by (le, reason) (rate(a_total{b=~"C|D", e!="(x)"}[5m])) > 1e6 and on () (f_bucket{g="h"} unless up)"#,
    );
    let selectors: Vec<_> = query
        .selectors
        .iter()
        .map(|(label, value)| (label.as_str(), value.as_str()))
        .collect();
    assert_eq!(selectors, [("b", "C|D"), ("e", "(x)"), ("g", "h")]);
    let (metrics, groupings) = metrics_and_groupings(&query.bare);
    assert_eq!(metrics, ["a_total", "f_bucket", "up"].map(str::to_owned).into());
    assert_eq!(groupings, ["le", "reason"].map(str::to_owned).into());
}

#[test]
fn every_panel_says_what_it_shows() {
    let dashboard: serde_json::Value = serde_json::from_str(&shipped("grafana/talia-voice.json")).expect("JSON");
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert!(
            ids.insert(panel["id"].as_u64()),
            "{panel} has the number of another one"
        );
        if panel["type"] != "row" {
            let said = panel["description"].as_str().unwrap_or_default();
            assert!(
                said.ends_with('.') && !said.contains('\n'),
                "{}: {said:?}",
                panel["title"]
            );
        }
    }
}

#[test]
fn every_alert_has_a_severity_a_test_and_a_heading_that_says_what_to_do() {
    let guide = at_root("docs/OPERATIONS.md");
    let tests = shipped("prometheus/alerts.test.yaml");
    let mut names = BTreeSet::new();
    for Alert { name, text, .. } in alerts() {
        assert!(
            ["warning", "critical"].contains(&value(&text, "severity").as_str()),
            "{name}"
        );
        for said in ["summary", "description"] {
            assert!(value(&text, said).len() > 20, "{name} has no {said}");
        }
        let anchor = format!("docs/OPERATIONS.md#{}", name.to_lowercase());
        assert_eq!(value(&text, "runbook"), anchor, "{name}");
        assert!(guide.contains(&format!("\n### {name}\n")), "no heading for {name}");
        assert!(
            tests.contains(&format!("alertname=\"{name}\"")),
            "no test in which {name} fires"
        );
        names.insert(name);
    }
    for heading in guide.lines().filter_map(|line| line.strip_prefix("### Talia")) {
        assert!(names.contains(&format!("Talia{heading}")), "no alert Talia{heading}");
    }
}

/// A number of seconds of `[limits]`, as it comes.
fn limit(key: &str) -> u64 {
    let defaults: toml::Table = DEFAULTS.parse().expect("the defaults");
    let limit = defaults["limits"][key].as_integer().expect("a number");
    limit.try_into().expect("a number of seconds")
}

fn number(yaml: &str, key: &str) -> u64 {
    value(yaml, key).parse().expect("a number")
}

/// What ends a server waits until its calls have ended.
#[test]
fn a_stop_leaves_calls_their_time() {
    let deployment = shipped("kubernetes/deployment.yaml");
    let drain = number(&shipped("kubernetes/configmap.yaml"), "TALIA_LIMITS__DRAIN_S");
    // The goodbye after the longest call: as `[dialing]` reckons it.
    assert!(drain >= limit("longest_call_s") + 60, "a pod cuts its longest calls");
    let (_, sleep) = deployment.split_once("command: [\"sleep\", \"").expect("a preStop");
    let sleep: u64 = sleep[..sleep.find('"').expect("its end")].parse().expect("seconds");
    assert!(sleep >= 5, "ingresses have no time to hear of it");
    let grace = number(&deployment, "terminationGracePeriodSeconds");
    // After its calls the server takes up to ten seconds for last answers, rows, events and spans.
    assert!(grace >= sleep + drain + 15, "killed while it drains: {grace}");

    let drain = limit("drain_s");
    let unit = shipped("systemd/talia-voice.service");
    let stop = unit
        .lines()
        .find_map(|line| line.strip_prefix("TimeoutStopSec="))
        .expect("a time");
    assert!(stop.parse::<u64>().expect("seconds") >= drain + 10);
    let compose = shipped("compose/compose.yaml");
    assert!(compose.contains("    stop_grace_period: 2m30s\n    env_file: [talia.env]\n"));
    assert!(!compose.contains("DRAIN_S") && drain + 10 <= 150);
}

#[test]
fn numbers_that_belong_together_agree() {
    let autoscaler = shipped("kubernetes/horizontalpodautoscaler.yaml");
    let most = number(&shipped("kubernetes/configmap.yaml"), "TALIA_LIMITS__MAX_CALLS");
    assert!(
        number(&autoscaler, "averageValue") * 2 <= most,
        "a pod is full before the next one is there"
    );
    let near = alerts().into_iter().find(|alert| alert.name == "TaliaNearCallLimit");
    let query = near.expect("the alert").query;
    assert!(
        query.ends_with(&format!("> {}", limit("max_calls") * 8 / 10)),
        "{query}"
    );
}

/// Without its database the server answers callers: a balancer must not ask `/readyz`, or all servers are gone at once.
#[test]
fn who_balances_asks_whether_the_process_answers() {
    let deployment = shipped("kubernetes/deployment.yaml");
    let path_of = |probe: &str| {
        let (_, rest) = deployment.split_once(&format!("{probe}:\n")).expect("the probe");
        rest.lines().next().expect("its check").trim().to_owned()
    };
    assert_eq!(path_of("readinessProbe"), "httpGet: { path: /healthz, port: http }");
    assert_eq!(path_of("livenessProbe"), "httpGet: { path: /healthz, port: http }");
    assert_eq!(path_of("startupProbe"), "httpGet: { path: /readyz, port: http }");
    for needed in [
        "runAsNonRoot: true",
        "readOnlyRootFilesystem: true",
        "allowPrivilegeEscalation: false",
        "drop: [\"ALL\"]",
    ] {
        assert!(deployment.contains(needed), "{needed}");
    }
    assert!(!deployment.contains("\n  replicas:"), "the autoscaler has the number");
}

#[test]
fn the_image_builds_with_our_settings_and_runs_as_nobody_special() {
    let file = shipped("Dockerfile");
    let place = |needed: &str| file.find(needed).unwrap_or_else(|| panic!("{needed}"));
    // What whisper.cpp is told must be there before it is built.
    assert!(place("\nCOPY .cargo .cargo\n") < place("cargo build --release --locked"));
    let root = at_root(".cargo/config.toml");
    assert!(
        root.contains("GGML_NATIVE = \"OFF\""),
        "the image would run on its builder only"
    );
    let last = &file[file.rfind("\nFROM ").expect("a stage")..];
    assert!(last.starts_with("\nFROM debian:bookworm-slim\n"));
    let user = last.lines().filter_map(|line| line.strip_prefix("USER ")).next_back();
    assert_eq!(user, Some("10001:10001"));
    let deployment = shipped("kubernetes/deployment.yaml");
    assert_eq!(number(&deployment, "runAsUser"), 10001);
    assert!(last.contains("GET /healthz") && last.contains("\nHEALTHCHECK "));
    let kept_out = at_root(".dockerignore");
    assert!(
        kept_out.lines().any(|line| line == "*"),
        "secrets and databases would be in the image's context"
    );
    for copied in file
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter(|line| !line.starts_with("--from"))
    {
        let mut sources: Vec<_> = copied.split(' ').collect();
        sources.pop();
        for source in sources {
            assert!(
                kept_out.lines().any(|line| line == format!("!{source}")),
                "{source} is kept out"
            );
            assert!(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("../..")
                    .join(source)
                    .exists(),
                "{source}"
            );
        }
    }
    // What it is told when phrases are ready is what the server says then.
    let said = "fixed phrases are ready";
    assert!(shipped("make-phrases.sh").contains(said) && include_str!("../../src/cli/serve.rs").contains(said));
}

/// Variables of ours in files and in the guide are variables that the server knows.
#[test]
fn variables_that_are_written_down_exist() {
    let defaults: toml::Table = DEFAULTS.parse().expect("the defaults");
    // Compose's own, the folder of the models, and the configuration's file.
    let others = [
        "TALIA_HOST",
        "TALIA_VERSION",
        "TALIA_API_KEY",
        "TALIA_MODELS_DIR",
        "TALIA_CONFIG",
        "TALIA_SECTION__KEY",
        "TALIA_",
    ];
    let mut seen = 0;
    for file in [
        "docs/OPERATIONS.md",
        "deploy/Dockerfile",
        "deploy/make-phrases.sh",
        "deploy/README.md",
        "deploy/compose/compose.yaml",
        "deploy/compose/.env.example",
        "deploy/compose/talia.env.example",
        "deploy/kubernetes/configmap.yaml",
        "deploy/kubernetes/secret.example.yaml",
        "deploy/kubernetes/podmonitor.example.yaml",
        "deploy/prometheus/prometheus.yaml",
        "deploy/systemd/talia-voice.service",
    ] {
        let text = at_root(file);
        for (at, _) in text.match_indices("TALIA_") {
            let variable = text[at..].split(|sign| !is_of_a_name(sign)).next().expect("a word");
            let known = match variable["TALIA_".len()..].to_lowercase().split_once("__") {
                None => DEFAULTS.contains(variable) || others.contains(&variable),
                Some((section, key)) => key
                    .split("__")
                    .try_fold(defaults.get(section), |table, name| table.map(|table| table.get(name)))
                    .flatten()
                    .is_some(),
            };
            assert!(known || others.contains(&variable), "{file}: {variable}");
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} variables");
}
