#!/usr/bin/env bash
# Makes the fixed phrases of the conversations in TALIA_ASSISTANTS (or of the built-in one) with the local voice, and keeps them beside the
# models of TALIA_MODELS_DIR. For an image with conversations of your own (docs/OPERATIONS.md): no call is taken, nothing leaves.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# A server that nobody can reach: it makes them when it starts. The token is of no account.
TALIA_TWILIO_AUTH_TOKEN=0123456789abcdef0123456789abcdef TALIA_BIND=127.0.0.1:0 TALIA_PUBLIC_URL='' TALIA_DATABASE_URL=sqlite:phrases.db \
  TALIA_TELEMETRY__FORMAT=json TALIA_LOG=info talia-voice serve >"$work/log" 2>&1 &
server=$!
for _ in $(seq "${PHRASES_TIMEOUT_S:-900}"); do
  if grep -q '"fixed phrases are ready"' "$work/log"; then
    kill "$server"
    wait "$server" || true
    grep '"fixed phrases are ready"' "$work/log"
    exit 0
  fi
  if ! kill -0 "$server" 2>/dev/null || grep -q 'fixed phrases could not be prepared' "$work/log"; then
    break
  fi
  sleep 1
done
kill "$server" 2>/dev/null || true
cat "$work/log" >&2
echo 'the fixed phrases were not made' >&2
exit 1
