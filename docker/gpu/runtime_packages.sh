#!/bin/bash
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

# With merged /usr, ldd says /lib/... where dpkg knows /usr/lib/..., or the other way round.
owner() {
  local path
  for path in "$1" "$(realpath "$1")" "/usr$1" "${1#/usr}"; do
    dpkg-query --search "$path" 2>/dev/null && return 0
  done
  # Libraries of our own lie in the folder itself and belong to no package.
  [[ $1 == "$2"/* ]] && return 0
  echo "runtime_packages.sh: no package holds $1" >&2
  return 1
}

found=$(libraries "$1")
for library in $(sort -u <<<"$found"); do
  owner "$library" "$1"
done | sed 's/:.*//; s/,.*//' | sort -u
