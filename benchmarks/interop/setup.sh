#!/bin/sh
# Installs what is compared, each in an environment of its own under $BENCH_WORK (.bench of the checkout).
# usage: benchmarks/interop/setup.sh [PYTHON]
set -e
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$here")")
work=${BENCH_WORK:-$root/.bench}
python=${1:-python3}
mkdir -p "$work"

environment() {
    name=$1
    shift
    [ -d "$work/$name" ] || "$python" -m venv "$work/$name"
    "$work/$name/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "$@"
}

environment ours --force-reinstall "${root}[local,passkeys]" psutil
environment moto 'moto[server,cognitoidp]' boto3 psutil
# MiniStack signs its tokens where cryptography is installed; as it comes, their signatures are random bytes.
environment ministack ministack
environment ministack-signing ministack cryptography
mkdir -p "$work/cognito-local"
(cd "$work/cognito-local" && { [ -f package.json ] || npm init --yes >/dev/null; } && npm install --no-fund --no-audit cognito-local)
