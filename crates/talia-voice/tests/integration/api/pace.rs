//! How long a page takes, wherever in the list it is. `TALIA_TEST_CALLS=1000000` asks it of a large database.

use super::rig::{each, json, second, server_on};
use crate::harness::{Keeper, TestServer, call_sid, execute};
use std::time::Duration;

/// Calls that have not ended, the newest.
const OPEN: u32 = 100;
/// Pages of each list that are asked for.
const PAGES: usize = 100;
const PAGE: usize = 50;
/// How long a page of a large database may take.
const LIMIT: Duration = Duration::from_millis(20);

/// Fills a database with so many calls, a third of them with leads and a fifth with recordings. Call `i` rings seven seconds
/// after call `i - 1`.
const SQLITE: &str = "
    CREATE TEMP TABLE filled AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n})
        SELECT i, 'CA' || printf('%032x', i) AS sid, '0197b1f0-0000-7000-8000-' || printf('%012x', i) AS id,
               '+5255' || printf('%08d', i % 50000) AS caller, strftime('%Y-%m-%dT%H:%M:%f', {t} + i * 7, 'unixepoch') || 'Z' AS t
        FROM n;
    INSERT INTO voice_calls (call_sid, account_sid, direction, assistant, from_number, to_number, status, started_at, ended_at)
        SELECT sid, 'AC', CASE WHEN i % 10 = 0 THEN 'outbound-api' ELSE 'inbound' END,
               CASE i % 4 WHEN 0 THEN 'ventas' ELSE 'solara' END,
               CASE WHEN i % 10 = 0 THEN '+525587654321' ELSE caller END, CASE WHEN i % 10 = 0 THEN caller ELSE '+525587654321' END,
               CASE WHEN i > {n} - 100 THEN 'in-progress' WHEN i % 50 = 3 THEN 'failed' ELSE 'completed' END,
               t, CASE WHEN i > {n} - 100 THEN NULL ELSE t END
        FROM filled ORDER BY i;
    INSERT INTO leads (id, call_sid, name, phone, email, created_at, updated_at)
        SELECT id, sid, 'Ana', caller, 'p' || (i % 50000) || '@ejemplo.mx', t, t FROM filled WHERE i % 3 = 0 ORDER BY i;
    INSERT INTO voice_recordings (id, call_sid, stream, state, place, recipient, started_at)
        SELECT id, sid, 1, CASE WHEN i % 1000 = 0 THEN 'failed' ELSE 'stored' END, sid, 'age1', t
        FROM filled WHERE i % 5 = 0 ORDER BY i;
    DROP TABLE filled;";
