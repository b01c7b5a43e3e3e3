//! Read-backs: when a confirmation is whole or unfinished, and the caller's own name in an address.

use talia_spanish::ear::email::{self, prefer_known_name};
use talia_spanish::ear::listening::{looks_complete, looks_unfinished};
use talia_spanish::ear::{Agreement, read};
use talia_spanish::{Expectation, Language};

const ES: Language = Language::Spanish;

#[test]
fn a_plain_yes_is_whole_and_a_no_may_go_on() {
    for expectation in [Expectation::ConfirmEmail, Expectation::ConfirmPhone] {
        for text in ["Sí.", "Sí, es correcto.", "Así es"] {
            assert!(looks_complete(text, expectation, ES), "{text}");
        }
        assert!(!looks_complete("No.", expectation, ES));
        assert!(!looks_unfinished("No.", expectation, ES));
        assert!(looks_unfinished("No, es", expectation, ES));
    }
}

#[test]
fn an_address_or_number_without_its_end_is_waited_for() {
    for text in [
        "No, es carlos guion bajo",
        "No, es carlos guion bajo herrera",
        "No, carlos punto herrera arroba",
    ] {
        assert!(looks_unfinished(text, Expectation::ConfirmEmail, ES), "{text}");
    }
    assert!(looks_unfinished("No, es el 55 12 34", Expectation::ConfirmPhone, ES));
    for (text, expectation) in [
        ("No, con be de burro.", Expectation::ConfirmEmail),
        ("No, termina en 87.", Expectation::ConfirmPhone),
    ] {
        assert!(!looks_unfinished(text, expectation, ES), "{text}");
    }
    for (text, expectation) in [
        (
            "No, es carlos guion bajo herrera arroba gmail punto com",
            Expectation::ConfirmEmail,
        ),
        ("No, es 55 12 34 56 87", Expectation::ConfirmPhone),
    ] {
        assert!(looks_complete(text, expectation, ES), "{text}");
    }
}

#[test]
fn a_no_with_the_address_said_again_gives_both() {
    let heard = read(
        "No, perdón. Es carlos guion bajo herrera arroba gmail punto com.",
        Expectation::ConfirmEmail,
        ES,
    );
    assert_eq!(heard.agreement, Some(Agreement::No));
    assert_eq!(heard.email.unwrap().best().value.as_str(), "carlos_herrera@gmail.com");
}

#[test]
fn the_callers_name_is_preferred_and_what_was_heard_is_kept() {
    for (text, name, best) in [
        (
            "Carlos punto erreira arroba gmail punto com",
            "Carlos Herrera",
            "carlos.herrera@gmail.com",
        ),
        (
            "carloserreira arroba gmail punto com",
            "Carlos Herrera",
            "carlosherrera@gmail.com",
        ),
        (
            "cerreira 88 arroba gmail punto com",
            "Carlos Herrera",
            "cherrera88@gmail.com",
        ),
        (
            "daura guion bajo mendosa arroba hotmail punto com",
            "Laura Mendoza",
            "laura_mendoza@hotmail.com",
        ),
        ("ventas arroba gmail punto com", "Carlos Herrera", "ventas@gmail.com"),
    ] {
        let heard = email::read(text, Expectation::Email, ES).unwrap();
        let preferred = prefer_known_name(&heard, name);
        assert_eq!(preferred.best().value.as_str(), best, "{text}");
        let literal = &heard.best().value;
        assert!(preferred.iter().any(|kept| kept.value == *literal), "{text}");
    }
}
