//! The scripted conversation as lines of text: what the caller says goes in, what TalIA says and knows comes out.

mod resumption;

use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use talia_dialogue::{Cue, CueId, EndReason, Entry, Speaker, SpeechKind, TurnId};
use talia_spanish::Expectation;
use talia_voice::brain::script::{Assistant, Assistants, ScriptBrain};
use talia_voice::brain::{Brain, Handover, LeadDraft, Thought};
use tokio::sync::mpsc;

const CALLING_FROM: &str = "+525512345678";

/// One answer of the brain.
#[derive(Debug, Default, Clone)]
struct Answer {
    said: Vec<(String, SpeechKind)>,
    expects: Option<Expectation>,
    ends: bool,
    transfers: Option<Handover>,
    done: bool,
}

impl Answer {
    fn text(&self) -> String {
        let texts: Vec<&str> = self.said.iter().map(|(text, _)| text.as_str()).collect();
        texts.join(" ")
    }

    #[track_caller]
    fn says(&self, words: &str) -> &Self {
        assert!(self.text().contains(words), "«{words}» is not in «{}»", self.text());
        self
    }

    #[track_caller]
    fn omits(&self, words: &str) -> &Self {
        assert!(!self.text().contains(words), "«{words}» is in «{}»", self.text());
        self
    }
}

/// A conversation in which the caller hears every word.
struct Talk {
    brain: ScriptBrain,
    thoughts: mpsc::Receiver<(CueId, Thought)>,
    cue: u32,
}

impl Talk {
    fn with(assistant: Arc<Assistant>, caller_number: Option<&str>) -> Self {
        let (sender, thoughts) = mpsc::channel(256);
        let brain = ScriptBrain::new(assistant, caller_number.map(str::to_owned), sender);
        Self {
            brain,
            thoughts,
            cue: 0,
        }
    }

    /// With the Spanish example, from a known number, after the opening.
    fn start() -> Self {
        let mut talk = Self::with(spanish(), Some(CALLING_FROM));
        talk.cue(Cue::Opening);
        talk
    }

    /// The next cue, whose answer is not heard yet.
    fn think(&mut self, about: Cue) -> Answer {
        self.cue += 1;
        self.brain.think(CueId(self.cue), about);
        let mut answer = Answer::default();
        while let Ok((cue, thought)) = self.thoughts.try_recv() {
            assert_eq!(cue, CueId(self.cue), "an answer to another cue");
            assert!(!answer.done, "a thought behind the end of an answer");
            match thought {
                Thought::Say { text, kind } => answer.said.push((text, kind)),
                Thought::Expect(expectation) => answer.expects = Some(expectation),
                Thought::Lead(_) | Thought::Foresee(_) | Thought::Used(_) | Thought::OverLimit => {}
                Thought::NotYet { .. } => panic!("the script takes every turn as it is"),
                Thought::EndCall => answer.ends = true,
                Thought::Transfer(handover) => answer.transfers = Some(handover),
                Thought::Done => answer.done = true,
            }
        }
        assert!(answer.done, "an answer without end");
        answer
    }

    /// Everything of the answer is heard.
    fn hears(&mut self, answer: &Answer) {
        for (text, kind) in &answer.said {
            self.brain.heard(&Entry {
                speaker: Speaker::Assistant,
                text: text.clone(),
                unheard: None,
                began: Duration::ZERO,
                ended: Duration::ZERO,
                kind: Some(*kind),
                by_timer: false,
                own_voice: false,
            });
        }
    }

    fn cue(&mut self, about: Cue) -> Answer {
        let answer = self.think(about);
        self.hears(&answer);
        answer
    }

    fn turn(&self, text: &str, revises: Option<CueId>) -> Cue {
        Cue::Turn {
            turn: TurnId(self.cue + 1),
            text: text.to_owned(),
            revises,
        }
    }

    fn say(&mut self, text: &str) -> Answer {
        let turn = self.turn(text, None);
        self.cue(turn)
    }

    /// Says several lines; the last one's answer.
    fn say_all(&mut self, lines: &[&str]) -> Answer {
        lines.iter().map(|line| self.say(line)).last().unwrap_or_default()
    }

    fn lead(&self) -> LeadDraft {
        self.brain.lead()
    }
}

fn spanish() -> Arc<Assistant> {
    Assistants::built_in().expect("good").for_number("+52").clone()
}