/// The same.
const POSTGRES: &str = "
    CREATE TEMP TABLE filled AS
        SELECT i, 'CA' || lpad(to_hex(i), 32, '0') AS sid,
               ('0197b1f0-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid AS id,
               '+5255' || lpad((i % 50000)::text, 8, '0') AS caller, to_timestamp({t} + i * 7) AS t
        FROM generate_series(1, {n}) AS i;
    INSERT INTO voice_calls (call_sid, account_sid, direction, assistant, from_number, to_number, status, started_at, ended_at)
        SELECT sid, 'AC', CASE WHEN i % 10 = 0 THEN 'outbound-api' ELSE 'inbound' END,
               CASE i % 4 WHEN 0 THEN 'ventas' ELSE 'solara' END,
               CASE WHEN i % 10 = 0 THEN '+525587654321' ELSE caller END, CASE WHEN i % 10 = 0 THEN caller ELSE '+525587654321' END,
               CASE WHEN i > {n} - 100 THEN 'in-progress' WHEN i % 50 = 3 THEN 'failed' ELSE 'completed' END,
               t, CASE WHEN i > {n} - 100 THEN NULL ELSE t END
        FROM filled ORDER BY i;
    INSERT INTO leads (id, call_sid, name, phone, email, created_at, updated_at)
        SELECT id, sid, 'Ana', caller, 'p' || (i % 50000) || '@ejemplo.mx', t, t FROM filled WHERE i % 3 = 0 ORDER BY i;
    INSERT INTO voice_recordings (id, call_sid, stream, state, place, recipient, started_at)
        SELECT id, sid, 1, CASE WHEN i % 1000 = 0 THEN 'failed' ELSE 'stored' END, sid, 'age1', t
        FROM filled WHERE i % 5 = 0 ORDER BY i;
    ANALYZE;";

/// So many calls, with what belongs to them.
pub(super) async fn fill(server: &TestServer, calls: u32) {
    let is_postgres = server.app.config.database.url.starts_with("postgres");
    let text = if is_postgres { POSTGRES } else { SQLITE };
    let first = second(0).as_second().to_string();
    execute(
        &server.app.config.database.url,
        &text.replace("{n}", &calls.to_string()).replace("{t}", &first),
    )
    .await;
}

/// Which calls are on a list.
type Belongs = fn(u32, u32) -> bool;

const LISTS: [(&str, Belongs); 14] = [
    ("/api/voice/calls?", |_, _| true),
    ("/api/voice/calls?status=failed", |i, n| i % 50 == 3 && i <= n - OPEN),
    ("/api/voice/calls?status=completed", |i, n| i % 50 != 3 && i <= n - OPEN),
    ("/api/voice/calls?direction=outbound-api", |i, _| i % 10 == 0),
    ("/api/voice/calls?assistant=ventas", |i, _| i % 4 == 0),
    ("/api/voice/calls?number=%2B525587654321", |_, _| true),
    ("/api/voice/calls?number=%2B525500000020", |i, _| i % 50_000 == 20),
    ("/api/voice/calls?ended=false", |i, n| i > n - OPEN),
    // No call is both.
    ("/api/voice/calls?status=failed&direction=outbound-api", |_, _| false),
    (
        "/api/voice/calls?status=failed&assistant=ventas&since=2026-11-20T16:00:00Z",
        |i, n| i % 50 == 3 && i % 4 == 0 && i <= n - OPEN,
    ),
    (
        "/api/voice/calls?number=%2B525587654321&direction=outbound-api",
        |i, _| i % 10 == 0,
    ),
    ("/api/voice/leads?", |i, _| i % 3 == 0),
    ("/api/voice/leads?email=p21%40ejemplo.mx", |i, _| {
        i % 3 == 0 && i % 50_000 == 21
    }),
    ("/api/voice/recordings?state=failed", |i, _| i % 1_000 == 0),
];

/// Every list is walked through, and shows what belongs there in its order.
async fn pages_of_a_large_database(keeper: Keeper) {
    let asked = std::env::var("TALIA_TEST_CALLS").ok();
    let calls = asked.as_ref().map_or(12_000, |text| text.parse().expect("a number"));
    let server = server_on(keeper, &[]).await;
    fill(&server, calls).await;
    let clock = &server.app.clock;
    for (list, belongs) in LISTS {
        let (mut times, mut shown, mut cursor) = (Vec::new(), Vec::new(), String::new());
        for _ in 0..PAGES {
            let began = clock.now();
            let answer = server.get(&format!("{list}&limit={PAGE}{cursor}"), &[]).await;
            times.push(clock.now().duration_since(began));
            assert_eq!(answer.status, 200, "{answer:?}");
            let page = json(&answer);
            shown.extend(each(&page, "call_sid"));
            let Some(next) = page["next"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        let expected = (1..=calls).rev().filter(|i| belongs(*i, calls)).map(call_sid);
        let expected: Vec<String> = expected.take(PAGES * PAGE).collect();
        assert!(
            shown == expected,
            "{list}: {} rows instead of {}",
            shown.len(),
            expected.len()
        );
        times.sort_unstable();
        let (median, worst) = (
            times[times.len() / 2],
            times[(times.len() * 99 / 100).min(times.len() - 1)],
        );
        println!(
            "{keeper:?}, {calls} calls, {list}: {} pages, p50 {median:.1?}, p99 {worst:.1?}",
            times.len()
        );
        assert!(asked.is_none() || median < LIMIT, "{list}: {median:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_a_large_database_on_sqlite() {
    pages_of_a_large_database(Keeper::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_a_large_database_on_postgres() {
    pages_of_a_large_database(Keeper::Postgres).await;
}
