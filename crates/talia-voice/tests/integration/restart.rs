//! Our own process dies with a call alive, and is started again: the call comes back and ends as one.

use crate::harness::{CallServer, TOKEN, eventually, raw};
use crate::resume::{at, check, patient};
use talia_simulator::events::What;
use talia_simulator::settings::AfterBreak;
use tokio::net::TcpListener;

/// Rings, kills the server when the caller has told so much, and starts it again.
async fn die_and_come_back(lines: usize, hangs: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mut settings = vec![("TALIA_LIMITS__RESUME_AFTER_S", "1")];
    if hangs {
        settings.push(("TALIA_TWILIO__API_URL", url.as_str()));
    }
    let (first, mortal) = CallServer::start_mortal(&settings).await;
    let first = if hangs { first.with_api(listener) } else { first };
    let (carrier, api) = first.carrier_with(|settings| {
        if hangs {
            // The dead node's lease has to run out first.
            settings.after_break = AfterBreak::Hangs { at_most_ms: 40_000 };
        }
    });
    let app = first.server.app.clone();
    let dying = async {
        eventually("so much was said", async || {
            let newest = app.store.recent_calls(1).await.expect("a read");
            let Some(call) = newest.first() else { return false };
            let said = app.store.transcript(&call.call_sid).await.expect("a read");
            said.iter().filter(|line| line.speaker == "caller").count() >= lines
        })
        .await;
        mortal.kill();
        first.again(&settings).await
    };
    let script = format!("patience_ms = 60000\n{}", patient());
    let ringing = first.ring_through(&carrier, &script, |_| {});
    let (outcome, (second, _mortal)) = tokio::join!(ringing, dying);
    let hung = at(&outcome, |what| matches!(what, What::Hangs)).len();
    assert_eq!(hung, usize::from(hangs));
    check(&second, &outcome, "killed").await;
    if let Some(api) = api {
        let requests = api.journal().requests();
        let recalls = requests.iter().filter_map(|request| request.form.get("Url"));
        assert_eq!(recalls.count(), 1, "{requests:?}");
    }
}

#[tokio::test]
async fn a_call_survives_the_death_of_its_process() {
    die_and_come_back(1, false).await;
    die_and_come_back(2, false).await;
}

/// Twilio waits for a word: the process that was started again says it, by REST.
#[tokio::test]
async fn a_call_that_hangs_behind_a_death_is_recalled_by_the_next_process() {
    die_and_come_back(2, true).await;
}

/// Keeps a port open, and starts the program behind it again whenever it ends, as a socket unit and its service do.
const SOCKET_UNIT: &str = r"
import os, socket, sys
door = socket.create_server(('127.0.0.1', 0))
print(door.getsockname()[1], flush=True)
while True:
    child = os.fork()
    if child == 0:
        os.dup2(door.fileno(), 3)
        os.set_inheritable(3, True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
        os.execv(sys.argv[1], [sys.argv[1], 'serve'])
    print(child, flush=True)
    os.waitpid(child, 0)
";

#[tokio::test]
async fn a_port_that_is_kept_open_lets_requests_wait_for_the_next_process() {
    use std::process::Stdio;
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::process::Command;
    let home = tempfile::TempDir::new().expect("a folder");
    let mut unit = Command::new("python3")
        .args(["-c", SOCKET_UNIT, env!("CARGO_BIN_EXE_talia-voice")])
        .current_dir(home.path())
        .env("TALIA_TWILIO_AUTH_TOKEN", TOKEN)
        .env("TALIA_SPEECH__ENGINES", "fixed-delay")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("python3");
    let mut said = BufReader::new(unit.stdout.take().expect("a pipe")).lines();
    let mut number = async || -> u32 {
        let line = said.next_line().await.expect("a line").expect("not the end");
        line.parse().expect("a number")
    };
    let port = u16::try_from(number().await).expect("a port");
    let healthy = async || {
        let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        raw(([127, 0, 0, 1], port).into(), request).await.status == 200
    };
    let mut processes = vec![number().await];
    for _ in 0..3 {
        assert!(healthy().await);
        let newest = processes.last().expect("one").to_string();
        assert!(
            Command::new("kill")
                .args(["-9", &newest])
                .status()
                .await
                .expect("kill")
                .success()
        );
        // At once: nobody listens but the unit.
        assert!(healthy().await);
        processes.push(number().await);
    }
    let group = format!("-{}", unit.id().expect("alive"));
    let _ = Command::new("kill").args(["-9", "--", &group]).status().await;
}