fn english() -> Arc<Assistant> {
    Assistants::built_in().expect("good").for_number("+15550100200").clone()
}

const NEED: &str = "Quiero bajar el recibo de luz de mi negocio.";
const NAME: &str = "Me llamo Carlos Herrera.";
const EMAIL: &str = "Carlos punto herrera arroba gmail punto com.";
const COMPANY: &str = "De la ferretería La Estrella.";

#[test]
fn the_opening_is_the_disclosure_and_then_the_greeting() {
    let mut talk = Talk::with(spanish(), None);
    let opening = talk.cue(Cue::Opening);
    let kinds: Vec<_> = opening.said.iter().map(|(_, kind)| *kind).collect();
    let disclosure = kinds.iter().take_while(|kind| **kind == SpeechKind::Disclosure).count();
    assert!(disclosure >= 1 && kinds[disclosure..].iter().all(|kind| *kind == SpeechKind::Answer));
    opening
        .says("Soy una inteligencia artificial")
        .says("se transcribe")
        .says("aviso de privacidad")
        .says("una persona");
    assert!(opening.text().ends_with("¿En qué te puedo ayudar?"));
    assert_eq!(opening.expects, Some(Expectation::Open));
}

#[test]
fn a_cooperative_caller_becomes_a_lead() {
    let mut talk = Talk::start();
    let answer = talk.say(NEED);
    answer
        .says("te entiendo")
        .says("el recibo de un negocio suele bajar")
        .says("¿Con quién tengo el gusto?");
    assert_eq!(answer.expects, Some(Expectation::Name));
    let answer = talk.say(NAME);
    answer.says("Mucho gusto, Carlos.").says("¿A qué correo");
    assert_eq!(answer.expects, Some(Expectation::Email));
    let answer = talk.say(EMAIL);
    answer.says("carlos.herrera@gmail.com").says("¿Es correcto?");
    assert_eq!(answer.expects, Some(Expectation::ConfirmEmail));
    let answer = talk.say("Sí, es correcto.");
    answer.says("Listo").says("¿De qué empresa");
    assert_eq!(answer.expects, Some(Expectation::Company));
    let answer = talk.say(COMPANY);
    answer
        .says("La Estrella")
        .says("¿Te marcamos a este número")
        .says(CALLING_FROM);
    assert_eq!(answer.expects, Some(Expectation::ConfirmPhone));
    talk.say("Sí, a ese número está bien.")
        .says("Perfecto")
        .says("Entonces, Carlos")
        .says("¿Te ayudo con algo más?");
    let end = talk.say("No, es todo. Muchas gracias, hasta luego.");
    assert!(end.ends);
    assert!(end.said.iter().all(|(_, kind)| *kind == SpeechKind::Goodbye), "{end:?}");
    let lead = talk.lead();
    assert_eq!(lead.name.as_deref(), Some("Carlos Herrera"));
    assert_eq!(
        (lead.email.as_deref(), lead.email_confirmed),
        (Some("carlos.herrera@gmail.com"), true)
    );
    assert_eq!(
        (lead.phone.as_deref(), lead.phone_confirmed),
        (Some(CALLING_FROM), true)
    );
    assert!(
        lead.company
            .as_deref()
            .is_some_and(|company| company.contains("La Estrella")),
        "{lead:?}"
    );
    assert_eq!(lead.purpose.as_deref(), Some(NEED));
    assert_eq!(lead.notes, None);
}

#[test]
fn what_was_told_already_is_not_asked() {
    let mut talk = Talk::start();
    let answer = talk.say("Hola, soy Carlos Herrera de la ferretería La Estrella y quiero bajar mi recibo de luz.");
    answer.omits("¿Con quién").says("¿A qué correo");
    let answer = talk.say(EMAIL);
    answer.says("carlos.herrera@gmail.com");
    talk.say("Sí.").omits("empresa").says(CALLING_FROM);
    let lead = talk.lead();
    assert_eq!(lead.name.as_deref(), Some("Carlos Herrera"));
    assert!(lead.company.is_some() && lead.purpose.is_some(), "{lead:?}");
}

