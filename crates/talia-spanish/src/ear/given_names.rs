//! Given names and surnames that are common where callers come from, written with their accents.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::sound::{fold, sounds};

#[rustfmt::skip]
const GIVEN: &[&str] = &[
    "Adrián", "Adriana", "Agustín", "Aída", "Alberto", "Alejandra", "Alejandro", "Alfonso", "Alfredo", "Alicia",
    "Alma", "Álvaro", "Amalia", "Amanda", "Amparo", "Ana", "Andrea", "Andrés", "Ángel", "Ángela", "Ángeles",
    "Angélica", "Antonia", "Antonio", "Araceli", "Ariadna", "Arturo", "Aurora", "Beatriz", "Belén", "Benito",
    "Benjamín", "Bernardo", "Berta", "Blanca", "Brenda", "Bruno", "Camila", "Carla", "Carlos", "Carmen", "Carolina",
    "Catalina", "Cecilia", "César", "Clara", "Claudia", "Concepción", "Consuelo", "Cristian", "Cristina", "Cristóbal",
    "Daniel", "Daniela", "Dario", "David", "Diana", "Diego", "Dolores", "Eduardo", "Elena", "Elías", "Elisa",
    "Elizabeth", "Elsa", "Elvira", "Emilia", "Emiliano", "Emilio", "Enrique", "Erika", "Ernesto", "Esmeralda",
    "Esperanza", "Esteban", "Esther", "Eugenia", "Eugenio", "Eva", "Fabián", "Fabiola", "Fátima", "Felipe",
    "Fernanda", "Fernando", "Fidel", "Florencia", "Francisca", "Francisco", "Gabriel", "Gabriela", "Gerardo",
    "Germán", "Gilberto", "Gloria", "Gonzalo", "Graciela", "Gregorio", "Griselda", "Guadalupe", "Guillermo",
    "Gustavo", "Héctor", "Hilda", "Hugo", "Ignacio", "Imelda", "Inés", "Irene", "Irma", "Isaac", "Isabel", "Ismael",
    "Iván", "Ivonne", "Jaime", "Javier", "Jazmín", "Jesús", "Jimena", "Joaquín", "Joel", "Jorge", "José", "Josefina",
    "Juan", "Juana", "Juanita", "Julia", "Julián", "Julieta", "Julio", "Karen", "Karina", "Karla", "Laura",
    "Leonardo", "Leticia", "Lidia", "Liliana", "Lorena", "Lorenzo", "Lourdes", "Lucas", "Lucero", "Lucía", "Luis",
    "Luisa", "Luz", "Magdalena", "Manuel", "Manuela", "Marcela", "Marcelo", "Marco", "Marcos", "Margarita", "María",
    "Mariana", "Mariano", "Maribel", "Mario", "Marisol", "Marta", "Martha", "Martín", "Mateo", "Mauricio",
    "Maximiliano", "Mercedes", "Micaela", "Miguel", "Mireya", "Mónica", "Montserrat", "Nancy", "Natalia", "Nicolás",
    "Noemí", "Nora", "Norma", "Octavio", "Olga", "Omar", "Óscar", "Pablo", "Paola", "Patricia", "Paula", "Paulina",
    "Pedro", "Pilar", "Rafael", "Ramiro", "Ramón", "Raquel", "Raúl", "Rebeca", "Refugio", "Regina", "René", "Renata",
    "Ricardo", "Roberto", "Rocío", "Rodolfo", "Rodrigo", "Rogelio", "Romina", "Rosa", "Rosario", "Rubén", "Salvador",
    "Samuel", "Sandra", "Santiago", "Sara", "Saúl", "Sebastián", "Sergio", "Silvia", "Socorro", "Sofía", "Sol",
    "Soledad", "Sonia", "Susana", "Teresa", "Tomás", "Valentina", "Valeria", "Vanessa", "Verónica", "Vicente",
    "Víctor", "Victoria", "Ximena", "Xóchitl", "Yolanda", "Itzel", "Citlali", "Jacobo", "Abril", "Aitor", "Iker",
    "Nuria", "Íñigo", "Federico", "Facundo", "Agustina", "Milagros", "Lautaro", "Nahuel", "Abraham", "Aurelio",
];

