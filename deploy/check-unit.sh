#!/usr/bin/env bash
# Holds the systemd unit to its promise: an exposure level of at most 2.0.
set -euo pipefail
cd "$(dirname "$0")"
report=$(systemd-analyze security --offline=true --no-pager ./taskpulse.service 2>&1) || { echo "$report" >&2; exit 1; }
level=$(grep -oE 'exposure level for [^:]*: [0-9.]+' <<<"$report" | grep -oE '[0-9.]+$')
echo "exposure level $level (at most 2.0)"
awk -v level="$level" 'BEGIN { exit !(level != "" && level <= 2.0) }' || { echo "$report" >&2; exit 1; }
