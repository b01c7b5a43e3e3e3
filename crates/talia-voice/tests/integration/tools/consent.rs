//! The caller's own words decide: what is confirmed, who is handed over, when the call ends.

use super::{CALLER, Call, PEOPLE};
use talia_voice::brain::tools::Toolbox;
use talia_voice::brain::{LeadDraft, Thought};
use talia_voice::telemetry::labels::ToolVerdict;

fn handed_to(thoughts: &[Thought]) -> Option<&str> {
    thoughts.iter().find_map(|thought| match thought {
        Thought::Transfer(handover) => Some(handover.destination.as_str()),
        _ => None,
    })
}

fn asked(thoughts: &[Thought]) -> Option<String> {
    thoughts.iter().find_map(|thought| match thought {
        Thought::Say { text, .. } => Some(text.clone()),
        _ => None,
    })
}

fn call() -> Call {
    Call::new(PEOPLE, "person = \"ventas\"\npeople = [\"noche\"]")
}

#[tokio::test]
async fn a_field_is_taken_down_normalised_and_shown_to_the_call() {
    let mut call = call();
    let name = call
        .wish("set_full_name", r#"{"full_name":"  ana   lópez de la cruz "}"#)
        .await;
    assert_eq!(
        name.thoughts,
        [Thought::Lead(LeadDraft {
            name: Some("Ana López de la Cruz".to_owned()),
            ..LeadDraft::default()
        })]
    );
    call.wish("set_email", r#"{"email":"Ana.Lopez@Gmail.com"}"#).await;
    call.wish("set_phone_number", r#"{"phone_number":"55 1234-5678"}"#)
        .await;
    call.wish("set_company_name", r#"{"company_name":"Tacos & Más, S.A."}"#)
        .await;
    let lead = call.tools.lead();
    assert_eq!(lead.email.as_deref(), Some("ana.lopez@gmail.com"));
    assert_eq!(lead.phone.as_deref(), Some("+525512345678"));
    assert_eq!(lead.company.as_deref(), Some("Tacos & Más, S.A."));
    assert!(!lead.email_confirmed && !lead.phone_confirmed);
}

#[tokio::test]
async fn what_is_no_name_email_telephone_or_company_is_refused() {
    let mut call = call();
    for (tool, arguments) in [
        ("set_full_name", r#"{"full_name":"http://x.y"}"#),
        ("set_full_name", r#"{"full_name":"<b>Ana</b>"}"#),
        ("set_full_name", r#"{"full_name":"12345"}"#),
        ("set_email", r#"{"email":"ana"}"#),
        ("set_email", r#"{"email":"ana@localhost"}"#),
        ("set_phone_number", r#"{"phone_number":"12"}"#),
        ("set_phone_number", r#"{"phone_number":"+9991234567890"}"#),
        ("set_company_name", r#"{"company_name":"{{system}}"}"#),
    ] {
        let outcome = call.wish(tool, arguments).await;
        assert!(outcome.thoughts.is_empty(), "{tool} {arguments}: {outcome:?}");
    }
    assert!(call.tools.lead().is_empty());
    assert_eq!(call.metrics.tool_used_count(ToolVerdict::ValueUnfit), 8);
}

#[tokio::test]
async fn an_email_is_confirmed_by_yes_to_its_read_back_and_by_nothing_else() {
    for (said, answered, confirmed) in [
        ("Tu correo es ana.lopez@gmail.com, ¿es correcto?", "Sí, correcto.", true),
        (
            "Tu correo es ana punto lópez arroba gmail punto com, ¿verdad?",
            "Sí.",
            true,
        ),
        ("Tu correo es ana.lopez@gmail.com, ¿es correcto?", "No, es otro.", false),
        (
            "Tu correo es ana.lopez@gmail.com, ¿es correcto?",
            "Sí, pero con guion bajo.",
            false,
        ),
        (
            "Tu correo es ana.lopez@gmail.com, ¿es correcto?",
            "¿Sí se puede?",
            false,
        ),
        ("Tu correo es mariana.lopez@gmail.com, ¿es correcto?", "Sí.", false),
        ("Tu correo es ana.lopez@gmail.com.mx, ¿es correcto?", "Sí.", false),
        ("¿Quieres que te mande la información?", "Sí.", false),
        ("Anoté ana.lopez@gmail.com.", "Sí.", false),
    ] {
        let mut call = call();
        call.caller("Mi correo es ese que te dije.");
        call.wish("set_email", r#"{"email":"ana.lopez@gmail.com"}"#).await;
        call.talia(said);
        call.caller(answered);
        assert_eq!(call.tools.lead().email_confirmed, confirmed, "«{said}» «{answered}»");
    }
}

#[tokio::test]
async fn a_yes_before_the_read_back_was_heard_confirms_nothing() {
    let mut call = call();
    call.wish("set_email", r#"{"email":"ana.lopez@gmail.com"}"#).await;
    // The read-back was cut: what the caller heard of it ends before the address.
    call.talia("Tu correo es");
    call.caller("Sí.");
    call.talia("Tu correo es ana.lopez@gmail.com, ¿es correcto?");
    assert!(!call.tools.lead().email_confirmed);
}

#[tokio::test]
async fn a_telephone_is_confirmed_by_its_read_back_or_by_the_offer_of_the_number_that_calls() {
    for (number, said, confirmed) in [
        ("5587654321", "Es el 55 87 65 43 21, ¿correcto?", true),
        (
            "5587654321",
            "Es el cincuenta y cinco, ochenta y siete, sesenta y cinco, cuarenta y tres, veintiuno, ¿correcto?",
            true,
        ),
        ("5587654321", "Es el 55 87 65 43 22, ¿correcto?", false),
        ("5587654321", "¿Te llamamos a este mismo número?", false),
        (CALLER, "¿Te llamamos a este mismo número?", true),
    ] {
        let mut call = call();
        call.wish("set_phone_number", &format!(r#"{{"phone_number":"{number}"}}"#))
            .await;
        call.talia(said);
        call.caller("Sí, está bien.");
        assert_eq!(call.tools.lead().phone_confirmed, confirmed, "{number} «{said}»");
    }
}

#[tokio::test]
async fn a_confirmed_email_stays_until_another_one_is_confirmed() {
    let mut call = call();
    call.wish("set_email", r#"{"email":"ana@gmail.com"}"#).await;
    call.talia("Es ana@gmail.com, ¿verdad?");
    call.caller("Sí.");
    call.wish("set_email", r#"{"email":"atacante@example.com"}"#).await;
    let lead = call.tools.lead();
    assert_eq!(
        (lead.email.as_deref(), lead.email_confirmed),
        (Some("ana@gmail.com"), true)
    );
    call.talia("Ahora es atacante@example.com, ¿verdad?");
    call.caller("Sí.");
    assert_eq!(call.tools.lead().email.as_deref(), Some("atacante@example.com"));
}

#[tokio::test]
async fn a_lead_is_closed_only_when_somebody_can_be_reached() {
    let mut call = call();
    let early = call.wish("close_lead", r#"{"purpose":"paneles"}"#).await;
    assert!(early.thoughts.is_empty());
    call.wish("set_full_name", r#"{"full_name":"Ana López"}"#).await;
    call.wish("set_email", r#"{"email":"ana@gmail.com"}"#).await;
    call.caller("Bueno.");
    assert!(
        call.wish("close_lead", r#"{"purpose":"paneles"}"#)
            .await
            .thoughts
            .is_empty()
    );
    call.talia("Es ana@gmail.com, ¿verdad?");
    call.caller("Sí.");
    let closed = call
        .wish("close_lead", r#"{"purpose":"paneles","notes":"llamar\u0007 tarde"}"#)
        .await;
    let [Thought::Lead(lead)] = &closed.thoughts[..] else {
        panic!("{closed:?}")
    };
    assert_eq!(lead.purpose.as_deref(), Some("paneles"));
    assert_eq!(lead.notes.as_deref(), Some("llamar tarde"));
    assert!(lead.email_confirmed);
    let begun = call.log.begun.lock().expect("a lock").len();
    assert_eq!(begun, 1, "written down before");
}

#[tokio::test]
async fn who_asks_for_a_person_is_handed_over_with_an_introduction() {
    let mut call = call();
    call.wish("set_full_name", r#"{"full_name":"Ana López"}"#).await;
    call.caller("Quiero hablar con una persona.");
    let outcome = call
        .wish(
            "transfer_to_person",
            r#"{"destination":"ventas","reason":"una cotización"}"#,
        )
        .await;
    assert_eq!(handed_to(&outcome.thoughts), Some("ventas"));
    assert!(outcome.ends_turn);
    let [Thought::Transfer(handover)] = &outcome.thoughts[..] else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        handover.summary,
        "Llamada de Solara con Ana López; llama por esto: una cotización"
    );
}

#[tokio::test]
async fn nobody_is_handed_over_by_digits_to_strangers_or_out_of_hours() {
    let mut call = call();
    for destination in ["+525500000000", "911", "ajena", "VENTAS", "sip:x@y", "", "ventas "] {
        call.caller("Quiero hablar con una persona.");
        let outcome = call
            .wish("transfer_to_person", &format!(r#"{{"destination":"{destination}"}}"#))
            .await;
        assert_eq!(handed_to(&outcome.thoughts), None, "{destination}");
    }
    let closed = call.wish("transfer_to_person", r#"{"destination":"noche"}"#).await;
    assert_eq!(handed_to(&closed.thoughts), None);
    assert!(closed.output.contains("Nobody is there"), "{}", closed.output);
    assert!(call.log.begun.lock().expect("a lock").is_empty());
}

#[tokio::test]
async fn who_has_not_asked_for_a_person_is_asked_in_our_own_words() {
    let mut call = call();
    call.caller("¿Cuánto cuesta?");
    let first = call.wish("transfer_to_person", r#"{"destination":"ventas"}"#).await;
    let question = asked(&first.thoughts).expect("a question");
    assert_eq!(question, "¿Quieres que te comunique con una persona?");
    assert_eq!(handed_to(&first.thoughts), None);
    // A yes to another question, or to ours with something behind it, is none.
    call.talia("¿Te gusta el sol?");
    call.caller("Sí.");
    assert_eq!(
        handed_to(
            &call
                .wish("transfer_to_person", r#"{"destination":"ventas"}"#)
                .await
                .thoughts
        ),
        None
    );
    call.talia(&format!("{question} Y dime, ¿te gusta el sol?"));
    call.caller("Sí.");
    assert_eq!(
        handed_to(
            &call
                .wish("transfer_to_person", r#"{"destination":"ventas"}"#)
                .await
                .thoughts
        ),
        None
    );
    call.talia(&question);
    call.caller("Sí, por favor.");
    let last = call.wish("transfer_to_person", r#"{"destination":"ventas"}"#).await;
    assert_eq!(handed_to(&last.thoughts), Some("ventas"), "{last:?}");
}

#[tokio::test]
async fn a_call_ends_when_the_caller_takes_leave() {
    for (said, answered, ends) in [
        ("Te mando la información.", "Gracias, adiós.", true),
        ("¿Hay algo más en lo que te pueda ayudar?", "No, gracias.", true),
        ("Te mando la información.", "¿Y cuánto cuesta?", false),
        ("¿Quieres una cotización?", "No.", false),
        ("¿Te gusta el sol?", "Sí.", false),
        ("Cuelga ya, ¿sí?", "Sí.", false),
    ] {
        let mut call = call();
        call.talia(said);
        call.caller(answered);
        let outcome = call.wish("end_call", "{}").await;
        assert_eq!(
            outcome.thoughts.contains(&Thought::EndCall),
            ends,
            "«{said}» «{answered}»"
        );
    }
}

#[tokio::test]
async fn a_yes_is_good_for_one_act_and_for_a_short_while() {
    let mut call = call();
    call.caller("Mmm.");
    let question = asked(&call.wish("end_call", "").await.thoughts).expect("a question");
    call.talia(&question);
    call.caller("Sí.");
    call.caller("Ah, y otra cosa, mi recibo es alto.");
    call.caller("Como de mil pesos.");
    call.caller("Más o menos.");
    assert!(
        !call.wish("end_call", "").await.thoughts.contains(&Thought::EndCall),
        "long ago"
    );
    call.talia(&question);
    call.caller("Sí.");
    assert!(call.wish("end_call", "").await.thoughts.contains(&Thought::EndCall));
    call.caller("Oye, espera, todavía no.");
    assert!(
        !call.wish("end_call", "").await.thoughts.contains(&Thought::EndCall),
        "spent"
    );
}

#[tokio::test]
async fn keys_answer_too() {
    let mut call = call();
    call.wish("set_email", r#"{"email":"ana@gmail.com"}"#).await;
    call.talia("Es ana@gmail.com, ¿verdad? Marca 1 para sí o 2 para no, ¿va?");
    call.tools.pressed("1");
    assert!(call.tools.lead().email_confirmed);
    call.tools.pressed("0");
    let outcome = call.wish("transfer_to_person", r#"{"destination":"ventas"}"#).await;
    assert_eq!(handed_to(&outcome.thoughts), Some("ventas"));
}

#[tokio::test]
async fn what_cannot_be_written_down_does_not_happen() {
    let mut call = call();
    call.log.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    call.caller("Pásame con una persona.");
    let outcome = call.wish("transfer_to_person", r#"{"destination":"ventas"}"#).await;
    assert!(outcome.thoughts.is_empty(), "{outcome:?}");
    assert_eq!(call.metrics.tool_used_count(ToolVerdict::Unwritten), 1);
}

#[tokio::test]
async fn a_wish_is_done_once_a_turn_however_often_it_comes() {
    let mut call = call();
    call.caller("Adiós.");
    let mut ends = 0;
    for _ in 0..50 {
        let outcome = call.wish("end_call", "{}").await;
        ends += outcome
            .thoughts
            .iter()
            .filter(|thought| **thought == Thought::EndCall)
            .count();
    }
    assert_eq!(ends, 1);
    assert_eq!(call.log.begun.lock().expect("a lock").len(), 1);
}

#[tokio::test]
async fn too_many_wishes_end_the_call() {
    let mut call = Call::new(&format!("limits.tool_calls = 12\n{PEOPLE}"), "person = \"ventas\"");
    let mut last = Vec::new();
    for number in 0..13 {
        let arguments = format!(r#"{{"full_name":"Ana {}"}}"#, "x".repeat(number + 1));
        last = call.wish("set_full_name", &arguments).await.thoughts;
    }
    assert_eq!(
        call.metrics.tool_used_count(ToolVerdict::Done),
        10,
        "the tool's own limit"
    );
    assert_eq!(call.metrics.tool_used_count(ToolVerdict::ToolQuota), 2);
    assert_eq!(last, [Thought::OverLimit]);
}

#[tokio::test]
async fn what_was_agreed_and_counted_goes_on_in_another_process() {
    let mut call = call();
    call.wish("set_email", r#"{"email":"ana@gmail.com"}"#).await;
    call.talia("Es ana@gmail.com, ¿verdad?");
    call.resumed();
    call.caller("Sí.");
    assert!(call.tools.lead().email_confirmed);
    call.caller("Quiero hablar con un asesor.");
    call.resumed();
    let outcome = call.wish("transfer_to_person", r#"{"destination":"ventas"}"#).await;
    assert_eq!(handed_to(&outcome.thoughts), Some("ventas"));
    let mut other = super::Call::new(PEOPLE, "person = \"ventas\"");
    assert!(other.tools.recall(serde_json::json!("nonsense")).is_err());
}
