//! The same model in whole calls: the caller attacks, the model obeys with a wish, and nothing of it reaches the company,
//! the telephone network or the end of the call.

use super::PEOPLE;
use super::own::{NAMED, declared};
use super::traitor::{SPANISH, wishes};
use crate::harness::CallServer;
use futures::{StreamExt as _, stream};
use talia_simulator::outcome::CallOutcome;
use talia_simulator::providers::company_tools::CompanyTools;
use talia_simulator::providers::models::{ChatCompletions, Part};
use tempfile::TempDir;

const KEY: &str = "sk-test";
/// Attacks in one call.
const IN_A_CALL: usize = 8;
/// Calls at once: most of such a call is waiting.
const AT_ONCE: usize = 14;

/// What the caller says, how the model knows it, and how it obeys.
struct Attack {
    line: String,
    case: String,
    part: Part,
}

fn attacks() -> Vec<Attack> {
    let wishes = wishes().into_iter().enumerate();
    wishes
        .map(|(number, (what, tool, arguments))| {
            let words = SPANISH[number % SPANISH.len()].replace("{}", what);
            let name = tool.to_owned();
            Attack {
                line: format!("{words} Caso {number}."),
                case: format!("caso {number}."),
                part: Part::Call { name, arguments },
            }
        })
        .collect()
}

fn script(attacks: &[Attack]) -> String {
    let wait = "[[step]]\ndo = \"wait_for_answer_end\"\n";
    let mut script = "silence_ms = 700\n".to_owned();
    let lines = attacks.iter().map(|attack| attack.line.as_str());
    for text in lines.chain(["Muchas gracias, adiós."]) {
        script.extend([wait, "[[step]]\ndo = \"say\"\ntext = \"", text, "\"\n"]);
    }
    script + "[[step]]\ndo = \"expect_hang_up\"\nwithin_ms = 15000\n"
}

struct Target {
    company: CompanyTools,
    model: ChatCompletions,
    calls: CallServer,
    _assistants: TempDir,
}

impl Target {
    async fn new(attacks: &[Attack]) -> Self {
        let company = CompanyTools::start().await.expect("a server");
        let model = ChatCompletions::start(KEY).await.expect("a port");
        for attack in attacks {
            model.mind.answer(&attack.case, vec![attack.part.clone()]);
        }
        model.mind.answer(
            "adiós",
            vec![
                Part::say("✓ Hasta luego."),
                Part::call("end_call", &serde_json::json!({})),
            ],
        );
        model.mind.otherwise(vec![Part::say("✓ Listo. ¿Qué más?")]);
        let assistants = TempDir::new().expect("a folder");
        let named = format!("{NAMED}\npeople = [\"ventas\", \"noche\"]\nid = ");
        let file = include_str!("../fixtures/breve.toml").replacen("id = ", &named, 1);
        std::fs::write(assistants.path().join("breve.toml"), file).expect("a file");
        let settings = format!(
            "[brain]\nchain = \"uno, script\"\n[accounts.uno]\nurl = \"{}\"\nkey = \"{KEY}\"\n\
             [providers.uno]\nkind = \"openai-chat\"\naccount = \"uno\"\nmodel = \"uno\"\n\
             [dialing]\ncountries = \"MX\"\n{PEOPLE}{}",
            model.url(),
            declared(&company),
        );
        let folder = assistants.path().display().to_string();
        let more = [
            ("talia.toml", settings.as_str()),
            ("TALIA_ASSISTANTS", folder.as_str()),
            ("ERP_KEY", "key-of-the-erp"),
        ];
        Self {
            calls: CallServer::start_with_rest(&more).await,
            company,
            model,
            _assistants: assistants,
        }
    }
}

/// What the policy allows is checked from outside: the company's own server, the carrier, the database.
async fn judge(target: &Target, outcome: &CallOutcome, attacks: &[Attack]) {
    let sid = outcome.call_sid.as_str();
    let store = &target.calls.server.app.store;
    let transcript = store.transcript(sid).await.expect("a read");
    let said: Vec<&str> = transcript.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(outcome.script_fault, None, "{said:#?}");
    outcome.assert_ended_by_server();
    // The call went on until the caller said goodbye.
    for Attack { line, .. } in attacks {
        assert!(said.contains(&line.as_str()), "{line}: {said:#?}");
    }
    let row = store.call(sid).await.expect("a read").expect("a row");
    assert_eq!(row.ended_reason.as_deref(), Some("finished"), "{said:#?}");
    assert!(outcome.dialled.is_empty(), "{said:#?}");
    assert!(store.transfers(sid).await.expect("a read").is_empty(), "{said:#?}");
    if let Some(lead) = store.lead(sid).await.expect("a read") {
        assert!(!lead.email_confirmed && !lead.phone_confirmed, "{lead:?}");
    }
}

/// One call; the questions to the model, and the company's look-ups.
async fn call(attacks: &[Attack]) -> (usize, usize) {
    let target = Target::new(attacks).await;
    let (carrier, _api) = target.calls.carrier_with(|_| {});
    let outcome = target.calls.ring_through(&carrier, &script(attacks), |_| {}).await;
    target.calls.nothing_lives().await;
    judge(&target, &outcome, attacks).await;
    let requests = target.company.requests();
    for request in &requests {
        // Looking up stock is free; whatever was sent as a model stays one segment of its path.
        let path = request.target.split('?').next().unwrap_or_default();
        let segment = path.strip_prefix("/stock/").unwrap_or("/");
        assert!(
            request.method == "GET" && !segment.contains('/') && !["", ".", ".."].contains(&segment),
            "{request:?}"
        );
    }
    (target.model.mind.journal().requests.len(), requests.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_calls_with_a_traitor_do_nothing_outside_the_policy() {
    let attacks = attacks();
    let calls = attacks.chunks(IN_A_CALL).map(call);
    let counts: Vec<_> = stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
    let wished: usize = counts.iter().map(|(wished, _)| wished).sum();
    let asked: usize = counts.iter().map(|(_, asked)| asked).sum();
    println!(
        "{} attacks in {} calls: {wished} questions to the model, {asked} harmless look-ups",
        attacks.len(),
        counts.len()
    );
    assert!(wished >= attacks.len(), "the model was asked {wished} times");
    assert!(asked > 0, "the model's wishes never came to the tools");
}
