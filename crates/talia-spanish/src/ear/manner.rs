//! Reads how a caller behaves: asks for a person, for a repetition or a moment, takes leave, refuses, says "usted".

use super::token::{Token, begins_any, has_any};

#[rustfmt::skip]
const PERSON: &[&str] = &[
    "una persona", "un humano", "una humana", "un ser humano", "un asesor", "una asesora", "un agente", "una agente",
    "un ejecutivo", "una ejecutiva", "un operador", "una operadora", "un encargado", "al encargado", "el encargado",
    "la encargada", "con alguien", "con una persona", "persona real", "persona de verdad", "alguien de verdad",
    "alguien real", "atencion humana", "un vendedor", "una vendedora", "con recepcion", "un representante",
    "pasame con", "paseme con", "paseme a", "comuniqueme", "comunicame", "me comunica con", "me comunique con",
    "me pasa con", "me pasas con", "transfierame", "me transfiere", "me pueden pasar", "a real person", "a human",
    "a person", "an agent", "a representative", "the operator", "someone real", "con un humano", "tu jefe", "su jefe",
    "el gerente", "la gerente",
];

/// "una persona" alone may be part of a need ("soy una persona física"): these say that it is not asked for.
#[rustfmt::skip]
const NOT_PERSON: &[&str] = &[
    "soy una persona", "eres una persona", "es una persona", "usted es una persona", "una persona fisica",
    "una persona moral", "para una persona", "soy un agente", "soy un vendedor", "soy el encargado",
    "soy la encargada", "soy un asesor", "soy el gerente", "soy la gerente", "soy una asesora", "eres un humano",
    "es un humano", "are you a person", "are you a human", "are you a real person", "es usted una persona",
    "eres una persona real",
];

/// Ways to ask what one is speaking with; the flag: also used of other things, so that it must be the question itself.
const ADDRESSED: &[(&str, bool)] = &[
    ("eres", false),
    ("sos", false),
    ("es usted", false),
    ("usted es", false),
    ("hablo con", false),
    ("hablando con", false),
    ("are you", false),
    ("talking to", false),
    ("speaking to", false),
    ("es", true),
    ("esto es", true),
    ("esta es", true),
    ("is this", false),
];

#[rustfmt::skip]
const MACHINES: &[&str] = &[
    "un robot", "una maquina", "una grabacion", "un bot", "una ia", "inteligencia artificial",
    "una inteligencia artificial", "una computadora", "un ordenador", "un contestador", "una contestadora",
    "una persona", "un humano", "una humana", "humano", "humana", "real", "de verdad", "un sistema",
    "un sistema automatico", "una voz grabada", "una persona real", "un ser humano", "robot", "a robot", "a machine",
    "a bot", "an ai", "a human", "human", "a person", "a real person", "a recording", "a computer",
];

#[rustfmt::skip]
const GOODBYE: &[&str] = &[
    "adios", "hasta luego", "hasta pronto", "hasta manana", "nos vemos", "bye", "chao", "chau", "bye bye", "goodbye",
    "good bye", "que tenga buen dia", "que tengas buen dia", "que tenga bonito dia", "que tenga excelente dia",
    "que este bien", "que esten bien", "que le vaya bien", "que te vaya bien", "eso es todo", "seria todo",
    "es todo gracias", "eso seria todo", "es todo por hoy", "ya es todo", "nada mas gracias", "con eso es todo",
    "me tengo que ir", "tengo que colgar", "voy a colgar", "ya colgue", "hasta la proxima", "un saludo", "saludos",
    "buen dia gracias", "seria todo gracias", "that's all", "have a good day", "have a nice day", "see you",
    "hasta la vista", "que pase buen dia", "que pases buen dia",
];

#[rustfmt::skip]
const REPEAT: &[&str] = &[
    "repite", "repita", "repites", "repetir", "repetirme", "repitame", "repiteme", "me repite", "otra vez por favor",
    "de nuevo por favor", "mande", "no le escuche", "no te escuche", "no escuche", "no lo escuche", "no la escuche",
    "no le oi", "no te oi", "no oi", "no entendi", "no le entendi", "no te entendi", "no le entiendo",
    "no te entiendo", "no entiendo", "no le escucho", "no te escucho", "no le oigo", "no te oigo", "que dijo",
    "que dijiste", "como dijo", "como dijiste", "como dice", "que dice", "perdon que", "como perdon", "se corto",
    "se escucha cortado", "se entrecorta", "say that again", "say again", "repeat", "pardon", "come again",
    "i didn't hear", "i didn't catch", "didn't get that", "me lo repite", "no se oye", "no se escucha",
    "mas despacio", "mas fuerte", "mas alto", "what did you say",
];

/// The whole of what was said, when it asks for a repetition.
const REPEAT_ALONE: &[&str] = &[
    "que", "como", "perdon", "eh", "disculpe", "disculpa", "perdone", "perdona", "sorry", "what", "bueno", "diga",
];

