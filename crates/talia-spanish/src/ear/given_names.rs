//! Given names and surnames that are common where callers come from, written with their accents.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::sound::fold;

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
