#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds with buildah, into the images of podman: the base images of docker/cpu and of docker/gpu (that
# without CUDA), on top of them docker/contracts, docker/paddle and the images of two plugins:
#   scripts/images.sh                everything inside of the image, as a user's machine does it
#   scripts/images.sh --prebuilt     with the programs that make build compiled, on Debian 12; that of
#                                    Paddle Serving without Paddle itself (200 MB)
# Needs no container registry: where the distribution's image cannot be pulled, one is made from the
# distribution's packages, with the certificates and the pip.conf of this machine, under its name.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
version=0.1.0 row=cpu-debian12
base=docker.io/library/$(awk -v row="$row" '$1 == row { print $4 }' docker/matrix.txt)
[ "$(id -u)" = 0 ] || { echo "images: run as root" >&2; exit 1; }
export CONTAINERS_CONF=$PWD/scripts/containers.conf BUILDAH_ISOLATION=chroot
# Format docker: that of OCI has no place for HEALTHCHECK.
builder="buildah build --pull-never --format docker"
log=$PWD/build/images.log
mkdir -p build
: > "$log"

# step TEXT COMMAND...: runs it, and shows the end of what it said when it fails.
step() {
  local begin=$SECONDS
  if ! "${@:2}" >>"$log" 2>&1; then
    tail -20 "$log" >&2
    echo "images: $1 failed, the whole output is in $log" >&2
    exit 1
  fi
  echo "images: $1: $((SECONDS - begin)) s"
}

distribution() {
  local root mirror file container
  root=$(mktemp -d "$PWD/build/debian.XXXXXX")
  # This machine's own mirror: the first of its sources may be another archive.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
             'Codename: bookworm' 'Component: main' | sed -n 1p)
  debootstrap --variant=minbase bookworm "$root" ${mirror:+"$mirror"} || return
  # Not cp --parents: a folder that only root may enter here would be one there.
  for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt /usr/local/share/ca-certificates/*; do
    [ ! -f "$file" ] || install -D -m 644 "$file" "$root$file" || return
  done
  container=$(buildah from scratch) &&
    buildah add --quiet "$container" "$root" / &&
    buildah config --cmd bash "$container" &&
    buildah commit --quiet --rm "$container" "$base" || return
  rm -rf "$root"
}

# What stage `build` of the Dockerfiles leaves behind, as an image of that name.
stage_build() {
  local root container
  root=$(mktemp -d "$PWD/build/stage.XXXXXX")
  docker/gpu/install.sh --strip --prefix "$root/home/aiges" &&
    docker/gpu/runtime_packages.sh "$root/home/aiges" > "$root/runtime-packages.txt" || return
  container=$(buildah from scratch) &&
    buildah add --quiet "$container" "$root" / &&
    buildah commit --quiet --rm "$container" localhost/build || return
  rm -rf "$root"
}

# last_stage KIND TAG: docker/KIND/Dockerfile without its first stage; COPY --from=build then means the
# image. --layers: what both Dockerfiles begin with, the packages, is installed once.
last_stage() {
  awk '/^FROM / { stages++ } /^ARG BASE_IMAGE/ || stages > 1' "docker/$1/Dockerfile" \
    > "build/Dockerfile.$1"
  $builder --layers --build-arg "BASE_IMAGE=$base" --file "build/Dockerfile.$1" --tag "$2" docker/gpu
}

# ours ROW OPTION...: one row of docker/matrix.txt.
ours() { docker/build.py "$1" --engine buildah --version $version --reuse "${@:2}"; }

# plugin NAME OPTION...: its image.
plugin() {
  $builder --build-arg "BASE_IMAGE=localhost/$gpu" "${@:2}" --tag "aiges-$1:$version" "plugins/$1"
}

image_there() { buildah inspect --type image "$1" >/dev/null 2>&1; }

gpu=aiges-gpu:$version-$row cpu=aiges-cpu:$version-debian12 paddle=aiges-paddle:$version-debian12
# Those of an earlier time would stay without a name.
for name in aiges-mmocr:$version aiges-yolov5:$version "$paddle" "$cpu-contracts" "$cpu" "$gpu" \
    build:latest; do
  ! image_there "localhost/$name" || buildah rmi "localhost/$name" >>"$log" 2>&1 || true
done
if ! image_there "$base" && ! buildah pull --quiet "$base" >>"$log" 2>&1; then
  step "$base from the packages of Debian" distribution
fi
engine=()
if [ "${1:-}" = --prebuilt ]; then
  step "the programs as built here" stage_build
  step "$cpu" last_stage cpu "$cpu"
  step "$gpu" last_stage gpu "$gpu"
  engine=(--build-arg PADDLE=)
else
  step "$cpu" ours debian12 --base "$base"
  step "$gpu" ours $row --base "$base"
fi
step "$cpu-contracts" ours debian12-contracts
step "$paddle" ours paddle-debian12 "${engine[@]}"
step aiges-mmocr:$version plugin mmocr
step aiges-yolov5:$version plugin yolov5 --build-arg ONNXRUNTIME=onnxruntime
