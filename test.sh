#!/usr/bin/env bash
# Every check of the project: format, lints, tests, the browser test, licences. Installs what it needs where it can.
#   ./test.sh            all of it
#   ./test.sh --quick    without the browser and without fuzzing
set -euo pipefail
cd "$(dirname "$0")"
quick=${1:-}
step() { printf '\n== %s\n' "$*"; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo -n "$@"; else return 1; fi; }

need() { # need COMMAND PACKAGE: installs a Debian package where that is possible
  command -v "$1" >/dev/null && return 0
  step "installing $2"
  if command -v apt-get >/dev/null && as_root apt-get update -qq && as_root apt-get install -y -qq --no-install-recommends "$2" >/dev/null; then
    return 0
  fi
  echo "test.sh: $1 is missing. Install it (Debian: apt-get install $2), then run ./test.sh again." >&2
  exit 1
}

command -v cargo >/dev/null || { echo "test.sh: cargo is missing. Install Rust 1.91 or later from https://rustup.rs" >&2; exit 1; }

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --features failpoints --locked -- -D warnings

step "build"
cargo build --features failpoints --locked

if ! python3 -c "import ensurepip" 2>/dev/null; then
  step "installing python3-venv"
  { command -v apt-get >/dev/null && as_root apt-get update -qq && as_root apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; } ||
    echo "(python3 with venv is not installed: the test with OpenTelemetry's Python SDK is skipped)"
fi

step "tests"
need python3 python3
cargo test --workspace --features failpoints --locked

if [ "$quick" != --quick ]; then
  step "fuzzing what reads bytes, ${FUZZ_SECONDS:=60} s"
  FUZZ_SECONDS=$FUZZ_SECONDS cargo test -p taskpulse-engine --features failpoints --locked --lib fuzz -- --ignored --nocapture --test-threads 2
fi

step "the release build holds no fault injection"
tree=$(cargo tree --edges normal,features --locked --prefix none)
if grep -q 'fail feature "failpoints"' <<<"$tree"; then
  echo "test.sh: the fault injection of the tests is part of the product" >&2
  exit 1
fi

if command -v systemd-analyze >/dev/null; then
  step "the systemd unit"
  deploy/check-unit.sh
fi

if command -v cargo-deny >/dev/null; then
  step "licences, bans, sources"
  cargo deny --locked check bans licenses sources
else
  echo "(cargo-deny is not installed: licences, bans and sources are not checked. \`cargo install cargo-deny\` installs it.)"
fi

if [ "$quick" != --quick ]; then
  step "the dashboard: types"
  need node nodejs
  need npm npm
  (cd tests/browser && npm ci --silent --no-audit --no-fund && npm run --silent check)
  step "the dashboard in a browser"
  need chromium chromium
  TASKPULSE_BIN="${CARGO_TARGET_DIR:-$PWD/target}/debug/taskpulse" CHROMIUM="$(command -v chromium)" npm test --silent --prefix tests/browser
fi

step "all checks passed"
