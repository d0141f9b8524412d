# SPDX-License-Identifier: Apache-2.0
"""aiges-worker, going on inside an interpreter (loader/worker/python_host.h).

Arguments: libaiges-worker.so, then those of aiges-worker.
"""

import ctypes
import os
import signal
import sys


def _go_on() -> None:
    given = [os.fsencode(argument) for argument in sys.argv[1:]]
    if sys.path[:1] == [""]:
        del sys.path[0]  # Of -c. The loader has put the current folder where it belongs.
    sys.argv[:] = [""]  # argparse, torch and others read sys.argv[0].
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # The worker's signals are the host's.
    argv = (ctypes.c_char_p * (len(given) + 1))(*given, None)
    # Without the GIL from here on; threads that call into Python take it.
    ctypes.CDLL(os.fsdecode(given[0])).aiges_worker_main(len(given), argv)


_go_on()
