//! Written text as it is spoken: numbers, money, dates, telephones, addresses, read-backs, clauses.

use proptest::prelude::*;
use talia_spanish::Language;
use talia_spanish::tongue::{
    clauses, read_back_email, read_back_phone, sentences, speech, spell, spoken_prefix, verbalize,
};

fn said(text: &str) -> String {
    verbalize(text, Language::Spanish)
}

fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, words)| said(text) != *words)
        .map(|(text, words)| format!("{text:?}: said {:?}, expected {words:?}", said(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn numbers() {
    check(&[
        ("0", "cero"),
        ("21", "veintiuno"),
        ("21 días", "veintiún días"),
        ("21 casas", "veintiuna casas"),
        ("1 persona", "una persona"),
        ("1 sucursal", "una sucursal"),
        ("2 mil pesos", "dos mil pesos"),
        ("500 personas", "quinientas personas"),
        ("1,250", "mil doscientos cincuenta"),
        ("100", "cien"),
        ("101", "ciento uno"),
        ("1,000,000", "un millón"),
        ("2,000,000,000", "dos mil millones"),
        ("3.5", "tres punto cinco"),
        ("3.25", "tres punto veinticinco"),
        ("3.1416", "tres punto uno cuatro uno seis"),
        ("0.05", "cero punto cero cinco"),
        ("3,5", "tres coma cinco"),
        ("1.250,50", "mil doscientos cincuenta coma cincuenta"),
        ("-5", "menos cinco"),
        ("007", "cero cero siete"),
        ("99999999999999999999999", &["nueve"; 23].join(" ")),
        ("15%", "quince por ciento"),
        ("16 %", "dieciséis por ciento"),
        ("10-15%", "diez a quince por ciento"),
        ("1º", "primero"),
        ("el 1er piso", "el primer piso"),
        ("3ª", "tercera"),
        ("2da", "segunda"),
        ("21º", "vigésimo primero"),
        ("siglo XXI", "siglo veintiuno"),
        ("1/2", "un medio"),
        ("5 kg y 10 km", "cinco kilos y diez kilómetros"),
        ("1kg", "un kilo"),
        ("2.5 m²", "dos punto cinco metros cuadrados"),
        ("24/7", "veinticuatro siete"),
        ("#12", "número doce"),
    ]);
}

#[test]
fn money() {
    check(&[
        ("$1,250.50 MXN", "mil doscientos cincuenta pesos con cincuenta centavos"),
        ("$1", "un peso"),
        ("$100-$200", "cien pesos a doscientos pesos"),
        ("$1,999.00 M.N. al mes", "mil novecientos noventa y nueve pesos al mes"),
        ("$1,250 pesos", "mil doscientos cincuenta pesos"),
        ("US$20", "veinte dólares"),
        ("500 USD", "quinientos dólares"),
        ("20 €", "veinte euros"),
        ("€1.50", "un euro con cincuenta céntimos"),
        ("$0.50", "cincuenta centavos"),
        ("$99/mes", "noventa y nueve pesos al mes"),
        ("$1,000,000", "un millón de pesos"),
        ("$1.5 millones de pesos", "uno punto cinco millones de pesos"),
        ("$21,001", "veintiún mil un pesos"),
        ("£21", "veintiuna libras"),
        ("Cuesta $999.", "Cuesta novecientos noventa y nueve pesos."),
    ]);
}

#[test]
fn dates_and_times() {
    check(&[
        ("24/11/2026", "veinticuatro de noviembre de dos mil veintiséis"),
        ("2026-11-24", "veinticuatro de noviembre de dos mil veintiséis"),
        ("24-nov-2026", "veinticuatro de noviembre de dos mil veintiséis"),
        (
            "24 de noviembre de 2026",
            "veinticuatro de noviembre de dos mil veintiséis",
        ),
        ("1 de enero", "primero de enero"),
        ("24 nov. 2026", "veinticuatro de noviembre de dos mil veintiséis"),
        ("el 24/11", "el veinticuatro de noviembre"),
        ("a las 4:30 pm", "a las cuatro y media de la tarde"),
        ("4:30 p.m.", "cuatro y media de la tarde."),
        ("4:30 p. m. en punto", "cuatro y media de la tarde en punto"),
        ("a la 1:15", "a la una y cuarto"),
        ("16:05", "cuatro y cinco de la tarde"),
        ("09:00", "nueve de la mañana"),
        ("12:00 pm", "doce del día"),
        ("00:30", "doce y media de la noche"),
        ("9am", "nueve de la mañana"),
        ("7 pm", "siete de la noche"),
        ("18:00 hrs", "seis de la tarde"),
        ("9:00-18:00", "nueve a seis de la tarde"),
        ("Quedamos a las 13:00.", "Quedamos a la una de la tarde."),
        (
            "Cierran a las 6 p.m. Llega antes.",
            "Cierran a las seis de la tarde. Llega antes.",
        ),
        ("Dura 20 min. y ya", "Dura veinte minutos y ya"),
        ("16:45", "cuatro cuarenta y cinco de la tarde"),
    ]);
}

#[test]
fn telephones() {
    let city = "cincuenta y cinco, doce, treinta y cuatro, cincuenta y seis, setenta y ocho";
    check(&[
        ("5512345678", city),
        ("55 1234 5678", city),
        ("55-1234-5678", city),
        ("(55) 1234 5678", city),
        ("55 12 34 56 78", city),
        ("+52 55 1234 5678", &format!("más cincuenta y dos, {city}")),
        (
            "Llama al 55 1234 5678, por favor.",
            &format!("Llama al {city}, por favor."),
        ),
        ("222 123 0045", "dos dos dos, uno dos tres, cero cero, cuarenta y cinco"),
        (
            "33 0500 2040",
            "treinta y tres, cero cinco, cero cero, veinte, cuarenta",
        ),
        (
            "+34 612 345 678",
            "más treinta y cuatro, seis uno dos, treinta y cuatro, cincuenta y seis, setenta y ocho",
        ),
        (
            "$5512345678",
            "cinco mil quinientos doce millones trescientos cuarenta y cinco mil seiscientos setenta y ocho pesos",
        ),
    ]);
    assert_eq!(read_back_phone("+525512345678"), city);
    assert_eq!(read_back_phone("+5215512345678"), city);
    assert_eq!(
        read_back_phone("+14155550123"),
        "más uno, cuatro uno cinco, cinco cinco cinco, cero uno, veintitrés"
    );
    assert_eq!(
        read_back_phone("6621050700"),
        "seis seis dos, uno cero cinco, cero siete, cero cero"
    );
}

#[test]
fn addresses() {
    check(&[
        (
            "ana_rios.7@clinica-luz.com.mx",
            "ana guion bajo ríos punto siete arroba clínica guion luz punto com punto eme equis",
        ),
        ("juan.perez@gmail.com", "juan punto pérez arroba yímeil punto com"),
        ("jhlpz@hotmail.com", "jota hache ele pe zeta arroba jótmeil punto com"),
        (
            "pedro1975@outlook.es",
            "pedro mil novecientos setenta y cinco arroba áutluk punto e ese",
        ),
        (
            "juanperez@yahoo.com.mx",
            "juan pérez arroba yajú punto com punto eme equis",
        ),
        (
            "Escríbeme a ventas@talia.mx.",
            "Escríbeme a ventas arroba talia punto eme equis.",
        ),
        (
            "https://www.clinica-luz.com.mx/citas",
            "triple doble u punto clínica guion luz punto com punto eme equis diagonal citas",
        ),
        ("victor.vazquez@live.com", "víctor punto vázquez arroba laif punto com"),
        ("talia.ai", "talia punto a i"),
    ]);
    assert_eq!(
        read_back_email("ana_rios.7@clinica-luz.com.mx"),
        "ana, guion bajo ríos, punto siete, arroba clínica, guion luz, con zeta, punto com, punto eme equis"
    );
    assert_eq!(
        read_back_email("beto.rivera@gmail.com"),
        "beto, con be de burro, punto rivera, con ve chica, arroba yímeil, punto com"
    );
    assert_eq!(
        read_back_email("xvb@uno.mx"),
        "equis, ve chica, be de burro, arroba uno, punto eme equis"
    );
}

#[test]
fn abbreviations_and_brands() {
    check(&[
        ("El Sr. Pérez y la Dra. Ruiz", "El señor Pérez y la doctora Ruiz"),
        (
            "Av. Juárez Núm. 5, Col. Centro",
            "avenida Juárez número cinco, colonia Centro",
        ),
        ("Luz S.A. de C.V. vende", "Luz ese a de ce ve vende"),
        (
            "Luz, S. de R.L. de C.V., para ti",
            "Luz, ese de erre ele de ce ve, para ti",
        ),
        ("CDMX", "ce de eme equis"),
        ("el IVA y el RFC", "el iva y el erre efe ce"),
        ("Soy una IA.", "Soy una i a."),
        ("un PDF por WhatsApp", "un pe de efe por guatsap"),
        ("Google, Facebook y Gmail", "gúguel, féisbuk y yímeil"),
        ("marketing online", "márketin onláin"),
        ("software", "sóftuer"),
        ("una demo", "una demo"),
        ("pan & café", "pan y café"),
        ("C.P. 06700", "código postal cero seis siete cero cero"),
        ("NO TE PREOCUPES", "no te preocupes"),
        ("No. 5", "número cinco"),
        ("No, gracias", "No, gracias"),
        ("papas, refrescos, etc. y más", "papas, refrescos, etcétera y más"),
        ("Así es, etc.", "Así es, etcétera."),
        ("¡Hola! 😀 ¿Qué tal?", "¡Hola! ¿Qué tal?"),
        ("**Hola**", "Hola"),
        ("uno\ndos", "uno. dos"),
        ("él (mi socio) viene", "él, mi socio, viene"),
        ("TalIA", "Talía"),
        ("me\u{301}xico y Mun\u{303}oz", "méxico y Muñoz"),
    ]);
    assert_eq!(spell("Baca"), "be de burro, a, ce, a");
    assert_eq!(spell("w7"), "doble u, siete");
}

#[test]
fn english() {
    let english = |text| verbalize(text, Language::English);
    assert_eq!(
        english("It costs $1,250.50."),
        "It costs one thousand two hundred fifty dollars and fifty cents."
    );
    assert_eq!(english("ana.rios@gmail.com"), "ana dot rios at g mail dot com");
    assert_eq!(
        english("+1 415 555 0123"),
        "plus one, four one five, five five five, zero one two three"
    );
    assert_eq!(english("20% & 3.5"), "twenty percent and three point five");
}

#[test]
fn a_reply_starts_with_a_short_piece() {
    let cut = |text| clauses(text, Language::Spanish);
    assert_eq!(
        cut("Perfecto, Ana, te mando el correo a ana.rios@gmail.com. ¿Algo más?"),
        [
            "Perfecto, Ana, ",
            "te mando el correo a ana.rios@gmail.com. ",
            "¿Algo más?"
        ]
    );
    assert_eq!(
        cut("Tu número es 55, 1234, 5678, ¿verdad?")[0],
        "Tu número es 55, 1234, 5678, "
    );
    assert_eq!(
        cut("La Dra. Ruiz te espera mañana. Llega a tiempo."),
        ["La Dra. Ruiz te espera mañana. ", "Llega a tiempo."]
    );
    assert_eq!(
        cut("Te puedo enseñar cómo funciona porque tengo tiempo ahora."),
        ["Te puedo enseñar cómo funciona ", "porque tengo tiempo ahora."]
    );
    assert_eq!(
        cut("Nos vemos a las 4 p.m. en la Av. Juárez. Adiós."),
        ["Nos vemos a las 4 p.m. en la Av. Juárez. ", "Adiós."]
    );
    assert!(cut("").is_empty());
    assert_eq!(
        sentences("Hola. ¿Qué tal? Cuesta $1.50 hoy."),
        ["Hola. ", "¿Qué tal? ", "Cuesta $1.50 hoy."]
    );
}

#[test]
fn what_was_heard_ends_at_a_word() {
    let text = "Te llamo al 5512345678 mañana temprano.";
    assert_eq!(spoken_prefix(text, 0.0), ("", text));
    assert_eq!(spoken_prefix(text, 1.0), (text, ""));
    assert_eq!(spoken_prefix(text, f32::NAN), ("", text));
    // The number takes most of the audio, though it is a fourth of the letters.
    assert_eq!(spoken_prefix(text, 0.3).0, "Te llamo al ");
    assert_eq!(spoken_prefix(text, 0.75).0, "Te llamo al 5512345678 ");
}

/// Reads number words back. Written apart from the tongue, on purpose.
fn parse(words: &str) -> Option<u64> {
    let (mut total, mut thousands, mut group) = (0u64, 0u64, 0u64);
    for word in words.split(' ') {
        match word {
            "y" => {}
            "mil" => {
                thousands = group.max(1) * 1000;
                group = 0;
            }
            "millón" | "millones" => {
                total += (thousands + group) * 1_000_000;
                (thousands, group) = (0, 0);
            }
            _ => group += value(word)?,
        }
    }
    Some(total + thousands + group)
}

fn value(word: &str) -> Option<u64> {
    const UNITS: [&str; 10] = [
        "cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve",
    ];
    const TENS: [(&str, u64); 10] = [
        ("diez", 10),
        ("veinte", 20),
        ("treinta", 30),
        ("cuarenta", 40),
        ("cincuenta", 50),
        ("sesenta", 60),
        ("setenta", 70),
        ("ochenta", 80),
        ("noventa", 90),
        ("cien", 100),
    ];
    const ODD: [(&str, u64); 8] = [
        ("once", 11),
        ("doce", 12),
        ("trece", 13),
        ("catorce", 14),
        ("quince", 15),
        ("ciento", 100),
        ("quinientos", 500),
        ("setecientos", 700),
    ];
    let plain: String = word
        .replace('ú', "u")
        .replace('ó', "o")
        .replace('é', "e")
        .replace('í', "i");
    let plain = plain.as_str();
    let unit = |text: &str| match text {
        "un" | "una" => Some(1),
        _ => UNITS.iter().position(|unit| *unit == text).map(|unit| unit as u64),
    };
    unit(plain)
        .or_else(|| {
            TENS.iter()
                .chain(&ODD)
                .find(|(name, _)| *name == plain)
                .map(|(_, value)| *value)
        })
        .or_else(|| plain.strip_prefix("dieci").and_then(unit).map(|unit| 10 + unit))
        .or_else(|| plain.strip_prefix("veinti").and_then(unit).map(|unit| 20 + unit))
        .or_else(|| (plain == "novecientos").then_some(900))
        .or_else(|| plain.strip_suffix("cientos").and_then(unit).map(|unit| 100 * unit))
}

#[test]
fn small_numbers_all_round_trip() {
    for number in 0..=30_000u64 {
        assert_eq!(
            parse(&said(&number.to_string())),
            Some(number),
            "{}",
            said(&number.to_string())
        );
    }
}

proptest! {
    #[test]
    fn numbers_round_trip(number in 0u64..=999_999_999) {
        prop_assert_eq!(parse(&said(&number.to_string())), Some(number));
    }

    #[test]
    fn any_text_is_said(text in any::<String>()) {
        for language in [Language::Spanish, Language::English] {
            let words = verbalize(&text, language);
            prop_assert!(words.chars().all(|c| !c.is_control()), "{:?}", words);
        }
        let _ = (read_back_email(&text), read_back_phone(&text), spell(&text));
    }

    #[test]
    fn text_of_our_kind_leaves_no_figures(text in "[a-zA-Z0-9áñ@._:/$%+,#() -]{0,50}") {
        for language in [Language::Spanish, Language::English] {
            let words = verbalize(&text, language);
            prop_assert!(!words.contains(|c: char| c.is_ascii_digit() || c == '@' || c == '_'), "{:?}", words);
        }
        let _ = (read_back_email(&text), read_back_phone(&text));
    }

    #[test]
    fn pieces_make_the_text(text in "([a-z]{1,9}[,.;?!]? ?|y |[0-9]{1,4}[,.]? |Dr\\. |\n|\\PC){0,60}") {
        prop_assert_eq!(clauses(&text, Language::Spanish).concat(), text.clone());
        prop_assert_eq!(sentences(&text).concat(), text);
    }

    #[test]
    fn no_piece_is_longer_than_the_voice_can_take(text in "([a-zé]{1,12}[,.]? |y |[0-9]{1,9} ){0,150}") {
        for piece in clauses(&text, Language::Spanish) {
            let symbols = speech(piece, Language::Spanish).chars().count();
            prop_assert!(symbols <= 510, "{symbols}: {piece:?}");
        }
    }

    #[test]
    fn heard_and_unheard_make_the_text(text in any::<String>(), fraction in -0.5f32..1.5) {
        let (heard, unheard) = spoken_prefix(&text, fraction);
        prop_assert_eq!(format!("{heard}{unheard}"), text);
    }

    #[test]
    fn more_audio_is_never_less_heard(text in "[a-z0-9,. ]{0,80}", a in 0f32..1.0, b in 0f32..1.0) {
        let (less, more) = (a.min(b), a.max(b));
        prop_assert!(spoken_prefix(&text, less).0.len() <= spoken_prefix(&text, more).0.len());
    }
}
