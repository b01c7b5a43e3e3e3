//! What a company has written down: read whole when it is small, searched when it is not, never read outside its folder.

use super::Call;
use std::fs;
use talia_spanish::Language;
use talia_voice::brain::knowledge::{KnowledgeError, Library};
use talia_voice::brain::script::Assistants;
use talia_voice::brain::tools::{CallTools, Toolbox};
use tempfile::TempDir;

const SOLARA: &str = include_str!("../../../../../assistants/solara.toml");

fn long() -> Vec<(String, String)> {
    let filler = "Los paneles se limpian dos veces al año con agua y un paño suave. ".repeat(12);
    let text = format!(
        "# Garantías\n\n## Inversores\n\nLos inversores tienen garantía de doce años contra defectos de fábrica.\n\n\
         ## Paneles\n\nLos paneles conservan el 80 % de su potencia a los veinticinco años.\n\n{filler}\n\n\
         # Instalación\n\nInstalamos en tres días hábiles. Vamos los sábados si hace falta.\n\n{filler}\n\n{filler}\n\n\
         # Pagos\n\n```\n# esto no es un encabezado\n```\n\nSe puede pagar a doce meses sin intereses con tarjeta Banorte.\n\n{filler}"
    );
    vec![
        ("manual".to_owned(), format!("{text}\n\n{text}")),
        ("horario".to_owned(), "Abrimos de nueve a seis.".to_owned()),
    ]
}

#[test]
fn a_question_finds_the_passage_that_answers_it() {
    let library = Library::of(&long(), Language::Spanish);
    assert!(!library.is_small());
    for (question, heading, says) in [
        (
            "¿Cuántos años garantizan el inversor?",
            "Garantías › Inversores",
            "doce años",
        ),
        ("¿puedo pagar con mi tarjeta en meses?", "Pagos", "Banorte"),
        ("¿instalan en sábado?", "Instalación", "sábados"),
        ("¿cuál es su horario?", "horario", "nueve"),
    ] {
        let found = library.search(question, 4);
        let first = found.first().unwrap_or_else(|| panic!("nothing for «{question}»"));
        assert_eq!(first.heading, heading, "«{question}»");
        assert!(first.text.contains(says), "«{question}»: {}", first.text);
    }
    assert!(library.search("xyzzy", 4).is_empty());
    assert!(library.search("", 4).is_empty());
}

#[test]
fn a_small_folder_is_read_out_whole() {
    let library = Library::of(
        &[("a".to_owned(), "# Horario\nDe nueve a seis.".to_owned())],
        Language::Spanish,
    );
    assert!(library.is_small());
    assert_eq!(library.facts(), "# Horario\nDe nueve a seis.");
}

#[cfg(unix)]
#[test]
fn nothing_outside_the_folder_is_read() {
    let outside = TempDir::new().expect("a folder");
    fs::write(outside.path().join("secret.md"), "canary").expect("a file");
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("a.md"), "# Uno\nDentro.").expect("a file");
    fs::write(folder.path().join("b.txt"), "no es Markdown").expect("a file");
    fs::write(folder.path().join(".oculto.md"), "oculto").expect("a file");
    assert_eq!(
        Library::load(folder.path(), Language::Spanish)
            .expect("a library")
            .facts(),
        "# Uno\nDentro."
    );
    for link in ["file.md", "folder"] {
        let target = if link == "folder" {
            outside.path().to_owned()
        } else {
            outside.path().join("secret.md")
        };
        std::os::unix::fs::symlink(target, folder.path().join(link)).expect("a link");
        let loaded = Library::load(folder.path(), Language::Spanish);
        assert!(matches!(loaded, Err(KnowledgeError::Outside(_))), "{link}: {loaded:?}");
        fs::remove_file(folder.path().join(link)).expect("removed");
    }
    std::os::unix::fs::symlink(folder.path().join("a.md"), folder.path().join("same.md")).expect("a link");
    let facts = Library::load(folder.path(), Language::Spanish).expect("a link inside is fine");
    assert_eq!(facts.facts(), "# Uno\nDentro.", "and its text is there once");
}

#[tokio::test]
async fn an_assistant_reads_the_folder_beside_its_file() {
    let folder = TempDir::new().expect("a folder");
    fs::write(
        folder.path().join("solara.toml"),
        format!("knowledge = \"saber\"\n{SOLARA}"),
    )
    .expect("a file");
    fs::create_dir(folder.path().join("saber")).expect("a folder");
    for (title, text) in long() {
        fs::write(folder.path().join("saber").join(format!("{title}.md")), text).expect("a file");
    }
    let assistants = Assistants::load(folder.path()).expect("assistants");
    let call = Call::new("", "");
    let mut tools = CallTools::new(
        std::sync::Arc::new(call.all.of(&assistants.all()[0])),
        call.session.clone(),
    );
    assert_eq!(tools.facts(), "");
    assert!(tools.specs().iter().any(|spec| spec.name == "search_knowledge"));
    let wish = talia_voice::brain::tools::ToolCall {
        id: String::new(),
        name: "search_knowledge".to_owned(),
        arguments: r#"{"query":"garantía del inversor"}"#.to_owned(),
    };
    let found = tools.begin(wish).await;
    assert!(found.output.contains("doce años"), "{}", found.output);
    assert!(found.output.len() < 8_000);
    for outside in ["../saber", "/etc", "saber/../../x"] {
        fs::write(
            folder.path().join("solara.toml"),
            format!("knowledge = \"{outside}\"\n{SOLARA}"),
        )
        .expect("a file");
        assert!(Assistants::load(folder.path()).is_err(), "{outside}");
    }
    // Without the key, the usual place.
    let usual = folder.path().join("solara").join("knowledge");
    fs::create_dir_all(&usual).expect("a folder");
    fs::write(usual.join("a.md"), "# Uno\nCanario.").expect("a file");
    fs::write(folder.path().join("solara.toml"), SOLARA).expect("a file");
    let assistants = Assistants::load(folder.path()).expect("assistants");
    let tools = CallTools::new(
        std::sync::Arc::new(call.all.of(&assistants.all()[0])),
        call.session.clone(),
    );
    assert_eq!(tools.facts(), "# Uno\nCanario.");
    assert!(tools.specs().iter().all(|spec| spec.name != "search_knowledge"));
}
