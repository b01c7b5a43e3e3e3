//! Accents that addresses leave out, and names that stand glued together in them.

/// Words that are common in addresses, with the accent that an address can't show.
const ACCENTED: &[&str] = &[
    "adrián",
    "agustín",
    "álvaro",
    "andrés",
    "ángel",
    "ángela",
    "ángeles",
    "aragón",
    "asesoría",
    "ávila",
    "bárbara",
    "belén",
    "benjamín",
    "botánica",
    "cafetería",
    "calderón",
    "cárdenas",
    "carpintería",
    "césar",
    "chávez",
    "clínica",
    "comercialización",
    "compañía",
    "construcción",
    "corazón",
    "córdova",
    "crédito",
    "débora",
    "díaz",
    "diseño",
    "educación",
    "eléctrica",
    "electrónica",
    "estética",
    "fabián",
    "ferretería",
    "fotografía",
    "garcía",
    "garzón",
    "germán",
    "gestión",
    "gráfica",
    "guzmán",
    "héctor",
    "información",
    "ingeniería",
    "inés",
    "iván",
    "jardín",
    "jesús",
    "joaquín",
    "joyería",
    "josé",
    "julián",
    "león",
    "lucía",
    "luján",
    "maría",
    "marín",
    "martín",
    "matías",
    "máxima",
    "médica",
    "médico",
    "méxico",
    "mónica",
    "nicolás",
    "óptica",
    "óscar",
    "panadería",
    "papelería",
    "pastelería",
    "peluquería",
    "pizzería",
    "rocío",
    "ramón",
    "raúl",
    "recepción",
    "refacción",
    "ríos",
    "rincón",
    "rodeón",
    "roldán",
    "rubén",
    "salmerón",
    "sebastián",
    "sofía",
    "técnica",
    "tecnología",
    "telefonía",
    "teléfono",
    "tomás",
    "valentín",
    "verónica",
    "víctor",
    "zoología",
    "logística",
    "administración",
    "atención",
    "facturación",
    "dirección",
    "psicología",
    "odontología",
    "público",
    "número",
    "héroes",
    "turística",
    "inmobiliaria",
    "fernández",
];

/// Given names and surnames that people glue together in front of the @.
const GLUED: &[&str] = &[
    "adriana",
    "alberto",
    "alejandra",
    "alejandro",
    "alfonso",
    "alicia",
    "ana",
    "andrea",
    "antonio",
    "armando",
    "arturo",
    "beatriz",
    "carla",
    "carlos",
    "carmen",
    "carolina",
    "cecilia",
    "claudia",
    "cristina",
    "daniel",
    "daniela",
    "david",
    "diana",
    "diego",
    "eduardo",
    "elena",
    "enrique",
    "ernesto",
    "esteban",
    "fernanda",
    "fernando",
    "francisco",
    "gabriel",
    "gabriela",
    "gerardo",
    "gloria",
    "guadalupe",
    "guillermo",
    "hugo",
    "ignacio",
    "isabel",
    "javier",
    "jorge",
    "juan",
    "juana",
    "karla",
    "laura",
    "leticia",
    "lorena",
    "luis",
    "luisa",
    "manuel",
    "marcela",
    "marco",
    "marcos",
    "margarita",
    "mariana",
    "mario",
    "marta",
    "mauricio",
    "miguel",
    "natalia",
    "norma",
    "oscar",
    "pablo",
    "paola",
    "patricia",
    "pedro",
    "rafael",
    "raquel",
    "ricardo",
    "roberto",
    "rodrigo",
    "rosa",
    "salvador",
    "sandra",
    "santiago",
    "sara",
    "sergio",
    "silvia",
    "susana",
    "teresa",
    "valeria",
    "vicente",
    "victoria",
    "aguilar",
    "castillo",
    "castro",
    "contreras",
    "cruz",
    "delgado",
    "flores",
    "herrera",
    "jimenez",
    "luna",
    "medina",
    "mendoza",
    "morales",
    "moreno",
    "navarro",
    "ortega",
    "ortiz",
    "reyes",
    "rivera",
    "robles",
    "rojas",
    "romero",
    "ruiz",
    "salazar",
    "santos",
    "silva",
    "soto",
    "torres",
    "vargas",
    "vega",
    "zamora",
];

fn without_accents(word: &str) -> String {
    word.chars()
        .map(|letter| match letter {
            'á' => 'a',
            'é' => 'e',
            'í' => 'i',
            'ó' => 'o',
            'ú' | 'ü' => 'u',
            'ñ' => 'n',
            other => other,
        })
        .collect()
}

/// The word as it is written in prose: "clinica" is "clínica", "lopez" is "lópez".
pub(super) fn accented(word: &str) -> String {
    if let Some(known) = ACCENTED.iter().find(|known| without_accents(known) == word) {
        return (*known).to_owned();
    }
    // Patronymics carry their accent on the vowel before "-ez": Pérez, Martínez, Vázquez (whose u is mute).
    if let Some(stem) = word
        .strip_suffix("ez")
        .filter(|stem| stem.len() >= 2 && word.is_ascii())
    {
        let sounding = if stem.ends_with("gu") || stem.ends_with("qu") {
            &stem[..stem.len() - 1]
        } else {
            stem
        };
        if let Some(at) = sounding.rfind(['a', 'e', 'i', 'o', 'u']) {
            return format!("{}{}{}ez", &stem[..at], acute(&stem[at..=at]), &stem[at + 1..]);
        }
    }
    word.to_owned()
}

fn acute(vowel: &str) -> &str {
    match vowel {
        "a" => "á",
        "e" => "é",
        "i" => "í",
        "o" => "ó",
        "u" => "ú",
        other => other,
    }
}

fn is_known(word: &str) -> bool {
    GLUED.contains(&word) || ACCENTED.iter().any(|known| without_accents(known) == word)
}

fn is_name(word: &str) -> bool {
    is_known(word) || (word.len() >= 5 && word.ends_with("ez"))
}

/// Cuts "juanperez" into its two names; one part when it can't be told.
pub(super) fn unglued(word: &str) -> Vec<&str> {
    if word.is_ascii() && !is_known(word) {
        // The longest first name wins: "juana" before "juan".
        for at in (3..word.len().saturating_sub(2)).rev() {
            let (front, back) = word.split_at(at);
            if is_name(front) && is_name(back) {
                return vec![front, back];
            }
        }
    }
    vec![word]
}
