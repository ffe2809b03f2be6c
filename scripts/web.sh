#!/usr/bin/env bash
# Builds the web client into web-client/dist, where the server's build embeds it from. Quick when nothing changed.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"

[ -d web-client ] || { say "Web client: not there yet"; exit 0; }
need_web_packages

stamp=target/stamps/web
changed() {
    [ -e "$stamp" ] && [ -d web-client/dist ] || return 0
    # A directory is newer than the stamp when a file in it was added or removed.
    [ -n "$(find web-client \( -name node_modules -o -name dist -o -name lib \) -prune -o -newer "$stamp" -print -quit)" ]
}
if changed; then
    say "Building the web client"
    (cd web-client && npm run build) || fail "the web client does not build"
    mkdir -p target/stamps
    touch "$stamp"
fi
