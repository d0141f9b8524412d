# SPDX-License-Identifier: Apache-2.0
"""Checks that a shim exports wrapper* functions of the C ABI, and nothing else.

check_exports.py <nm> <libwrapper.so or libwrapper_java.so> <wrapper.h>

A symbol more could clash with one of the user's libraries; an unknown wrapper* name is a typing
error that the host would never call.
"""

import re
import subprocess
import sys

MANDATORY = {"wrapperInit", "wrapperExec", "wrapperExecFree", "wrapperFini", "wrapperError"}


def main():
    nm, library, header = sys.argv[1:]
    run = subprocess.run(
        [nm, "--dynamic", "--defined-only", "--format=posix", library],
        check=True,
        capture_output=True,
        text=True,
    )
    exported = {line.split()[0] for line in run.stdout.splitlines()}
    with open(header, encoding="utf-8") as text:
        declared = set(re.findall(r"^[\w ]+\*? ?\*?(wrapper\w+)\(", text.read(), re.MULTILINE))
    if len(declared) != 25:
        sys.exit(f"{header}: expected 25 functions, found {len(declared)}: {sorted(declared)}")
    extra, missing = exported - declared, MANDATORY - exported
    if extra:
        print(f"{library}: exports what is not in {header}: {', '.join(sorted(extra))}")
    if missing:
        print(f"{library}: does not export {', '.join(sorted(missing))}")
    return 1 if extra or missing else 0


if __name__ == "__main__":
    sys.exit(main())
