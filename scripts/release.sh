#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a release in build/release: the wheel of each CPython that is here, the release archive, the
# bill of materials, the licences of others, the changelog, and checksums of all of it. What is there
# and was made of the same sources and programs is not made again. docs/release.md.
#   scripts/release.sh [FOLDER]     another folder than build/release, which is its own from then on
# RELEASE_PYTHONS="3.11 3.13": the wheels of these only.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-build/release}
keys=$out.keys
mkdir -p "$out" "$keys"
out=$(realpath "$out") keys=$(realpath "$keys")
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
echo "release: $version of $(git describe --always --dirty), in $out"
grep -q "^## .*\b${version//./\\.}\b" CHANGELOG.md ||
  { echo "release: expected a part for $version in CHANGELOG.md, found none" >&2; exit 1; }

# All that goes in: files of the repository as they are, and the programs.
inputs=(CMakeLists.txt pyproject.toml LICENSE include wrapper sdk compat scripts docker/gpu)
sources=$({ git ls-files -z --cached --others --exclude-standard -- "${inputs[@]}" |
              xargs -0 sha256sum -- 2>/dev/null || true
            sha256sum build/bin/{AIService,aiges-worker,libaiges-worker.so,xtest}; } |
          sha256sum | cut -d' ' -f1)

# made NAME: whether what was made of these sources under that name is still there.
made() { [ "$(sed -n 1p "$keys/$1" 2>/dev/null)" = "$sources" ] && [ -f "$(sed -n 2p "$keys/$1")" ]; }

# make NAME COMMAND..: runs it unless its file is there; its last line is the file. Sets `file`.
make_one() {
  local name=$1
  shift
  if made "$name"; then
    file=$(sed -n 2p "$keys/$name")
    echo "release: $(basename "$file") is there"
    return
  fi
  "$@" >"$keys/$name.log" || { cat "$keys/$name.log" >&2; exit 1; }
  file=$(tail -1 "$keys/$name.log")
  printf '%s\n%s\n' "$sources" "$file" >"$keys/$name"
  echo "release: $(basename "$file"), $(du -h "$file" | cut -f1)"
}

rm -f "$out/SHA256SUMS"
current=() missing=() first=
for python_version in ${RELEASE_PYTHONS:-3.9 3.10 3.11 3.12 3.13}; do
  python=$(python3 tests/package/pythons.py "$python_version") || {
    missing+=("$python_version")
    continue
  }
  make_one "wheel-$python_version" scripts/wheel.sh "$python" "$out"
  current+=("$file")
  [ "$python" != "/usr/bin/python$python_version" ] || first=$file
done
[ ${#current[@]} -gt 0 ] || { echo "release: found no CPython from 3.9 to 3.13" >&2; exit 1; }
make_one pack scripts/pack.sh "${first:-${current[0]}}" "$out"
current+=("$file")

papers=$(mktemp -d)
trap 'rm -rf "$papers"' EXIT
.venv/bin/python -m zipfile -e "${first:-${current[0]}}" "$papers"
cp "$papers"/aiges_host-*.dist-info/sboms/aiges-host.cdx.json "$out/aiges-$version.cdx.json"
cp "$papers"/aiges_host-*.dist-info/licenses/THIRD_PARTY.md "$out"/
cp CHANGELOG.md LICENSE "$out"/
.venv/bin/python scripts/papers/extras.py "${current[0]}" >"$out/EXTRAS.txt"
.venv/bin/python scripts/papers/floor.py "${current[@]:0:${#current[@]}-1}" >"$out/FLOOR.txt"
# What an earlier release left here belongs to no other.
current+=("$out"/{"aiges-$version.cdx.json",THIRD_PARTY.md,CHANGELOG.md,LICENSE,EXTRAS.txt,FLOOR.txt})
keep=$(for each in "${current[@]}"; do basename "$each"; done)
for each in "$out"/*; do grep -qxF "$(basename "$each")" <<<"$keep" || rm -f "$each"; done
(cd "$out" && sha256sum -- * >"$keys/sums" && mv "$keys/sums" SHA256SUMS)
echo "release: $(wc -l <"$out/SHA256SUMS") files, $(du -sh "$out" | cut -f1), checksums in SHA256SUMS"
[ ${#missing[@]} = 0 ] || echo "release: no wheel for CPython ${missing[*]}: not on this machine"