/// Surnames that lose their accent in transcripts.
#[rustfmt::skip]
const SURNAMES: &[&str] = &[
    "García", "Hernández", "Martínez", "López", "González", "Pérez", "Rodríguez", "Sánchez", "Ramírez", "Gómez",
    "Díaz", "Vázquez", "Velázquez", "Jiménez", "Gutiérrez", "Ríos", "Álvarez", "Chávez", "Domínguez", "Méndez",
    "Núñez", "Fernández", "Muñoz", "Peña", "Castañeda", "Ibáñez", "Ordóñez", "Juárez", "Suárez", "Márquez", "Ávila",
    "Cárdenas", "Galván", "Beltrán", "Durán", "Guzmán", "Morán", "Román", "Millán", "Terán", "Marín", "Solís",
    "Valdés", "Cortés", "Garcés", "León", "Calderón", "Rendón", "Alarcón", "Pantoja", "Bermúdez", "Meléndez",
    "Meneses", "Báez", "Páez", "Sáenz", "Yáñez", "Cáceres", "Acuña", "Zúñiga", "Treviño", "Cedeño", "Patiño", "Ocaña",
    "Vélez", "Téllez", "Tamayo", "Gálvez", "Estévez", "Narváez", "Benítez", "Giménez", "Ramón", "Villaseñor",
    "Zamudio", "Niño", "Aragón", "Obregón", "Mejía", "Garzón",
];

/// Other usual surnames: with the names above, what a word heard in an address most likely is.
#[rustfmt::skip]
const PLAIN_SURNAMES: &[&str] = &[
    "Acosta", "Aguilar", "Aguirre", "Alonso", "Amaya", "Arias", "Arroyo", "Arce", "Ayala", "Barajas", "Barrera",
    "Barrios", "Bautista", "Becerra", "Blanco", "Bonilla", "Bravo", "Burgos", "Bustos", "Caballero", "Cabrera",
    "Camacho", "Campos", "Cano", "Cantú", "Carranza", "Carrasco", "Carrillo", "Casas", "Castillo", "Castro", "Cerda",
    "Cervantes", "Chacón", "Cisneros", "Contreras", "Cordero", "Corona", "Coronado", "Correa", "Cruz", "Cuevas",
    "Delgado", "Elizondo", "Enríquez", "Escobar", "Escobedo", "Espinosa", "Espinoza", "Esquivel", "Estrada", "Farías",
    "Ferreyra", "Ferreira", "Figueroa", "Flores", "Franco", "Fuentes", "Galindo", "Gallegos", "Garza", "Godoy",
    "Guerra", "Guerrero", "Herrera", "Hidalgo", "Huerta", "Hurtado", "Ibarra", "Iglesias", "Jaramillo", "Lara",
    "Leal", "Ledesma", "Lira", "Lozano", "Lugo", "Luján", "Luna", "Macías", "Magaña", "Maldonado", "Medina", "Medrano",
    "Mendoza", "Mesa", "Meza", "Miranda", "Molina", "Monroy", "Montes", "Montoya", "Mora", "Morales", "Moreno",
    "Murillo", "Nava", "Navarro", "Nieto", "Ocampo", "Ochoa", "Ojeda", "Olivares", "Olvera", "Orozco", "Ortega", "Ortiz",
    "Osorio", "Pacheco", "Padilla", "Palacios", "Paredes", "Peralta", "Pereira", "Pereyra", "Pineda", "Ponce",
    "Prieto", "Quintana", "Quintero", "Quiroga", "Quiroz", "Ramos", "Rangel", "Reyes", "Rivas", "Rivera", "Robles",
    "Rocha", "Rojas", "Romero", "Rosales", "Rosas", "Rubio", "Ruiz", "Salas", "Salazar", "Salcedo", "Saldívar",
    "Salinas", "Sandoval", "Segura", "Serrano", "Sierra", "Silva", "Solano", "Soto", "Sosa", "Tapia", "Toledo",
    "Torres", "Trejo", "Trujillo", "Uribe", "Valdez", "Valencia", "Valenzuela", "Valle", "Varela", "Vargas", "Vega",
    "Velasco", "Velázquez", "Vera", "Vidal", "Villa", "Villalobos", "Villarreal", "Villegas", "Zamora", "Zapata",
    "Zavala", "Zepeda",
];

