#!/usr/bin/env bash
# Makes what is missing of secrets/, which compose.yml hands to the services as files; what is there stays as it is.
#   ./secrets.sh          asks for Twilio's account and token
#   ./secrets.sh --demo   takes those of the simulator
# Containers see a file's mode and owner as they are on this machine, and their users are not known here. So the files can be
# read by everybody, and the directory be entered by nobody but their owner: a mount leads past the directory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
umask 077
mkdir -p secrets
chmod 700 secrets
cd secrets

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# keep NAME: what comes in, unless it is there already.
keep() {
    local text
    text=$(cat)
    if [ -s "$1" ]; then return; fi
    printf '%s\n' "$text" >"$1.new"
    chmod 444 "$1.new"
    mv "$1.new" "$1"
    echo "made secrets/$1"
}

random | keep jwt_secret
random | keep grafana_password
random | keep postgres_password
echo "postgres://landfall:$(cat postgres_password)@postgres:5432/landfall" | keep database_url
if [ ! -s redis_url ] || [ ! -s redis_users ]; then
    rm -f redis_url redis_users
    password=$(random)
    echo "user default on >$password ~* &* +@all" | keep redis_users
    echo "redis://:$password@redis:6379/0" | keep redis_url
fi

if [ ! -s twilio_accounts ]; then
    tenant=
    if [ "${1:-}" = --demo ]; then
        account=AC00000000000000000000000000000001
        token=token-of-the-simulator
        # Calls that nobody has registered belong to it at once.
        tenant=', "tenant": "demo"'
    else
        read -r -p "Twilio's account SID (AC…): " account
        read -r -s -p "Its auth token: " token
        echo
    fi
    echo "[{\"account_sid\": \"$account\", \"auth_token\": \"$token\"$tenant}]" | keep twilio_accounts
fi