#[test]
fn fields_may_come_in_any_order() {
    let lines = [
        NAME,
        "Mi correo es carlos punto herrera arroba gmail punto com.",
        "Mi número es el 55 87 65 43 21.",
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut talk = Talk::start();
        for index in order {
            let answer = talk.say(lines[index]);
            // A read-back is answered before the next piece is told.
            if answer.expects.is_some_and(Expectation::takes_agreement) && index > 0 {
                talk.say("Sí, es correcto.");
            }
        }
        let lead = talk.lead();
        assert_eq!(lead.name.as_deref(), Some("Carlos Herrera"), "{order:?}");
        assert_eq!(
            (lead.email.as_deref(), lead.email_confirmed),
            (Some("carlos.herrera@gmail.com"), true),
            "{order:?}"
        );
        assert_eq!(
            (lead.phone.as_deref(), lead.phone_confirmed),
            (Some("+525587654321"), true),
            "{order:?}"
        );
    }
}

#[test]
fn an_email_is_corrected_piece_by_piece_or_as_a_whole() {
    for correction in [
        "No, es con guion bajo.",
        "No, perdón, es carlos guion bajo herrera arroba gmail punto com.",
    ] {
        let mut talk = Talk::start();
        talk.say_all(&[NEED, NAME, EMAIL]).says("carlos.herrera@gmail.com");
        let answer = talk.say(correction);
        answer
            .says("lo corrijo")
            .says("carlos_herrera@gmail.com")
            .omits("carlos.herrera@");
        talk.say("Sí, así es.").says("Listo");
        let lead = talk.lead();
        assert_eq!(
            (lead.email.as_deref(), lead.email_confirmed),
            (Some("carlos_herrera@gmail.com"), true)
        );
    }
}

#[test]
fn an_email_that_was_refused_is_never_offered_again() {
    let mut talk = Talk::start();
    talk.say_all(&[NEED, NAME, EMAIL]);
    let answer = talk.say("No.");
    answer.omits("carlos.herrera@gmail.com");
    talk.say(EMAIL).omits("¿Es correcto?");
    assert!(!talk.lead().email_confirmed);
}

#[test]
fn a_name_is_corrected_right_after_it_was_repeated() {
    let mut talk = Talk::start();
    talk.say_all(&[NEED, "Me llamo Ana Cárdenas."]).says("Mucho gusto, Ana");
    talk.say("No, Kárdenas, con ka.").says("lo corrijo");
    assert_eq!(talk.lead().name.as_deref(), Some("Ana Kárdenas"));
}

#[test]
fn a_remark_on_a_name_that_is_written_right_already_changes_nothing() {
    let mut talk = Talk::start();
    talk.say_all(&[NEED, NAME]);
    talk.say("Herrera, con doble erre.")
        .says("Mucho gusto, Carlos")
        .says("correo");
    assert_eq!(talk.lead().name.as_deref(), Some("Carlos Herrera"));
}

#[test]
fn a_person_can_be_asked_for_at_any_time() {
    let mut talk = Talk::start();
    let answer = talk.say("Prefiero hablar con una persona.");
    answer.says("Dejo el recado para que una persona");
    let lead = talk.lead();
    assert!(
        lead.notes.as_deref().is_some_and(|notes| notes.contains("persona")),
        "{lead:?}"
    );
    // Only what a call back needs is asked then.
    let answer = talk.say(NAME);
    answer.omits("correo").says(CALLING_FROM);
    let answer = talk.say("Sí.");
    answer.omits("correo").omits("empresa");
    assert!(talk.say("No, gracias.").ends);
    let lead = talk.lead();
    assert!(lead.is_usable() && lead.phone_confirmed, "{lead:?}");
}

#[test]
fn whether_a_machine_speaks_is_answered_truly_and_the_question_asked_again() {
    for question in [
        "¿Eres un robot?",
        "¿Estoy hablando con una máquina?",
        "¿Eres una persona o una computadora?",
    ] {
        let mut talk = Talk::start();
        talk.say(NEED);
        let answer = talk.say(question);
        answer.says("soy una asistente virtual con inteligencia artificial");
        assert_eq!(answer.expects, Some(Expectation::Name), "{question}");
        assert_eq!(talk.lead().name, None, "{question}");
    }
}

