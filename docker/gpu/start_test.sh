#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Starts the service as the image does, to try it in a shell: with the aiges.toml beside this file.
# Further arguments go to AIService.
set -eu
cd "$(dirname "$0")"
export LD_LIBRARY_PATH="$PWD:$PWD/library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PYTHONPATH="$PWD:$PWD/library/python${PYTHONPATH:+:$PYTHONPATH}"
exec ./AIService -m=0 -c=aiges.toml -s=svcName "$@"
