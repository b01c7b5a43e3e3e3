#!/usr/bin/env bash
# A telephone conversation on this machine: simulated Twilio, real server, real speech.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
printf '\033[1m▸ %s\033[0m\n' "Building (the first time takes some minutes)"
cargo build --release --quiet -p talia-voice
target=${CARGO_TARGET_DIR:-target}
"$target/release/talia-voice" models fetch
if [ -n "${INTERACTIVE:-}" ]; then
  exec "$target/release/talia-voice" demo --interactive
fi
exec "$target/release/talia-voice" demo
