#!/usr/bin/env bash
# Installs what the build and the tests need, and skips what is there: system packages by apt,
# Python packages into .venv. Nothing else on the machine is touched.
#   scripts/setup.sh         for make build, make demo
#   scripts/setup.sh test    also what the tests run against, for make test
#   scripts/setup.sh check   also clang and its sanitizer runtimes, for make check and make fuzz
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  build-essential cmake ninja-build ccache pkg-config
  libgrpc++-dev protobuf-compiler-grpc libprotobuf-dev protobuf-compiler
  libboost-dev libssl-dev libtomlplusplus-dev libvalijson-dev libsimdjson-dev libspdlog-dev
  prometheus-cpp-dev libcli11-dev libgtest-dev pybind11-dev
  python3-dev python3-venv util-linux
  libmimalloc-dev libgl1 libglib2.0-0 curl
  libcurl4-openssl-dev nlohmann-json3-dev zlib1g-dev
)
case "${1:-}" in
  test)
    packages+=(haproxy iproute2 nftables faketime docker-compose chromium chromium-driver
               debootstrap)
    # For the Consul and the Prometheus of the tests (scripts/tools.sh).
    command -v go >/dev/null || packages+=(golang-go)
    ;;
  check) packages+=(clang-14 libclang-rt-14-dev) ;;
esac

missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${#missing[@]} system packages: ${missing[*]}"
  sudo=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "setup: run as root, or install sudo" >&2; exit 1; }
    sudo=sudo
  fi
  log=build/setup.log
  mkdir -p build
  if ! { $sudo apt-get update && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y \
         --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    echo "setup: apt-get failed, the whole output is in $log" >&2
    exit 1
  fi
else
  echo "setup: system packages are there"
fi

# The system's Python: the shim of build/bin links its libpython, which is a shared library.
python=/usr/bin/python3
[ -x .venv/bin/python ] || { echo "setup: making .venv"; $python -m venv .venv; }
inputs=(tests/requirements.txt plugins/mmocr/requirements.txt plugins/yolov5/requirements.txt
        pyproject.toml)
stamp=$(cat "${inputs[@]}" | sha256sum | cut -d' ' -f1)
if [ "$(cat .venv/aiges-setup 2>/dev/null)" = "$stamp" ]; then
  echo "setup: Python packages are there"
else
  echo "setup: installing Python packages into .venv"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    -r tests/requirements.txt -r plugins/mmocr/requirements.txt -r plugins/yolov5/requirements.txt
  # The package as it lies in sdk/, without programs: those are in build/bin.
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e . \
    --config-settings=wheel.cmake=false --config-settings=editable.mode=inplace
  # A plain entry of sys.path in place of its import hook, which would go before PYTHONPATH.
  for pth in .venv/lib/python*/site-packages/_*aiges*.pth; do echo "$PWD/sdk" > "$pth"; done
  echo "$stamp" > .venv/aiges-setup
fi