#[test]
fn frequent_questions_are_answered_and_the_conversation_goes_on() {
    let cases = [
        ("¿Cuánto cuesta la instalación?", "60,000"),
        ("Oye, ¿y cuánto cobran por poner los paneles?", "60,000"),
        ("¿Qué garantía dan?", "25 años"),
        ("¿Tienen crédito o meses sin intereses?", "36 meses"),
        ("¿A qué hora abren los sábados?", "de lunes a sábado"),
        ("¿Y qué pasa si está nublado?", "nubes"),
        ("¿Qué hacen con mis datos?", "solara punto mx"),
        ("¿Cuánto tarda la instalación?", "dos días"),
    ];
    for (question, answer) in cases {
        let mut talk = Talk::start();
        talk.say(NEED);
        let reply = talk.say(question);
        reply.says(answer);
        assert_eq!(reply.expects, Some(Expectation::Name), "{question}");
        let lead = talk.lead();
        assert_eq!((lead.name, lead.notes), (None, None), "{question}");
    }
}

#[test]
fn a_question_without_an_answer_is_noted_for_a_person() {
    let mut talk = Talk::start();
    talk.say(NEED);
    let answer = talk.say("¿Hay estacionamiento para camiones?");
    answer.says("te lo confirma un asesor");
    assert_eq!(answer.expects, Some(Expectation::Name));
    let notes = talk.lead().notes.expect("a note");
    assert!(notes.contains("estacionamiento para camiones"), "{notes}");
}

#[test]
fn a_question_shares_more_with_its_answer_than_an_ordinary_word() {
    let strangers = [
        "¿Instalan cargadores para coches?",
        "¿Qué pasa con mi recibo?",
        "¿Qué hacen con las baterías viejas?",
        "¿Qué ruido hacen los paneles solares?",
        "¿Cuántos paneles necesito?",
        "¿Cuánto pesa un panel?",
        "¿Dan empleo?",
        "¿Qué necesitan para empezar?",
        "¿Cuánto tiempo llevan abiertos?",
        "¿Cuánto gana un instalador?",
        "¿Cada cuánto pasan a revisar?",
        "¿Puedes llamarme de noche?",
        "¿Venden calentadores?",
        "¿Venden calentadores solares?",
        "¿Ustedes venden también calentadores?",
        "¿Tienen calentadores solares?",
        "¿Cuánto cuesta un calentador solar?",
        "¿Y cuánto cobran por instalar un calentador?",
        "¿Rentan maquinaria?",
        "¿Reparan refrigeradores?",
    ];
    for question in strangers {
        let mut talk = Talk::start();
        talk.say(NEED);
        talk.say(question).says("te lo confirma un asesor");
        let notes = talk.lead().notes.expect("a note");
        assert!(notes.contains(question), "{notes}");
    }
    let known = [
        ("¿Cuánto cuesta un sistema para una casa chica?", "60,000"),
        ("¿En cuánto me sale?", "60,000"),
        ("¿Qué precio tienen los paneles?", "60,000"),
        ("¿En cuánto tiempo queda instalado?", "dos días"),
        ("¿Cómo puedo pagar?", "36 meses"),
        ("¿Llegan a Puebla?", "toda la República"),
        ("¿Qué es Solara?", "paneles solares en casas"),
        ("¿Qué venden ustedes?", "paneles solares en casas"),
        ("¿Venden paneles solares?", "paneles solares en casas"),
        ("¿Cuánto cuesta, señorita?", "60,000"),
        ("¿Cuánto cuesta aproximadamente?", "60,000"),
        ("¿Cuánto cuesta instalar los paneles?", "60,000"),
    ];
    for (question, answer) in known {
        let mut talk = Talk::start();
        talk.say(NEED);
        talk.say(question).says(answer);
    }
}

#[test]
fn a_question_is_not_what_the_caller_needs() {
    for question in [
        "¿Cuánto cuesta?",
        "Buenas tardes, señorita, ¿cuánto cuesta la instalación?",
        "Oiga, quisiera saber cuánto cobran por los paneles, la instalación y el trámite.",
    ] {
        let mut talk = Talk::start();
        let answer = talk.say(question);
        answer.says("60,000").omits("entiendo");
        assert_eq!(answer.expects, Some(Expectation::Open), "{question}");
        assert_eq!(talk.lead().purpose, None, "{question}");
        talk.say(NEED).says("entiendo").says("¿Con quién tengo el gusto?");
        assert_eq!(talk.lead().purpose.as_deref(), Some(NEED));
    }
    for (text, need) in [
        ("Quiero paneles. ¿Cuánto cuesta?", "Quiero paneles."),
        (
            "Hola, ¿cuánto cuesta? Quiero paneles para mi casa.",
            "Quiero paneles para mi casa.",
        ),
        (
            "Quiero paneles para mi casa, el 1.5 y el taller, ¿cuánto cuesta el de 2.5 kilos, con todo?",
            "Quiero paneles para mi casa, el 1.5 y el taller",
        ),
    ] {
        let mut talk = Talk::start();
        talk.say(text).says("60,000").says("¿Con quién tengo el gusto?");
        assert_eq!(talk.lead().purpose.as_deref(), Some(need));
    }
}