#[rustfmt::skip]
const THINKS: &[&str] = &[
    "dejame ver", "dejeme ver", "dejame pensar", "dejeme pensar", "dejame checar", "dejeme checar", "dejame revisar",
    "dejeme revisar", "dejame buscar", "dejeme buscar", "dejame buscarlo", "dejeme buscarlo", "dejeme recordar",
    "dejame recordar", "permitame", "permiteme", "un momento", "un momentito", "un segundo", "un segundito",
    "espereme", "esperame", "espere", "espera", "aguarde", "aguarda", "a ver", "deme un momento", "dame un momento",
    "deme un segundo", "dame un segundo", "deme chance", "dame chance", "un minuto", "un minutito", "ahorita le digo",
    "ahorita te digo", "tantito", "lo busco", "la busco", "let me see", "let me think", "let me check", "one moment",
    "one second", "hold on", "just a moment", "just a second", "wait", "no cuelgue", "no cuelgues", "dejame lo busco",
    "dejeme lo busco",
];

#[rustfmt::skip]
const DECLINES: &[&str] = &[
    "no tengo", "no cuento con", "prefiero no", "no quiero dar", "no quiero darlo", "no quiero darle",
    "no le voy a dar", "no te voy a dar", "no lo tengo", "no la tengo", "no me acuerdo", "no lo recuerdo",
    "no recuerdo", "no me lo se", "no lo se", "no uso", "no manejo", "no es necesario", "no hace falta",
    "no quisiera", "no me gustaria", "mejor no", "no doy", "no se lo doy", "no te lo doy", "no puedo darlo",
    "no puedo dar", "no trabajo en ninguna", "ninguna empresa", "ninguna", "soy particular", "a titulo personal",
    "particular", "por mi cuenta", "es personal", "independiente", "i don't have", "i'd rather not",
    "i don't want to give", "none", "no company", "no represento", "sin empresa", "no pertenezco", "persona fisica",
    "cuenta propia",
];

#[rustfmt::skip]
const USTED: &[&str] = &[
    "usted", "digame", "oiga", "disculpe", "perdone", "permitame", "espereme", "espere", "dejeme", "mire", "fijese",
    "podria", "me puede", "apunte", "anote", "tome nota", "comuniqueme", "paseme", "repitame", "repita", "le doy",
    "le paso", "le digo", "le agradezco", "le llamo", "le hablo", "le comento", "que tenga", "le vaya", "me permite",
    "sabe usted", "me da", "me dice", "me repite", "me comunica", "su nombre", "aguarde", "deme", "no cuelgue",
    "le escucho", "le oigo",
];

/// Asks for a human being.
pub(crate) fn wants_person(row: &[Token]) -> bool {
    let negated = has_any(row, NOT_PERSON) || asks_if_machine(row);
    let insists = has_any(
        row,
        &[
            "quiero hablar con",
            "quisiera hablar con",
            "prefiero hablar con",
            "necesito hablar con",
            "i want to talk to",
            "let me talk to",
        ],
    ) && !has_any(row, &["hablar con ustedes", "hablar contigo", "hablar con usted"]);
    insists || (has_any(row, PERSON) && !negated)
}

/// Asks whether a machine is speaking.
pub(crate) fn asks_if_machine(row: &[Token]) -> bool {
    let asks_for_person = has_any(
        row,
        &[
            "quiero hablar",
            "quisiera hablar",
            "prefiero hablar",
            "puedo hablar",
            "necesito hablar",
        ],
    );
    let addressed = (0..row.len()).any(|at| {
        ADDRESSED.iter().any(|(address, ambiguous)| {
            let Some(length) = begins_any(&row[at..], &[address]) else {
                return false;
            };
            let Some(thing) = begins_any(&row[at + length..], MACHINES) else {
                return false;
            };
            // "Es una máquina de coser" speaks of something else.
            let whole = at <= 2 && at + length + thing >= row.len();
            !ambiguous || whole
        })
    });
    addressed && !asks_for_person
}

/// Takes leave.
pub(crate) fn says_goodbye(row: &[Token]) -> bool {
    has_any(row, GOODBYE)
}

/// Asks to hear the last sentence again.
pub(crate) fn asks_repeat(row: &[Token], text: &str) -> bool {
    let alone = begins_any(row, REPEAT_ALONE) == Some(row.len())
        || (row.len() == 2 && row[0].key == row[1].key && row[0].is_any(REPEAT_ALONE));
    has_any(row, REPEAT)
        || (alone && !row.is_empty() && (text.contains('?') || row[0].is_any(&["que", "como", "what"])))
}

/// Asks for a moment.
pub(crate) fn thinks(row: &[Token]) -> bool {
    has_any(row, THINKS)
}

/// Refuses, or can't give what was asked.
pub(crate) fn declines(row: &[Token]) -> bool {
    has_any(row, DECLINES)
}

/// Says "usted".
pub(crate) fn usted(row: &[Token]) -> bool {
    has_any(row, USTED)
}
