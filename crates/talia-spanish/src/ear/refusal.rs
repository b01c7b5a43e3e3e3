//! Reads that somebody doesn't want to be called (any more): "no me llamen más", "quítenme de su lista".

use super::token::{Token, begins_any};

/// To be put on no list, or taken from one: said so, that is what is meant, whatever follows.
#[rustfmt::skip]
const OFF_THE_LIST: &[&str] = &[
    "quitenme de", "quiteme de", "quitame de", "saquenme de", "saqueme de", "sacame de", "borrenme de", "borreme de",
    "borrame de", "eliminenme de", "elimineme de", "eliminame de", "denme de baja de", "deme de baja de",
    "dame de baja de", "me quiten de", "me quite de", "me saquen de", "me saque de", "me borren de", "me eliminen de",
    "quiten mi numero de", "quite mi numero de", "borren mi numero de", "borre mi numero de", "saquen mi numero de",
    "eliminen mi numero de", "take me off", "take my number off", "remove me from", "remove my number from",
    "get me off", "put me on",
];

/// What one is taken from, a word or two behind it ("su lista", "la base de datos").
#[rustfmt::skip]
const LISTS: &[&str] = &[
    "lista", "listas", "listado", "base", "registro", "registros", "sistema", "directorio", "call", "calling", "list",
    "lists", "database", "records", "system",
];

/// Not to be called: only as a whole, because "no me llamen" also begins "no me llamen antes de las cinco".
#[rustfmt::skip]
const NO_CALLS: &[&str] = &[
    "no me llamen", "no me llame", "no me llames", "no me marquen", "no me marque", "no me marques",
    "no me vuelvan a llamar", "no me vuelva a llamar", "no me vuelvas a llamar", "no vuelvan a llamarme",
    "no vuelva a llamarme", "no vuelvas a llamarme", "no vuelvan a llamar", "no vuelva a llamar",
    "no me vuelvan a marcar", "no me vuelva a marcar", "no vuelvan a marcarme", "no vuelva a marcarme",
    "no me esten llamando", "no me este llamando", "no me sigan llamando", "no me siga llamando",
    "dejen de llamarme", "deje de llamarme", "deja de llamarme", "dejen de llamar", "dejen de marcarme",
    "deje de marcarme", "no quiero que me llamen", "no quiero que me llame", "no quiero que me vuelvan a llamar",
    "no quiero que me esten llamando", "no quiero que me marquen", "no quiero recibir llamadas",
    "no quiero recibir mas llamadas", "no quiero mas llamadas", "no quiero llamadas",
    "don't call me", "do not call me", "don't call", "do not call", "never call me", "stop calling me",
    "stop calling", "quit calling me", "don't want you to call me", "don't want to be called",
    "don't want any more calls", "no more calls",
];

/// What may stand behind it, however often; then the speech ends, or something of [`GOES_ON`] begins.
#[rustfmt::skip]
const STRENGTHENS: &[&str] = &[
    "mas", "nunca", "nunca mas", "jamas", "otra vez", "de nuevo", "de ustedes", "por favor", "a este numero",
    "a mi numero", "a este telefono", "a mi telefono", "a mi casa", "a mi celular", "para nada", "para esto",
    "para eso", "again", "anymore", "any more", "ever", "please", "on this number", "at this number", "here",
    "this number",
];

/// What goes on behind it without taking any of it back.
#[rustfmt::skip]
const GOES_ON: &[&str] = &[
    "gracias", "adios", "bye", "hasta luego", "ya", "porque", "entiendan", "entienda", "entendido", "ok", "okay",
    "no me interesa", "no quiero", "estoy harto", "estoy harta", "que tenga", "buenas", "buen dia", "thanks",
    "thank you", "goodbye", "i'm not interested", "i am not interested", "because", "y quitenme", "y borren",
];

/// Asks not to be called any more.
pub(crate) fn refuses_calls(row: &[Token]) -> bool {
    (0..row.len()).any(|at| {
        // "No me quiten de su lista" is the contrary.
        let negated = row[at].key == "me" && at > 0 && row[at - 1].key == "no";
        (!negated && off_the_list(&row[at..])) || no_calls(&row[at..])
    })
}

fn off_the_list(row: &[Token]) -> bool {
    let Some(length) = begins_any(row, OFF_THE_LIST) else {
        return false;
    };
    row[length..].iter().take(4).any(|word| word.is_any(LISTS))
}

fn no_calls(row: &[Token]) -> bool {
    let Some(mut at) = begins_any(row, NO_CALLS) else {
        return false;
    };
    while let Some(more) = begins_any(&row[at..], STRENGTHENS) {
        at += more;
    }
    row.len() == at || begins_any(&row[at..], GOES_ON).is_some()
}
