//! Backchannels, interruptions, unfinished and complete turns, made-up text, and prompts that don't leak.

use proptest::prelude::*;
use talia_spanish::ear::listening::{
    is_backchannel, is_hallucination, is_interruption, looks_complete, looks_unfinished, word_count,
};
use talia_spanish::ear::{prompt, read, refuses_calls};
use talia_spanish::{Expectation, Language};

const ES: Language = Language::Spanish;

#[test]
fn small_sounds_of_listening_ask_for_no_turn() {
    for text in [
        "Ajá.",
        "mm",
        "Mhm",
        "ok, sí",
        "Sí, sí.",
        "Claro.",
        "Órale",
        "dale",
        "vale, vale",
        "Ah, ya.",
        "Muy bien.",
        "Ándale, sí",
        "Sale.",
        "Entiendo.",
        "Bárbaro",
    ] {
        assert!(is_backchannel(text, ES), "{text}");
    }
    for text in [
        "",
        "no",
        "espere",
        "¿Bueno?",
        "sí, pero quiero otra cosa",
        "mi correo",
        "¿sí?",
        "ok, ¿y cuánto cuesta?",
        "oiga",
        "Ana",
    ] {
        assert!(!is_backchannel(text, ES), "{text}");
    }
}

#[test]
fn some_words_always_interrupt() {
    for text in [
        "Espera",
        "espéreme tantito",
        "Perdón, una pregunta",
        "oiga",
        "No, no es así",
        "un momento",
        "¿Mande?",
        "disculpe, señorita",
        "No.",
        "quiero hablar con una persona",
        "¿Cómo?",
        "hold on",
    ] {
        assert!(is_interruption(text, ES), "{text}");
    }
    for text in [
        "ajá",
        "sí",
        "mm, claro",
        "ok",
        "para mi empresa está bien",
        "muy bien",
        "",
    ] {
        assert!(!is_interruption(text, ES), "{text}");
    }
}

#[test]
fn a_dictation_that_lacks_its_end_is_unfinished() {
    let open = Expectation::Open;
    for (text, expectation) in [
        ("Quiero una cita y", open),
        ("Me interesa el", open),
        ("Necesito hablar de la", open),
        ("Quería preguntar por...", open),
        ("Este, mm", open),
        ("Mi correo es", Expectation::Email),
        ("Ana punto Ríos", Expectation::Email),
        ("Ana punto Ríos arroba", Expectation::Email),
        ("Ana punto Ríos arroba gmail punto", Expectation::Email),
        ("ana guion bajo", Expectation::Email),
        ("55 12 34", Expectation::Phone),
        ("Mi teléfono es", Expectation::Phone),
        ("cincuenta y cinco doce", Expectation::Phone),
        ("Me llamo", Expectation::Name),
        ("Laura de la", Expectation::Name),
        ("Déjame ver", Expectation::Phone),
        ("un momento", Expectation::Email),
    ] {
        assert!(looks_unfinished(text, expectation, ES), "{text}");
        assert!(!looks_complete(text, expectation, ES), "{text}");
    }
}

#[test]
fn whole_answers_are_not_waited_for() {
    for (text, expectation) in [
        ("Quiero una cita.", Expectation::Open),
        ("¿Cuánto cuesta?", Expectation::Open),
        ("No tengo correo.", Expectation::Email),
        ("No.", Expectation::Email),
        ("Quiero hablar con una persona", Expectation::Phone),
        ("Laura", Expectation::Name),
        ("eme, a, erre, e", Expectation::Spelled),
        ("¿Para qué lo quiere?", Expectation::Email),
    ] {
        assert!(!looks_unfinished(text, expectation, ES), "{text}");
    }
    for (text, expectation) in [
        ("Sí.", Expectation::YesNo),
        ("Sí, es correcto.", Expectation::YesNo),
        ("No", Expectation::YesNo),
        ("ana punto ríos arroba gmail punto com", Expectation::Email),
        ("33-12-00-90-87", Expectation::Phone),
        ("Mi teléfono es 55 12 34 56 78", Expectation::Phone),
        ("Laura Mendoza", Expectation::Name),
    ] {
        assert!(looks_complete(text, expectation, ES), "{text}");
    }
}