#[test]
fn a_caller_who_says_usted_is_addressed_so_from_then_on() {
    let mut talk = Talk::start();
    talk.say("Buenas tardes, señorita, ¿usted me puede ayudar? Quiero bajar mi recibo de luz.");
    let answer = talk.say("Carlos Herrera, para servirle.");
    answer.says("¿A qué correo le mando").omits(" te ");
    talk.say("No tengo correo.").says("preocupe").omits("te preocupes");
}

#[test]
fn what_a_caller_has_not_or_will_not_give_is_let_go() {
    let mut talk = Talk::start();
    talk.say_all(&[NEED, NAME]);
    talk.say("No tengo correo.")
        .says("el correo lo vemos después")
        .says("¿De qué empresa");
    talk.say("No, es para mi casa.")
        .omits("¿De qué empresa")
        .says(CALLING_FROM);
    let answer = talk.say("No, a ese no.");
    answer.says("número");
    assert_eq!(answer.expects, Some(Expectation::Phone));
    talk.say("Prefiero no darlo.").omits("número?");
    let lead = talk.lead();
    assert_eq!((lead.email, lead.company, lead.phone), (None, None, None));
}

#[test]
fn a_silent_caller_hears_the_open_question_again() {
    let mut talk = Talk::start();
    talk.say(NEED);
    let nudge = talk.cue(Cue::Silence { nudge: 1 });
    nudge.says("¿Sigues ahí?").says("¿Con quién tengo el gusto?");
    assert!(nudge.said.iter().all(|(_, kind)| *kind == SpeechKind::Nudge));
    talk.cue(Cue::Silence { nudge: 2 }).says("¿Bueno?");
    talk.say(NAME);
    assert_eq!(talk.lead().name.as_deref(), Some("Carlos Herrera"));
    let goodbye = talk.cue(Cue::Closing(EndReason::Silence));
    goodbye.says("se cortó");
    assert!(goodbye.ends);
}

#[test]
fn a_caller_who_is_never_understood_gets_a_message_for_a_person_and_an_end() {
    let mut talk = Talk::start();
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(talk.cue(Cue::NotUnderstood));
        if answers.last().is_some_and(|answer| answer.ends) {
            break;
        }
    }
    let ended = answers.last().is_some_and(|answer| answer.ends);
    assert!(ended, "the call goes round in circles: {:?}", answers.last());
    let all: Vec<_> = answers.iter().map(Answer::text).collect();
    assert!(all.iter().any(|text| text.contains("Dejo el recado")), "{all:#?}");
    // No question is put more often than somebody would put up with.
    let asked = all.iter().filter(|text| text.contains("nombre y apellido")).count();
    assert!(asked <= 4, "{all:#?}");
}

#[test]
fn a_caller_who_says_the_same_for_ever_is_not_kept_for_ever() {
    for line in [
        "Este, bla bla, la cosa de allá, pues mira.",
        "Sí.",
        "No.",
        "Ajá.",
        "Hola.",
        NEED,
        NAME,
        EMAIL,
        COMPANY,
        "No, es con guion bajo.",
        "Quiero hablar con una persona.",
        "Cincuenta y cinco, ochenta y siete, sesenta y cinco, cuarenta y tres, veintiuno.",
    ] {
        let mut talk = Talk::start();
        let texts: Vec<_> = (0..40).map(|_| talk.say(line)).collect();
        let end = texts.iter().position(|answer| answer.ends);
        assert!(end.is_some(), "«{line}» goes on for ever: {:#?}", &texts[36..]);
    }
}

