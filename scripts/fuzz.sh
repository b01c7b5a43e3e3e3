#!/bin/sh
# Fuzzes everything that strangers can send, on the stable toolchain: `scripts/fuzz.sh [seconds a target] [target…]`.
#
# The coverage flags are plain LLVM flags, so no nightly compiler and no cargo-fuzz is needed; the price is that there
# is no address sanitizer, which code without `unsafe` can do without. What is found stays in fuzz/corpus-found (new
# paths) and fuzz/artifacts (crashes); neither is committed. Exit status 1: at least one target crashed.
set -eu

seconds=${1:-10}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- media_message webhook_form signature own_signature dictation sse

cd "$(dirname "$0")/../fuzz"
host=$(rustc -vV | sed -n 's/^host: //p')
out=${CARGO_TARGET_DIR:-$PWD/target}

# With an explicit --target, build scripts and macros are compiled without these flags.
RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
    cargo build --release --target "$host" --target-dir "$out" --bins

export RUST_BACKTRACE=0
failed=0
printf '%-16s %12s %10s %8s\n' target executions per_second result
for target in "$@"; do
    mkdir -p "corpus-found/$target" "artifacts/$target"
    log=artifacts/$target/last.log
    if "$out/$host/release/$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=20000 \
        -print_final_stats=1 -artifact_prefix="artifacts/$target/" "corpus-found/$target" "corpus/$target" \
        >"$log" 2>&1; then
        result=ok
    else
        result=CRASHED
        failed=1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    printf '%-16s %12s %10s %8s\n' "$target" "${runs:-?}" "${rate:-?}" "$result"
    if [ "$result" = CRASHED ]; then
        grep -A 2 'panicked at' "$log" || true
        tail -n 12 "$log"
    fi
done
exit "$failed"
