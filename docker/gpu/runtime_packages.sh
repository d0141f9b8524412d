#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Prints the Debian packages that hold the shared libraries which the programs in a folder need,
# and the libpython of python3: what the final stage of the image has to install.
# The package names differ from one distribution to the next, so they are asked for, not listed.
set -euo pipefail

[[ $# -eq 1 && -d $1 ]] || { echo "usage: runtime_packages.sh FOLDER" >&2 && exit 2; }

libraries() {
  local program found
  while IFS= read -r program; do
    found=$(ldd "$program" 2>/dev/null) || continue # A script, or statically linked.
    if grep -q 'not found' <<<"$found"; then
      echo "runtime_packages.sh: $program misses: $(grep 'not found' <<<"$found")" >&2
      return 1
    fi
    awk '$2 == "=>" && $3 ~ /^\// { print $3 }' <<<"$found"
  done < <(find "$1" -type f \( -perm -u+x -o -name '*.so*' \))
  /usr/bin/python3 - <<'PYTHON' # Not that of a venv or of pyenv: the image has the package's.
import os
import sysconfig

library = os.path.join(*map(sysconfig.get_config_var, ("LIBDIR", "INSTSONAME")))
if os.path.exists(library):
    print(library)
PYTHON
}

# With merged /usr, ldd says /lib/... where dpkg knows /usr/lib/..., or the other way round: each is
# asked for by all its names, in one question, for dpkg reads all its lists for every question.
names() {
  printf '%s\n' "$1" "$(realpath "$1")" "/usr$1" "${1#/usr}"
}

found=$(libraries "$1" | sort -u)
known=$(while IFS= read -r library; do names "$library"; done <<<"$found" | sort -u |
  xargs dpkg-query --search 2>/dev/null || true)
while IFS= read -r library; do
  # "package:arch, other: /path"
  owner=$(grep -Ff <(names "$library" | sed 's/^/: /') <<<"$known" | sed -n 1p || true)
  if [[ -n $owner ]]; then
    echo "$owner"
  elif [[ $library != "$1"/* ]]; then # Libraries of our own belong to no package.
    echo "runtime_packages.sh: no package holds $library" >&2
    exit 1
  fi
done <<<"$found" | sed 's/:.*//; s/,.*//' | sort -u