#[test]
fn a_turn_that_goes_on_replaces_what_was_taken_from_its_beginning() {
    let mut talk = Talk::start();
    talk.say_all(&[NEED, NAME]);
    let first = talk.turn("Carlos arroba gmail punto com.", None);
    let unheard = talk.think(first);
    unheard.says("carlos@gmail.com");
    let revised = CueId(talk.cue);
    let whole = talk.turn("Carlos arroba gmail punto com punto mx.", Some(revised));
    talk.cue(whole).says("carlos@gmail.com.mx").omits("lo corrijo");
    let lead = talk.lead();
    assert_eq!(lead.email.as_deref(), Some("carlos@gmail.com.mx"));
    // The first reading was never refused by the caller: it may still turn out right.
    talk.say("No, es carlos arroba gmail punto com.")
        .says("carlos@gmail.com.");
}

#[test]
fn a_question_that_was_cut_off_is_asked_again() {
    let mut talk = Talk::start();
    talk.say_all(&[NEED, NAME]);
    let email = talk.turn(EMAIL, None);
    let unheard = talk.think(email);
    unheard.says("¿Es correcto?");
    // The caller spoke before the read-back was heard: this "sí" agrees to nothing.
    let answer = talk.say("Sí, eso.");
    assert!(!talk.lead().email_confirmed);
    answer.says("carlos.herrera@gmail.com");
    talk.say("Sí, es correcto.");
    assert!(talk.lead().email_confirmed);
}

#[test]
fn thanks_and_goodbye_are_nobody_s_name() {
    let mut talk = Talk::start();
    talk.say(NEED).says("¿Con quién tengo el gusto?");
    let answer = talk.say("Muchas gracias, adiós.");
    assert!(answer.ends, "{answer:?}");
    assert_eq!(talk.lead().name, None);
}

#[test]
fn keys_answer_too() {
    let mut talk = Talk::start();
    talk.say_all(&[NEED, NAME, EMAIL]);
    talk.cue(Cue::Digits("1".to_owned())).says("Listo");
    assert!(talk.lead().email_confirmed);
    talk.say("No, es para mi casa.");
    talk.cue(Cue::Digits("2".to_owned())).says("¿A qué número");
    talk.cue(Cue::Digits("5587654321#".to_owned())).says("+525587654321");
    talk.cue(Cue::Digits("1".to_owned()));
    let lead = talk.lead();
    assert_eq!(
        (lead.phone.as_deref(), lead.phone_confirmed),
        (Some("+525587654321"), true)
    );
    talk.cue(Cue::Digits("0".to_owned())).says("persona");
}

#[test]
fn without_a_caller_s_number_it_is_asked_for() {
    let mut talk = Talk::with(spanish(), None);
    talk.cue(Cue::Opening);
    talk.say_all(&[NEED, NAME, "No tengo correo."]);
    let answer = talk.say("No, es para mi casa.");
    answer.says("¿A qué número te marcamos?");
    assert_eq!(answer.expects, Some(Expectation::Phone));
    talk.say("Es el cincuenta y cinco, ochenta y siete, sesenta y cinco, cuarenta y tres, veintiuno.")
        .says("+525587654321");
    talk.say("Sí.");
    assert_eq!(talk.lead().phone.as_deref(), Some("+525587654321"));
}

#[test]
fn an_english_assistant_converses_in_english() {
    let mut talk = Talk::with(english(), Some("+14155550123"));
    talk.cue(Cue::Opening)
        .says("artificial intelligence")
        .says("How can I help you?");
    talk.say("I want to lower the power bill of my store.")
        .says("Who am I speaking with?");
    talk.say("My name is Jane Miller.")
        .says("Nice to meet you, Jane.")
        .says("e-mail");
    talk.say("jane dot miller at gmail dot com")
        .says("jane.miller@gmail.com");
    talk.say("Yes, that's right.").says("Which company");
    talk.say("Miller's Bakery.").says("Miller").says("+14155550123");
    talk.say("Yes.").says("Is there anything else");
    assert!(talk.say("No, that's all, thank you. Goodbye.").ends);
    let lead = talk.lead();
    assert_eq!(lead.name.as_deref(), Some("Jane Miller"));
    assert_eq!(
        (lead.email.as_deref(), lead.email_confirmed),
        (Some("jane.miller@gmail.com"), true)
    );
    assert!(lead.phone_confirmed);
}