#[test]
fn text_made_out_of_noise_is_known() {
    for text in [
        "",
        "…",
        "...",
        "y",
        " Y. ",
        "¡Suscríbete al canal!",
        "Gracias por ver el video.",
        "Subtítulos realizados por la comunidad de Amara.org",
        "♪ ♪",
        "[Música]",
        "(música)",
        "-",
        "Mi teléfono es 654 Mi teléfono es 654 Mi teléfono es 654 Mi teléfono es 654",
        "no no no no no no no no",
        "Thank you for watching!",
    ] {
        assert!(is_hallucination(text), "{text:?}");
    }
    for text in [
        "Sí.",
        "No, no, no.",
        "cero cero cero",
        "55 55 55 55 55 55",
        "Gracias.",
        "Ana",
        "Quiero suscribirme",
        "Sí, sí, sí",
        "tres tres tres tres tres tres tres",
    ] {
        assert!(!is_hallucination(text), "{text:?}");
    }
}

#[test]
fn punctuation_is_no_word() {
    assert_eq!(word_count("Hola, soy Ana ."), 3);
    assert_eq!(word_count(" … "), 0);
}

#[test]
fn a_prompt_that_comes_back_is_noticed_and_callers_are_not_accused() {
    let all = [
        Expectation::Open,
        Expectation::Name,
        Expectation::Spelled,
        Expectation::Email,
        Expectation::Phone,
        Expectation::YesNo,
        Expectation::ConfirmEmail,
        Expectation::ConfirmPhone,
        Expectation::Digits,
        Expectation::Date,
        Expectation::Company,
    ];
    for language in [ES, Language::English] {
        for expectation in all {
            let text = prompt::decoding_prompt(expectation, language);
            assert!(!text.is_empty());
            let named = matches!(
                expectation,
                Expectation::Name
                    | Expectation::Email
                    | Expectation::Phone
                    | Expectation::Digits
                    | Expectation::Company
                    | Expectation::Date
            );
            if named {
                assert!(
                    prompt::leaks_prompt(text, expectation, language),
                    "{expectation:?} {language:?}"
                );
            }
        }
    }
    for text in [
        "laura punto mendoza arroba gmail punto com",
        "55 12 34 56 78",
        "Me llamo Ana Ríos.",
        "Sí, es correcto.",
        "martes 14",
    ] {
        for expectation in all {
            assert!(!prompt::leaks_prompt(text, expectation, ES), "{text} {expectation:?}");
        }
    }
    assert!(prompt::leaks_prompt(
        "Mi correo es eréndira punto ruiz arroba gmail punto com",
        Expectation::Email,
        ES
    ));
    assert!(prompt::leaks_prompt("81 20 04 93 17", Expectation::Phone, ES));
    // A phrase in a loop is the prompt's doing too.
    assert!(prompt::leaks_prompt(
        "Soy Ana Ríos de Clinica Luz. Soy Ana Ríos de Clinica Luz. Soy Ana Ríos de Clinica Luz. Soy Ana Ríos",
        Expectation::Name,
        ES
    ));
    // Said while another prompt was given, the same words are the caller's.
    assert!(!prompt::leaks_prompt("81 20 04 93 17", Expectation::Email, ES));
}

#[test]
fn manners_are_read() {
    let heard = |text| read(text, Expectation::Open, ES);
    for text in [
        "Quiero hablar con una persona",
        "Páseme con un asesor, por favor",
        "comuníqueme con el gerente",
        "prefiero hablar con un humano",
    ] {
        assert!(heard(text).wants_person, "{text}");
    }
    for text in ["¿Eres una persona?", "Soy una persona física", "Quiero informes"] {
        assert!(!heard(text).wants_person, "{text}");
    }
    for text in [
        "¿Eres un robot?",
        "¿Estoy hablando con una máquina?",
        "¿Es usted una grabación?",
        "¿Sos una persona?",
    ] {
        assert!(heard(text).asks_if_machine, "{text}");
    }
    for text in [
        "Adiós",
        "Hasta luego, gracias",
        "Sería todo, gracias",
        "chau",
        "que tenga buen día",
    ] {
        assert!(heard(text).says_goodbye, "{text}");
    }
    for text in ["¿Mande?", "¿Cómo?", "No le escuché", "¿Me lo repite?", "¿Perdón?"] {
        assert!(heard(text).asks_repeat, "{text}");
    }
    for text in ["Déjeme ver", "un momentito", "A ver", "Espéreme tantito"] {
        assert!(heard(text).thinks, "{text}");
    }
    for text in ["Prefiero no darlo", "No tengo correo", "soy particular"] {
        assert!(heard(text).declines, "{text}");
    }
    assert!(heard("¿Me puede repetir, por favor?").usted);
    assert!(heard("Oiga, disculpe").usted);
    assert!(!heard("Oye, ¿me puedes ayudar?").usted);
}

