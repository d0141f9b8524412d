#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A server of one's own, at port 80 where it is deployed.
cd "$(dirname "$0")" || exit 1
if [ -n "$OPENBAYES_SERVING_PRODUCTION" ]; then port=80; else port=${PORT:-8080}; fi
exec python server.py "$port"
