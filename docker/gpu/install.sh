#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Lays the service out as the image has it, under any folder. The Dockerfile calls it with
# --prefix /home/aiges; a test calls it with a temporary folder.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: install.sh --prefix DIR [--build] [--strip] [--source DIR] [--binaries DIR] [--papers FILE]
  --prefix DIR    folder to fill; the image uses /home/aiges
  --build         compile first (CMake, Release)
  --strip         without the symbols that only debuggers read, which are five sixths of the programs
  --source DIR    repository to take headers, Python packages and configuration from
  --binaries DIR  folder with AIService, aiges-worker, libwrapper.so (default SOURCE/build/bin)
  --papers FILE   the THIRD_PARTY.md of those binaries; without it dpkg is asked, where it is there
TEXT
}

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../.." && pwd)
prefix='' binaries='' papers='' build=no strip=no
while [[ $# -gt 0 ]]; do
  case $1 in
    --prefix | --source | --binaries | --papers)
      [[ -n ${2:-} ]] || fail "$1 needs a folder"
      printf -v "${1#--}" %s "$2"
      shift 2
      ;;
    --build) build=yes && shift ;;
    --strip) strip=yes && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && fail "unknown argument $1" ;;
  esac
done
[[ -n $prefix ]] || { usage >&2 && fail "--prefix is missing"; }
binaries=${binaries:-$source/build/bin}

if [[ $build == yes ]]; then
  # The compilers of the matrix differ in what they warn about, so warnings stay warnings here.
  cmake -S "$source" -B "$source/build" -DCMAKE_BUILD_TYPE=Release -DAIGES_TESTS=OFF \
    -DAIGES_WERROR=OFF -DPython3_EXECUTABLE=/usr/bin/python3 \
    ${AIGES_SWAGGER_UI:+"-DAIGES_SWAGGER_UI=$AIGES_SWAGGER_UI"}
  cmake --build "$source/build" --parallel
fi
for name in AIService aiges-worker libwrapper.so; do
  [[ -f $binaries/$name ]] || fail "expected $binaries/$name, it is missing; build it first (make)"
done
[[ -f $source/sdk/aiges/__init__.py ]] || fail "expected the Python package in $source/sdk/aiges"

install -d "$prefix"/{include/aiges,library/python}
# Folders that services on earlier base images write into, mount or look at. Whoever serves may write
# there, also into what is mounted over them: a tmpfs takes the rights of the folder below.
install -d -m 1777 "$prefix"/{log,xsf_status}
install -m 755 "$binaries/AIService" "$binaries/aiges-worker" "$prefix/"
# Images on top of earlier base images start ./AIservice.
ln -sfn AIService "$prefix/AIservice"
install -m 755 "$binaries/libwrapper.so" "$prefix/library/"
# For engines in Java, where they were built with a JDK; Java itself is an image's own to add.
if [[ -f $binaries/libwrapper_java.so ]]; then
  install -m 755 "$binaries/libwrapper_java.so" "$prefix/library/"
  install -m 644 "$binaries/aiges-engine.jar" "$prefix/library/"
fi
install -m 644 "$source"/include/aiges/*.h "$prefix/include/aiges/"
install -m 644 "$here/healthcheck.py" "$prefix/library/"
install -m 644 "$here/aiges.toml" "$prefix/"
install -m 755 "$here/start_test.sh" "$here/seldon-core-microservice" "$prefix/"

# Whose work is in the programs, and the licences of that.
install -m 644 "$source/LICENSE" "$prefix/"
if [[ -n $papers ]]; then
  install -m 644 "$papers" "$prefix/THIRD_PARTY.md"
elif command -v dpkg-query >/dev/null; then
  python3 "$source/scripts/papers/third_party.py" "$binaries" "$prefix/THIRD_PARTY.md"
else
  echo "install.sh: no dpkg here to ask for licences: $prefix has no THIRD_PARTY.md" >&2
fi

# The aiges package and its companion iflags, as plain folders: no pip needed. The shim puts both on
# the path; python is on PYTHONPATH, too.
rm -rf "$prefix/library/python/aiges" "$prefix/library/compat"
cp -R "$source/sdk/aiges" "$prefix/library/python/aiges"
cp -R "$source/compat" "$prefix/library/compat"
find "$prefix"/library/{python,compat} -name __pycache__ -prune -exec rm -rf {} +

# The load tester belongs beside the loader; it is optional because it is built on its own.
if [[ -f $binaries/xtest ]]; then
  install -m 755 "$binaries/xtest" "$prefix/"
  install -m 644 "$here/xtest.toml" "$prefix/"
fi
if [[ $strip == yes ]]; then
  for name in AIService aiges-worker library/libwrapper.so \
    library/libwrapper_java.so xtest; do
    [[ ! -f $prefix/$name ]] || strip --strip-unneeded "$prefix/$name"
  done
fi
echo "installed into $prefix"
