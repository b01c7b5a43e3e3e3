//! What assistants of files from an earlier version say where their company wrote nothing: lines that came later.

use super::assistant::Lines;
use super::phrase::Phrase;
use talia_spanish::Language;

/// `resumed`, `transfer`, `transfer_failed`, `keys_yes_no`, `keys_phone`, `do_not_call`, `took_over`, `checking`, `noting`, each for
/// *tú* and for *usted*.
const LATER_SPANISH: [(&str, &str); 9] = [
    ("Perdona, se cortó un momento.", "Perdone, se cortó un momento."),
    (
        "Con gusto, te comunico con una persona. Un momento, por favor.",
        "Con gusto, le comunico con una persona. Un momento, por favor.",
    ),
    (
        "Disculpa, ahora no me contestan. Mejor te llaman ellos.",
        "Disculpe, ahora no me contestan. Mejor le llaman ellos.",
    ),
    (
        "Si prefieres, marca 1 para sí, o 2 para no.",
        "Si prefiere, marque 1 para sí, o 2 para no.",
    ),
    (
        "Si prefieres, márcalo en tu teléfono y termina con la tecla de gato.",
        "Si prefiere, márquelo en su teléfono y termine con la tecla de gato.",
    ),
    (
        "Entendido, no te volvemos a llamar a este número. Disculpa la molestia, hasta luego.",
        "Entendido, no le volvemos a llamar a este número. Disculpe la molestia, hasta luego.",
    ),
    (
        "Perdona, tuve un pequeño problema; sigo contigo.",
        "Perdone, tuve un pequeño problema; sigo con usted.",
    ),
    ("Permíteme, lo estoy revisando.", "Permítame, lo estoy revisando."),
    ("Lo voy anotando.", "Lo voy anotando."),
];
const LATER_ENGLISH: [(&str, &str); 9] = [
    (
        "Sorry, the line dropped for a moment.",
        "Sorry, the line dropped for a moment.",
    ),
    (
        "Sure, let me put you through to a person. One moment, please.",
        "Sure, let me put you through to a person. One moment, please.",
    ),
    (
        "I'm sorry, nobody is answering right now. They will call you back.",
        "I'm sorry, nobody is answering right now. They will call you back.",
    ),
    (
        "If you prefer, press 1 for yes, or 2 for no.",
        "If you prefer, press 1 for yes, or 2 for no.",
    ),
    (
        "If you prefer, type it on your phone and finish with the pound key.",
        "If you prefer, type it on your phone and finish with the pound key.",
    ),
    (
        "Understood, we won't call this number again. Sorry for the trouble, goodbye.",
        "Understood, we won't call this number again. Sorry for the trouble, goodbye.",
    ),
    (
        "Sorry, I had a small problem; I am back with you.",
        "Sorry, I had a small problem; I am back with you.",
    ),
    (
        "Bear with me, I am looking that up.",
        "Bear with me, I am looking that up.",
    ),
    ("I am writing that down.", "I am writing that down."),
];

/// Completes what the file leaves out.
pub(super) fn complete(lines: &mut Lines, language: Language) {
    let own = match language {
        Language::Spanish => &LATER_SPANISH,
        Language::English => &LATER_ENGLISH,
    };
    let later = [
        &mut lines.resumed,
        &mut lines.transfer,
        &mut lines.transfer_failed,
        &mut lines.keys_yes_no,
        &mut lines.keys_phone,
        &mut lines.do_not_call,
        &mut lines.took_over,
        &mut lines.checking,
        &mut lines.noting,
    ];
    for (line, (tu, usted)) in later.into_iter().zip(own) {
        line.get_or_insert_with(|| Phrase::Addressed {
            tu: (*tu).to_owned(),
            usted: (*usted).to_owned(),
        });
    }
}
