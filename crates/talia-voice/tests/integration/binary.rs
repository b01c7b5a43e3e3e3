//! The program itself: what it says, and with which code it ends, when something is wrong from the start.

use crate::harness::TOKEN;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use talia_speech::models::catalogue::FILES;
use tempfile::TempDir;

/// Runs the program in an empty folder, with nothing in its environment but this.
fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_talia-voice"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .envs(environment.iter().copied())
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// Fails unless the program said one line, of this beginning, and ended with this code.
#[track_caller]
fn refuses(output: &Output, code: i32, line: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with(line), "{said}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
}

#[test]
fn a_bad_configuration_is_one_line_and_code_64_before_any_port_is_bound() {
    // Were the port to be bound first, it would be found taken.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = folder();
    let good = [("TALIA_TWILIO_AUTH_TOKEN", TOKEN), ("TALIA_BIND", address.as_str())];
    let bad = |more: (&'static str, &'static str)| run(folder.path(), &["serve"], &[good[0], good[1], more]);
    let output = run(folder.path(), &["serve"], &[good[1]]);
    refuses(&output, 64, "talia-voice: twilio.auth_token: is missing");
    refuses(
        &bad(("TALIA_LIMITS__MAX_CALLS", "0")),
        64,
        "talia-voice: limits.max_calls: must be 1 or more",
    );
    refuses(
        &bad(("TALIA_SPEECH__ENGINES", "cloud")),
        64,
        "talia-voice: speech.engines: must be local or fixed-delay",
    );
    refuses(
        &bad(("TALIA_LIMITS__MAX_CALL", "1")),
        64,
        "talia-voice: environment: TALIA_LIMITS__MAX_CALL names a key",
    );
    refuses(
        &bad(("TALIA_ASSISTANTS", "/nowhere/at/all")),
        64,
        "talia-voice: /nowhere/at/all: No such",
    );
    refuses(
        &bad(("TALIA_NATS_URL", "http://127.0.0.1:4222")),
        64,
        "talia-voice: events.nats.url: must begin with nats:// or tls://",
    );
    let webhook = |url: &str, secret: &str| {
        let text = format!("[[events.webhooks]]\nid = \"crm\"\nurl = \"{url}\"\nsecret = \"{secret}\"\n");
        std::fs::write(folder.path().join("talia.toml"), text).expect("a file");
        run(
            folder.path(),
            &["serve"],
            &[good[0], good[1], ("TALIA_SPEECH__ENGINES", "fixed-delay")],
        )
    };
    let said = "talia-voice: events.webhooks: «crm»: ";
    let short = webhook("https://crm.example.com/", "short");
    refuses(&short, 64, &format!("{said}secret must have 16 bytes"));
    let unset = webhook("https://crm.example.com/", "${CRM_SECRET}");
    refuses(
        &unset,
        64,
        &format!("{said}secret names the variable CRM_SECRET, which is not set"),
    );
    let plain = webhook("http://crm.example.com/", "0123456789abcdef");
    refuses(&plain, 64, &format!("{said}url must begin with https://"));
    let private = webhook("https://10.0.0.1/", "0123456789abcdef");
    refuses(&private, 64, &format!("{said}it is a private address"));
    std::fs::write(folder.path().join("talia.toml"), "[sever]\n").expect("a file");
    let output = run(folder.path(), &["serve"], &good);
    refuses(&output, 64, "talia-voice: talia.toml:1: unknown field `sever`");
}

#[test]
fn a_taken_port_is_said_with_its_address() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = folder();
    let environment = [
        ("TALIA_TWILIO_AUTH_TOKEN", TOKEN),
        ("TALIA_BIND", address.as_str()),
        ("TALIA_SPEECH__ENGINES", "fixed-delay"),
    ];
    let output = run(folder.path(), &["serve"], &environment);
    refuses(&output, 1, &format!("talia-voice: no se puede escuchar en {address}"));
}

/// A folder in which every model has its right size and wrong content, and takes no place on the disk.
fn damaged_models() -> TempDir {
    let folder = folder();
    for model in FILES {
        let file = File::create(folder.path().join(model.name)).expect("a file");
        file.set_len(model.bytes).expect("a size");
    }
    folder
}

#[test]
fn without_whole_models_the_server_refuses_to_start_and_names_the_command_that_mends_it() {
    let (home, empty, damaged) = (folder(), folder(), damaged_models());
    let short = damaged_models();
    File::create(short.path().join(FILES[0].name)).expect("a file");
    for (models, fault) in [
        (&empty, FILES[0].name),
        (&damaged, FILES[0].name),
        (&short, FILES[0].name),
    ] {
        let path = models.path().display().to_string();
        let environment = [
            ("TALIA_TWILIO_AUTH_TOKEN", TOKEN),
            ("TALIA_BIND", "127.0.0.1:0"),
            ("TALIA_MODELS_DIR", path.as_str()),
        ];
        let output = run(home.path(), &["serve"], &environment);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("talia-voice models fetch") && said.contains(fault),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn models_are_listed_and_verified_without_any_other_configuration() {
    let (home, damaged) = (folder(), damaged_models());
    let path = damaged.path().display().to_string();
    let environment = [("TALIA_MODELS_DIR", path.as_str())];
    let output = run(home.path(), &["models", "list"], &environment);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let listed = text(&output.stdout);
    for model in FILES {
        assert!(listed.contains(model.name), "{listed}");
    }
    assert!(listed.contains(&path) && !listed.contains('✓'), "{listed}");
    let output = run(home.path(), &["models", "verify"], &environment);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("talia-voice models fetch"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn help_names_every_command_and_an_unknown_one_is_refused() {
    let home = folder();
    let output = run(home.path(), &["--help"], &[]);
    assert!(output.status.success());
    let help = text(&output.stdout);
    for command in [
        "serve",
        "demo",
        "call",
        "load",
        "keys",
        "recording",
        "models",
        "eval",
        "doctor",
        "twilio",
        "bench",
    ] {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(command)),
            "{command} is not in {help}"
        );
        let output = run(home.path(), &[command, "--help"], &[]);
        assert!(output.status.success() && !output.stdout.is_empty(), "{command}");
    }
    assert_eq!(run(home.path(), &["answer"], &[]).status.code(), Some(2));
    assert_eq!(run(home.path(), &[], &[]).status.code(), Some(2));
}

#[test]
fn a_new_key_is_shown_once_with_the_hash_that_the_configuration_takes() {
    use sha2::{Digest, Sha256};
    let folder = folder();
    let output = run(
        folder.path(),
        &["keys", "new-api", "--id", "crm", "--scope", "dial", "--scope", "read"],
        &[],
    );
    assert!(output.status.success());
    let said = text(&output.stdout);
    let key = said.lines().find(|line| line.starts_with("talia_")).expect("a key");
    assert_eq!(key.len(), "talia_".len() + 43);
    let hash = Sha256::digest(key)
        .iter()
        .fold(String::new(), |all, byte| all + &format!("{byte:02x}"));
    assert!(said.contains(&format!("sha256 = \"{hash}\"")));
    assert!(said.contains("scopes = [\"dial\", \"read\"]"));
    let again = run(folder.path(), &["keys", "new-api"], &[]);
    assert!(!text(&again.stdout).contains(key));
}
