//! The audit trail: what is in it after real calls, and what is noticed when somebody changes it.

use super::rig::{Lone, tamper};
use crate::conversation::HAPPY;
use crate::harness::{CallServer, Keeper, call_sid, noon, program};
use crate::recordings::rig::Operator;
use crate::sinks::rig::write_call;
use serde_json::{Value, json};
use talia_voice::clock::Clock;
use talia_voice::store::{AuditFault, AuditKind, NewAudit};

async fn note(lone: &Lone, count: u32) {
    for number in 0..count {
        let new = NewAudit {
            kind: AuditKind::Export,
            call_sid: number.is_multiple_of(2).then(|| call_sid(number)),
            detail: json!({ "what": "person", "number": number }),
            at: lone.clock.wall(),
        };
        lone.store.audit(new).await.expect("a write");
    }
}

#[tokio::test]
async fn a_call_leaves_the_proof_of_its_disclosure_and_of_the_consent_behind_it() {
    let operator = Operator::new();
    let calls = operator.server(&[]).await;
    let outcome = calls.ring(HAPPY).await;
    outcome.assert_script_done();
    calls.nothing_lives().await;
    let (store, sid) = (&calls.server.app.store, outcome.call_sid.as_str());
    let call = store.call(sid).await.expect("a read").expect("a row");
    let text = call.disclosure_text.expect("the words");
    assert_eq!(
        text,
        "Soy Ana, una inteligencia artificial de Luz. La llamada se graba."
    );
    assert_eq!(call.disclosure_language.as_deref(), Some("es"));
    assert_eq!(call.recording_consent.as_deref(), Some("after_notice"));
    let rows = store.audit_of_call(sid).await.expect("a read");
    let kinds: Vec<_> = rows.iter().map(|row| row.kind.as_str()).collect();
    // The recording begins with the last mark of the disclosure.
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    let of = |kind: &str| rows.iter().find(|row| row.kind == kind).expect("a row");
    let detail: Value = serde_json::from_str(&of("disclosure").detail).expect("JSON");
    assert_eq!(detail, json!({ "text": text, "language": "es" }));
    assert_eq!(Some(&of("disclosure").at), call.disclosure_heard_at.as_ref());
    let detail: Value = serde_json::from_str(&of("recording").detail).expect("JSON");
    assert_eq!(detail["consent"], "after_notice");
    // A server began with a configuration before.
    let first = &store.audit_rows(0, 1).await.expect("a read")[0];
    assert_eq!((first.seq, first.kind.as_str()), (1, "configuration"));
    assert_eq!(store.verify_audit(None).await.expect("a read").faults, vec![]);
}

#[tokio::test]
async fn only_a_configuration_that_is_another_one_is_written_down() {
    let (first, mortal) = CallServer::start_mortal(&[]).await;
    let rows = async |calls: &CallServer| {
        let rows = calls.server.app.store.audit_rows(0, 100).await.expect("a read");
        let of_configuration = rows.into_iter().filter(|row| row.kind == "configuration");
        of_configuration
            .map(|row| serde_json::from_str::<Value>(&row.detail).expect("JSON"))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&first).await.len(), 1);
    mortal.kill();
    let (same, mortal) = first.again(&[]).await;
    assert_eq!(rows(&same).await.len(), 1);
    mortal.kill();
    let (other, mortal) = same.again(&[("TALIA_RETENTION__WORDS_DAYS", "30")]).await;
    let rows = rows(&other).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1]["changed"], json!(["retention"]));
    assert!(!rows[1].to_string().contains("0123456789"), "no secret");
    mortal.kill();
}

async fn whoever_changes_the_trail_is_noticed(keeper: Keeper) {
    let lone = Lone::new(keeper, Clock::manual(noon())).await;
    note(&lone, 12).await;
    let whole = lone.store.verify_audit(None).await.expect("a read");
    assert_eq!((whole.rows, &whole.faults[..]), (12, &[][..]));
    let head = whole.head.expect("a head");
    assert_eq!(head.seq, 12);
    for (statement, fault) in [
        (
            "UPDATE audit_trail SET detail = '{}' WHERE seq = 3",
            AuditFault::Changed { seq: 3 },
        ),
        (
            "DELETE FROM audit_trail WHERE seq BETWEEN 5 AND 6",
            AuditFault::Missing { from: 5, to: 6 },
        ),
        (
            "UPDATE audit_trail SET kind = 'dial' WHERE seq = 9",
            AuditFault::Changed { seq: 9 },
        ),
        (
            "DELETE FROM audit_trail WHERE seq = 12",
            AuditFault::OtherHead { seq: 12 },
        ),
    ] {
        tamper(&lone.url, statement).await;
        let report = lone.store.verify_audit(Some(&head)).await.expect("a read");
        assert!(report.faults.contains(&fault), "{statement}: {:?}", report.faults);
    }
    let environment = [("TALIA_DATABASE_URL", lone.url.as_str())];
    let said = program(
        lone.home.path(),
        &["audit", "verify", "--head", &head.to_string()],
        &environment,
        "",
    )
    .await;
    assert_eq!(said.code, 1, "{said:?}");
    for line in [
        "se cambió el renglón 3\n",
        "faltan los renglones 5 a 6\n",
        "se cambió el renglón 9\n",
        "el renglón 12 no es el que se anotó",
    ] {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
}

#[tokio::test]
async fn whoever_changes_the_trail_is_noticed_on_sqlite() {
    whoever_changes_the_trail_is_noticed(Keeper::Sqlite).await;
}

#[tokio::test]
async fn whoever_changes_the_trail_is_noticed_on_postgres() {
    whoever_changes_the_trail_is_noticed(Keeper::Postgres).await;
}

#[tokio::test]
async fn an_operator_reads_the_trail_and_notes_its_head() {
    let lone = Lone::new(Keeper::Sqlite, Clock::real()).await;
    write_call(&lone.store, &lone.clock, &call_sid(1), 1).await;
    note(&lone, 3).await;
    let environment = [("TALIA_DATABASE_URL", lone.url.as_str())];
    let runs = async |arguments: &[&str]| program(lone.home.path(), arguments, &environment, "").await;
    let said = runs(&["audit", "verify"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    let head = said
        .out
        .lines()
        .find_map(|line| line.strip_prefix("cabeza "))
        .expect("a head");
    assert_eq!(runs(&["audit", "verify", "--head", head]).await.code, 0);
    let listed = runs(&["audit", "list"]).await.out;
    let rows: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(format!("3:{}", rows[2]["sha256"].as_str().expect("hex")), head);
    let of_call = runs(&["audit", "list", "--call", &call_sid(2)]).await.out;
    assert_eq!(of_call.lines().count(), 1);
    assert_eq!(runs(&["audit", "verify", "--head", "12:ab"]).await.code, 2);
}