/// Short forms that callers use in addresses.
#[rustfmt::skip]
const SHORT: &[&str] = &[
    "Teo", "Beto", "Memo", "Pepe", "Paco", "Lalo", "Nacho", "Toño", "Tere", "Lupe", "Quique", "Gaby", "Caro", "Fer",
    "Alex", "Chuy", "Pili", "Dani", "Sofi", "Vicky",
];

/// What recognisers write for a name whose sound telephone audio loses.
const MISHEARD: &[(&str, &str)] = &[("cuan", "Juan")];

static GIVEN_BY_KEY: LazyLock<HashMap<String, &'static str>> =
    LazyLock::new(|| GIVEN.iter().map(|name| (fold(name), *name)).collect());
static SURNAME_BY_KEY: LazyLock<HashMap<String, &'static str>> =
    LazyLock::new(|| SURNAMES.iter().map(|name| (fold(name), *name)).collect());

/// Whether a folded word is a common given name.
pub(crate) fn is_given(key: &str) -> bool {
    GIVEN_BY_KEY.contains_key(key)
}

/// The accented writing of a common name, by its folded form.
pub(crate) fn accented(key: &str) -> Option<&'static str> {
    GIVEN_BY_KEY.get(key).or_else(|| SURNAME_BY_KEY.get(key)).copied()
}

static USUAL: LazyLock<HashSet<String>> = LazyLock::new(|| all().map(fold).collect());
static USUAL_BY_SOUND: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut by_sound = HashMap::new();
    for name in all().filter(|name| name.chars().count() >= 3) {
        by_sound.entry(sounds(&fold(name))).or_insert(name);
    }
    by_sound
});

fn all() -> impl Iterator<Item = &'static str> {
    GIVEN.iter().chain(SURNAMES).chain(PLAIN_SURNAMES).chain(SHORT).copied()
}

/// Whether a folded word is a usual given name or surname.
pub(crate) fn is_usual(key: &str) -> bool {
    USUAL.contains(key)
}

/// The usual name that a folded word sounds exactly like; nothing if the word is one itself, or is none.
///
/// Recognisers write what they hear ("ector", "bargas"): the usual spelling is the likelier one. Nobody doubles a letter
/// by ear, so "Hanna" is meant so.
pub(crate) fn usual_spelling(key: &str) -> Option<&'static str> {
    let mut letters = key.chars().zip(key.chars().skip(1));
    let doubled = letters.any(|(a, b)| a == b && !matches!(a, 'l' | 'r'));
    if is_usual(key) || doubled {
        return None;
    }
    let misheard = MISHEARD.iter().find(|(heard, _)| *heard == key).map(|(_, name)| *name);
    misheard.or_else(|| USUAL_BY_SOUND.get(&sounds(key)).copied())
}

/// The usual name that a folded word is or sounds like.
pub(crate) fn usual(key: &str) -> Option<&'static str> {
    USUAL_BY_SOUND.get(&sounds(key)).copied()
}

/// The shortest name that is looked for inside a longer word.
const INSIDE: usize = 4;

/// The two usual names that a recogniser wrote as one word ("guzmantores"); nothing if the word is a name itself.
pub(crate) fn two_names(key: &str) -> Option<(&'static str, &'static str)> {
    let letters = key.bytes().all(|b| b.is_ascii_alphabetic());
    if !letters || key.len() > 24 || usual(key).is_some() {
        return None;
    }
    (INSIDE..key.len().saturating_sub(INSIDE - 1)).find_map(|cut| Some((usual(&key[..cut])?, usual(&key[cut..])?)))
}
