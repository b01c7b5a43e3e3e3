#!/usr/bin/env bash
# Everything that CI runs, in the order in which it fails fastest.
set -euo pipefail
cd "$(dirname "$0")/.."

started=$SECONDS
step() { printf '\n\033[1m▸ [%4ds] %s\033[0m\n' "$((SECONDS - started))" "$*"; }

step "Tools and packages"
bash scripts/setup.sh test
step "Format"
cargo fmt --all --check
step "Dependencies: licences, sources, bans"
# What is judged offline has to be here first: a fresh machine has nothing of it.
cargo fetch --locked --quiet
cargo deny --log-level error --offline check bans licenses sources
# Clippy's driver compiles the workspace as it looks at it, as a wrapper of the compiler. `cargo clippy` would compile every dependency
# once more, for its metadata alone. The program is built with its tests, not once more by
# `cargo run`, which would choose other features.
tests() {
  RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__ \
    cargo test --locked --quiet "$@"
}
step "Lints, and building the tests"
tests --workspace --no-run
step "Speech models"
"${CARGO_TARGET_DIR:-target}/debug/talia-voice" models fetch
# Most of a whole call is waiting: more of them at once than there are cores.
step "Unit, property and integration tests"
tests --workspace -- --skip real_speech --skip restart:: --skip kill_points:: --skip mixes::every_mix --test-threads=4
# A real conversation in real time needs the machine for itself: other tests beside it would be heard as pauses. So does a
# server that dies and is waited for, and so do many servers at once.
step "Whole calls with real speech, through a death at any step, and through every mix of engines"
tests -p talia-voice --test integration -- real_speech restart:: kill_points:: mixes::every_mix --test-threads=1
step "Fuzzing, ${FUZZ_SECONDS:-10} s a target"
bash scripts/fuzz.sh "${FUZZ_SECONDS:-10}"
step "All green"
