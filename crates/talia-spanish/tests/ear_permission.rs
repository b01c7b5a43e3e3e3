//! What callers say when they are asked whether their call may be recorded, and when they want it no more.

use proptest::prelude::*;
use talia_spanish::ear::permission::{Permission, read, withdraws};

#[track_caller]
fn means(permission: Permission, texts: &[(&str, Option<&str>)]) {
    for (text, rest) in texts {
        let answer = read(text);
        assert_eq!((answer.permission, answer.rest), (permission, *rest), "{text}");
    }
}

#[test]
fn a_plain_yes_is_one_and_what_follows_it_is_kept() {
    means(
        Permission::Given,
        &[
            ("Sí.", None),
            ("Sí, claro.", None),
            ("sí", None),
            ("Claro que sí, adelante.", None),
            ("Eh, pues sí, señorita.", None),
            ("Está bien.", None),
            ("Sí puede.", None),
            ("Puede grabarla.", None),
            ("Sí, está bien que la graben.", None),
            ("No hay problema.", None),
            ("No me importa.", None),
            ("Por mí sí, gracias.", None),
            ("De acuerdo, gracias.", None),
            ("Acepto.", None),
            ("Yes, go ahead.", None),
            ("I don't mind.", None),
            ("Sure, that's fine.", None),
            ("Sí, quiero un precio.", Some("quiero un precio.")),
            (
                "Sí, gracias, es que no me llega el recibo.",
                Some("es que no me llega el recibo."),
            ),
            ("Yes, I need a quote for panels.", Some("I need a quote for panels.")),
        ],
    );
}

#[test]
fn a_no_is_one_however_it_is_said() {
    means(
        Permission::Refused,
        &[
            ("No.", None),
            ("No, gracias.", None),
            ("Mejor no.", None),
            ("Prefiero que no.", None),
            ("Claro que no.", None),
            ("No me grabe, por favor.", None),
            ("No quiero que graben la llamada.", None),
            ("Sí, pero no me grabe.", None),
            ("No autorizo la grabación.", None),
            ("I'd rather not.", None),
            ("I do mind.", None),
            ("Please don't record this.", None),
            ("No, quiero un precio.", Some("quiero un precio.")),
            ("No, gracias, adiós.", Some("adiós.")),
        ],
    );
}

#[test]
fn what_is_neither_gives_nothing() {
    means(
        Permission::Unclear,
        &[
            ("", None),
            ("…", None),
            ("¿Cómo?", None),
            ("¿Bueno?", None),
            ("Hola, buenas tardes.", None),
            ("Mhm.", None),
            ("Mande.", None),
            ("No entendí.", None),
            ("No sé.", None),
            ("Tal vez.", None),
            ("Déjame pensar.", None),
            ("No, sí, está bien.", None),
            ("Suscríbete al canal.", None),
            ("¿Sí?", None),
            ("Precios.", Some("Precios.")),
            ("Sí, pero ¿para qué?", Some("Sí, pero ¿para qué?")),
            ("Sí, no.", Some("Sí, no.")),
            ("Yes, but only the first part.", Some("Yes, but only the first part.")),
        ],
    );
}

#[test]
fn who_goes_on_to_something_else_has_answered_nothing() {
    for text in [
        "Quiero un precio.",
        "Si quieren, me llaman mañana en la tarde.",
        "No me llega la luz desde ayer.",
        "Quiero saber si está bien el recibo que me llegó.",
        "Puedes llamarme mañana por la tarde.",
        "Con una persona.",
        "No me llamen más.",
        "Adiós.",
        "I need a quote for panels.",
    ] {
        let answer = read(text);
        assert_eq!(
            (answer.permission, answer.rest),
            (Permission::Else, Some(text)),
            "{text}"
        );
    }
}

#[test]
fn a_withdrawal_names_the_recording() {
    for text in [
        "Deje de grabar.",
        "Oiga, no me grabe.",
        "Ya no grabe, por favor.",
        "No quiero que me graben.",
        "Pare la grabación, por favor.",
        "Stop recording.",
        "Please don't record me.",
    ] {
        assert!(withdraws(text), "{text}");
    }
    for text in [
        "",
        "No.",
        "Prefiero que no.",
        "Deje de llamarme.",
        "Grabe lo que quiera.",
        "¿Me está grabando?",
        "No, gracias, es todo.",
    ] {
        assert!(!withdraws(text), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC{0,80}") {
        let answer = read(&text);
        if let Some(rest) = answer.rest {
            prop_assert!(text.contains(rest) && !rest.is_empty());
        }
        withdraws(&text);
    }

    /// No word before or behind it makes a yes of what forbids it.
    #[test]
    fn nobody_is_recorded_who_forbids_it(before in "(|sí, |claro, |pues |yes, )", behind in "(|, sí|, gracias|, está bien)") {
        for forbids in ["no me grabe", "no quiero que graben", "do not record me", "deje de grabar"] {
            let text = format!("{before}{forbids}{behind}");
            prop_assert_eq!(read(&text).permission, Permission::Refused, "{}", text);
        }
    }
}