/// What callers say, and what nobody ever said.
fn anything() -> impl Strategy<Value = Cue> {
    let lines: Vec<&'static str> = vec![
        NEED,
        NAME,
        EMAIL,
        COMPANY,
        "Sí.",
        "No.",
        "No, es con guion bajo.",
        "¿Eres un robot?",
        "¿Cuánto cuesta?",
        "Quiero hablar con una persona.",
        "¿Qué dijiste?",
        "Espérame tantito.",
        "No tengo.",
        "Hola.",
        "Usted dirá.",
        "Cincuenta y cinco, doce, treinta y cuatro.",
        "Adiós.",
        "{name}",
        "Me llamo {email}.",
        "¿Hay estacionamiento?",
    ];
    let turn = |text: String, revises: Option<u32>| Cue::Turn {
        turn: TurnId(1),
        text,
        revises: revises.map(CueId),
    };
    let revises = proptest::option::weighted(0.2, 1_u32..12);
    prop_oneof![
        8 => (proptest::sample::select(lines), revises.clone()).prop_map(move |(text, revises)| turn(text.to_owned(), revises)),
        3 => ("\\PC{0,60}", revises).prop_map(move |(text, revises)| turn(text, revises)),
        1 => "[0-9#*]{0,12}".prop_map(Cue::Digits),
        1 => Just(Cue::NotUnderstood),
        1 => (1_u8..4).prop_map(|nudge| Cue::Silence { nudge }),
        1 => Just(Cue::Filler),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Whatever is said, heard or not: every cue is answered, with words, and without a gap that nothing filled.
    #[test]
    fn whatever_happens_there_is_an_answer(
        cues in proptest::collection::vec((anything(), proptest::bool::weighted(0.8)), 1..30),
        known in any::<bool>(),
    ) {
        // Texts with braces come back from the caller's own words; none of ours is one of these.
        let gaps = ["{assistant}", "{business}", "{notice}", "{full_name}", "{phone}", "{company}", "{need}"];
        let mut talk = Talk::with(spanish(), known.then_some(CALLING_FROM));
        talk.cue(Cue::Opening);
        for (cue, heard) in cues {
            let about = cue.clone();
            let answer = talk.think(cue);
            prop_assert!(answer.ends || !answer.said.is_empty(), "no words on {about:?}");
            for (text, _) in &answer.said {
                prop_assert!(!text.trim().is_empty());
                prop_assert!(!gaps.iter().any(|gap| text.contains(gap)), "{text}");
            }
            if heard {
                talk.hears(&answer);
            }
            let lead = talk.lead();
            prop_assert!(!lead.email_confirmed || lead.email.is_some());
            prop_assert!(!lead.phone_confirmed || lead.phone.is_some());
            if answer.ends {
                break;
            }
        }
    }

    /// A caller who says the same thing for ever is not kept for ever.
    #[test]
    fn the_same_words_for_ever_come_to_an_end(text in "\\PC{1,40}") {
        let mut talk = Talk::start();
        let ended = (0..60).any(|_| talk.say(&text).ends);
        prop_assert!(ended, "{text:?} goes on for ever");
    }
}

#[test]
fn who_does_not_want_to_be_called_is_told_so_and_let_go() {
    let mut talk = Talk::start();
    assert!(!talk.brain.refuses_calls());
    let answer = talk.say("No me llamen más, por favor.");
    answer.says("no te volvemos a llamar a este número");
    assert!(answer.ends && talk.brain.refuses_calls());
    let mut formal = Talk::start();
    formal
        .say("Oiga, quítenme de su lista.")
        .says("no le volvemos a llamar");
    let mut english = Talk::with(english(), Some(CALLING_FROM));
    english.cue(Cue::Opening);
    english
        .say("Please stop calling me.")
        .says("we won't call this number again");
    assert!(english.brain.refuses_calls());
}

#[test]
fn who_only_says_when_may_still_be_called() {
    let mut talk = Talk::start();
    let first = talk.turn("No me llamen", None);
    let answer = talk.cue(first);
    assert!(answer.ends && talk.brain.refuses_calls());
    // The sentence goes on: what its beginning seemed to be is taken back.
    let whole = talk.turn("No me llamen antes de las cinco.", Some(CueId(talk.cue)));
    assert!(!talk.cue(whole).ends && !talk.brain.refuses_calls());
    // Nor is anything promised to whom nobody could keep it.
    let mut unknown = Talk::with(spanish(), None);
    unknown.cue(Cue::Opening);
    unknown.say("No me llamen más.").omits("no te volvemos a llamar");
    assert!(!unknown.brain.refuses_calls());
}