#[test]
fn several_fields_in_one_breath() {
    let heard = read(
        "Hola, soy Ana Ríos de Clínica Luz, mi correo es ana punto ríos arroba gmail punto com y mi teléfono es 55 12 34 56 78.",
        Expectation::Open,
        ES,
    );
    assert_eq!(heard.name.unwrap().full, "Ana Ríos");
    assert_eq!(heard.company.as_deref(), Some("Clínica Luz"));
    assert_eq!(heard.email.unwrap().best().value.as_str(), "ana.rios@gmail.com");
    let phone = heard.phone.unwrap();
    assert_eq!(
        (phone.e164.as_str(), phone.national.as_str()),
        ("+525512345678", "5512345678")
    );
}

#[test]
fn a_full_stop_before_a_small_letter_may_be_a_dot() {
    let found = read("andrea. guzmán arroba gmail. com", Expectation::Email, ES)
        .email
        .unwrap();
    let all: Vec<&str> = found.iter().map(|candidate| candidate.value.as_str()).collect();
    assert_eq!(all, ["andrea.guzman@gmail.com", "andreaguzman@gmail.com"]);
}

#[test]
fn an_ambiguous_sign_keeps_its_other_reading() {
    let found = read("laura guion mendoza arroba hotmail punto com", Expectation::Email, ES)
        .email
        .unwrap();
    let all: Vec<&str> = found.iter().map(|candidate| candidate.value.as_str()).collect();
    assert_eq!(all[0], "laura-mendoza@hotmail.com");
    assert!(all.contains(&"laura_mendoza@hotmail.com"), "{all:?}");
    assert!(
        found
            .iter()
            .zip(found.iter().skip(1))
            .all(|(a, b)| a.confidence >= b.confidence)
    );
}

#[test]
fn who_wants_no_calls_is_understood_and_who_only_wants_them_otherwise_is_not() {
    for text in [
        "No me llamen más.",
        "No me llamen.",
        "Ya no me llamen, por favor.",
        "Oiga, no me vuelvan a llamar nunca más, gracias.",
        "Le pido que no me llame de nuevo.",
        "Dejen de llamarme, ya les dije que no.",
        "No quiero que me llamen más a este número.",
        "Quítenme de su lista.",
        "Por favor, quíteme de la lista de llamadas.",
        "Sáquenme de su base de datos.",
        "Quiero que borren mi número de su sistema. Borren mi número de su sistema.",
        "Don't call me again.",
        "Please stop calling me.",
        "Take me off your list.",
        "Put me on your do not call list, please.",
        "Remove my number from your database.",
    ] {
        assert!(refuses_calls(text), "{text}");
    }
    for text in [
        "No me llamen antes de las cinco.",
        "No me llamen más tarde de las ocho.",
        "No me llamo Juan.",
        "Me llamo Juan.",
        "No me llame Juan, dígame Pedro.",
        "No me vuelvan a llamar en la mañana, mejor en la tarde.",
        "No me llames hoy, llámame mañana.",
        "¿Me pueden llamar mañana?",
        "Que no me llamen al trabajo, al celular sí.",
        "No me quiten de su lista.",
        "Quiero estar en la lista de espera.",
        "¿Me quitan de encima el recibo?",
        "Don't call me before five.",
        "Don't call me Juan.",
        "Take me off the speaker.",
        "Nadie me llama.",
        "",
    ] {
        assert!(!refuses_calls(text), "{text}");
    }
}

proptest! {
    /// Whatever stands around them, a name, an hour or a place never becomes a wish not to be called.
    #[test]
    fn a_name_or_an_hour_is_no_refusal(
        before in "(oiga |bueno |no |sí |mire, ){0,3}",
        name in "(Juan|Carlos|María José|Guadalupe|Max)",
        hour in "(antes de las cinco|después de las ocho|en la noche|hoy|mañana|entre semana|los domingos|a las nueve|tan temprano)",
        verb in "(llamen|llame|llames|marquen|vuelvan a llamar)",
        after in "(, por favor|, gracias| y ya no más|, no me gusta){0,2}",
    ) {
        for text in [
            format!("{before}me llamo {name}{after}"),
            format!("{before}no me llamo {name}{after}"),
            format!("{before}no me {verb} {hour}{after}"),
            format!("{before}no me {verb} más {hour}{after}"),
        ] {
            prop_assert!(!refuses_calls(&text), "{}", text);
        }
    }
}
