#!/usr/bin/env bash
# Set up what a make target needs, once. Usage: packaging/setup.sh python|tests
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

# Debian packages, only where missing, only where it is allowed.
need() {
    local missing=() pair
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${pair%%=*}" ] || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || { say "missing: ${missing[*]}; install them as root: apt-get install ${missing[*]}"; exit 1; }
        as_root=(sudo)
    fi
    say "installing ${missing[*]} …"
    # The broker's package starts a service by itself; the tests start their own on free ports.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null' sh "${missing[@]}"
}

python_ready() {
    need python3=python3
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        say "python3 is $(python3 --version 2>&1), 3.11 or newer is needed"; exit 1
    }
    python3 -c 'import ensurepip, venv' 2>/dev/null || need "no-such-command-venv=python3-venv"
    [ -x .venv/bin/python ] || { say "making .venv …"; python3 -m venv .venv; }
    say "installing emberwatt and what it needs into .venv (a minute or two on the first run) …"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
    touch .venv/.ready
}

case "${1:-}" in
    python) python_ready ;;
    tests)
        # A real broker and browser, and Modbus programs by other people.
        need mosquitto=mosquitto chromium=chromium mbpoll=mbpoll gcc=gcc pkg-config=pkg-config \
            strace=strace ip=iproute2
        pkg-config --exists libmodbus || need no-such-command-libmodbus=libmodbus-dev
        ;;
    *) say "usage: packaging/setup.sh python|tests"; exit 2 ;;
esac
