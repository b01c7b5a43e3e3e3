//! Who can open a recording, on both engines: the operator, whoever the keys were passed to, and after an erasure nobody.

use super::rig::{Operator, age_opens, row_of};
use crate::conversation::HAPPY;
use crate::harness::{CallServer, Keeper, program};
use age::x25519::Identity;
use talia_simulator::outcome::CallOutcome;
use talia_voice::recordings::keys;
use tempfile::TempDir;

/// A call that was recorded for this operator, in a database of this engine.
async fn recorded(operator: &Operator, keeper: Keeper) -> (CallServer, CallOutcome) {
    let url = keeper.new_database(&operator.home);
    let calls = operator.server(&[("TALIA_DATABASE_URL", &url)]).await;
    let outcome = calls.ring(HAPPY).await;
    calls.nothing_lives().await;
    (calls, outcome)
}

async fn the_operator_and_nobody_else_opens_it_until_its_key_is_erased(keeper: Keeper) {
    let operator = Operator::new();
    let (calls, outcome) = recorded(&operator, keeper).await;
    let sid = outcome.call_sid.as_str();
    let app = &calls.server.app;
    let database = app.config.database.url.as_str();
    let (wave, said) = operator.opens(database, sid).await;
    assert_eq!(said.code, 0, "{said:?}");
    let wave = wave.expect("a file");

    // Another operator can't.
    let other = Operator::new();
    let stranger = other.key().display().to_string();
    let arguments = ["recording", "open", sid, "--identity", &stranger, "-o", "stolen.wav"];
    let said = operator.runs(database, &arguments).await;
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("no es la clave privada de esta grabación"),
        "{said:?}"
    );
    assert!(!operator.home.path().join("stolen.wav").exists());
    // Nor does a file that is no key.
    std::fs::write(other.key(), "AGE-SECRET-KEY-1NOTAKEY\n").expect("a file");
    let said = operator.runs(database, &arguments).await;
    assert!(
        said.code == 1 && said.err.contains("la línea 1 no es una clave privada") && !said.err.contains("NOTAKEY"),
        "{said:?}"
    );

    // The keys are passed on: what the old key opened, the new one does, and no longer the old one.
    let heir = Operator::new();
    let to = heir.identity.to_public().to_string();
    let rotate = ["keys", "rotate", "--identity", "operator.key", "--to", &to];
    let said = operator.runs(database, &rotate).await;
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, format!("1 clave(s) pasaron a {to}\n").as_str()),
        "{said:?}"
    );
    let again = operator.runs(database, &rotate).await;
    assert_eq!(
        (again.code, again.out.as_str()),
        (0, format!("0 clave(s) pasaron a {to}\n").as_str())
    );
    assert_eq!(operator.opens(database, sid).await.1.code, 1);
    std::fs::copy(heir.key(), operator.home.path().join("heir.key")).expect("a copy");
    let said = operator
        .runs(
            database,
            &["recording", "open", sid, "--identity", "heir.key", "-o", "heir.wav"],
        )
        .await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(
        std::fs::read(operator.home.path().join("heir.wav")).expect("a file"),
        wave
    );
    let row = row_of(&app.store, sid).await;
    assert_eq!(row.recipient, to);
    // Whoever isn't the holder can't pass them on.
    let said = operator
        .runs(
            database,
            &[
                "keys",
                "rotate",
                "--identity",
                "operator.key",
                "--to",
                &operator.identity.to_public().to_string(),
            ],
        )
        .await;
    assert!(
        said.code == 1 && said.err.contains("1 clave(s) son de otra clave privada"),
        "{said:?}"
    );

    // Erased: the file is gone, and no copy of it can be opened with anything that is left.
    let file = operator.folder().join(&row.place);
    let copy = operator.home.path().join("copy.age");
    std::fs::copy(&file, &copy).expect("a copy");
    let said = operator.runs(database, &["recording", "erase", sid]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!file.exists());
    let row = row_of(&app.store, sid).await;
    assert_eq!((row.state.as_str(), row.sealed_key), ("erased", None));
    for key in [operator.key(), heir.key()] {
        let (bytes, content) = age_opens(&copy, &key).await;
        assert!(bytes.is_empty() && !content);
    }
    let copy = copy.display().to_string();
    let said = operator
        .runs(
            database,
            &["recording", "open", sid, "--identity", "heir.key", "--file", &copy],
        )
        .await;
    assert!(said.code == 1 && said.err.contains("su clave se borró"), "{said:?}");
}

#[tokio::test]
async fn on_sqlite_the_operator_and_nobody_else_opens_it_until_its_key_is_erased() {
    Box::pin(the_operator_and_nobody_else_opens_it_until_its_key_is_erased(
        Keeper::Sqlite,
    ))
    .await;
}

#[tokio::test]
async fn on_postgres_the_operator_and_nobody_else_opens_it_until_its_key_is_erased() {
    Box::pin(the_operator_and_nobody_else_opens_it_until_its_key_is_erased(
        Keeper::Postgres,
    ))
    .await;
}

/// Nothing of the erased key is left in SQLite's files either.
#[tokio::test]
async fn an_erased_key_leaves_no_trace_in_the_database() {
    let operator = Operator::new();
    let (calls, outcome) = recorded(&operator, Keeper::Sqlite).await;
    let sid = outcome.call_sid.as_str();
    let row = row_of(&calls.server.app.store, sid).await;
    let sealed = row.sealed_key.expect("a key");
    let line = sealed.lines().nth(2).expect("a line").to_owned();
    let held = |line: &str| {
        ["talia.db", "talia.db-wal"].iter().any(|name| {
            let bytes = std::fs::read(operator.home.path().join(name)).unwrap_or_default();
            bytes.windows(line.len()).any(|window| window == line.as_bytes())
        })
    };
    assert!(held(&line));
    let database = &calls.server.app.config.database.url;
    let said = operator.runs(database, &["recording", "erase", sid]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!held(&line));
}

#[tokio::test]
async fn a_new_pair_is_a_private_file_and_a_public_line() {
    let folder = TempDir::new().expect("a folder");
    let said = program(folder.path(), &["keys", "new"], &[], "").await;
    assert_eq!(said.code, 0, "{said:?}");
    let file = folder.path().join("talia-recordings.key");
    let found = keys::identities(&file).expect("a key");
    let public: Vec<_> = found.iter().map(Identity::to_public).collect();
    assert_eq!(public.len(), 1);
    assert!(
        said.out.contains(&format!("recipient = \"{}\"", public[0])),
        "{}",
        said.out
    );
    assert!(!said.out.contains("AGE-SECRET-KEY"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // A key that is there is never overwritten.
    let again = program(folder.path(), &["keys", "new"], &[], "").await;
    assert_eq!(again.code, 1);
    assert_eq!(keys::identities(&file).expect("a key")[0].to_public(), public[0]);
}
