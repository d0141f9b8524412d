#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing and compiles, both at once where they do not wait for each other:
#   scripts/build.sh [target of ninja...]     without targets: everything
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh venv
scripts/setup.sh python &
pip=$!
trap 'kill $pip 2>/dev/null || true' EXIT
scripts/setup.sh system
# What CMake needs of the Python packages comes first.
until compgen -G '.venv/lib/python3*/site-packages/swagger_ui/static/*' >/dev/null; do
  kill -0 $pip 2>/dev/null || break
  sleep 0.2
done
mkdir -p build
cmake -S . -B build -G Ninja > build/cmake.log || { cat build/cmake.log >&2; exit 1; }
python3 scripts/compile.py "$@"
wait $pip
trap - EXIT
