# SPDX-License-Identifier: Apache-2.0
"""Measures the loader against a bare C++ gRPC server, side by side on this machine.

    .venv/bin/python bench/run.py --bin build/bin --bench-bin build/bench [--quick] [--only grpc]

Groups for --only:
{groups}

Prints one table with the target of each row and whether it is met, and writes each row to
build/bench/<row>.json. Figures are medians; what is compared runs in turns. Ends with 0 when all
was measured, whether targets are met or not, and with 1 when something could not be measured.
"""

import argparse
import signal
import sys
from pathlib import Path

import asgi_rows
import busy_rows
import cluster_rows
import cost_rows
import desk_rows
import engine_rows
import fault_rows
import metrics_row
import page_row
import rows
import servicer_rows
import session_rows
import sizing_rows
import together_rows
import xtest_rows
from ocr import ocr_rows
from processes import BenchError
from report import table

REPOSITORY = Path(__file__).resolve().parent.parent
GROUPS = {
    "grpc": rows.grpc_rows,
    "http": rows.http_rows,
    "servicer": servicer_rows.servicer_rows,
    "idle": rows.idle_rows,
    "scaling": rows.scaling_rows,
    "asgi": asgi_rows.asgi_rows,
    "busy": busy_rows.busy_rows,
    "engines": engine_rows.engine_rows,
    "ocr": ocr_rows,
    "stream": session_rows.stream_rows,
    "batch": session_rows.batch_rows,
    "sessions": session_rows.sessions_rows,
    "metering": cost_rows.metering_rows,
    "tracing": cost_rows.tracing_rows,
    "together": together_rows.together_rows,
    "kills": fault_rows.kill_rows,
    "deaths": fault_rows.death_rows,
    "reloads": fault_rows.reload_rows,
    "sizing": sizing_rows.sizing_rows,
    "soak": session_rows.soak_rows,
    "registry": cluster_rows.registry_rows,
    "choice": cluster_rows.choice_rows,
    "proxy": cluster_rows.proxy_rows,
    "page": page_row.page_rows,
    "metrics": metrics_row.metrics_rows,
    "client": desk_rows.client_rows,
    "desk": desk_rows.desk_rows,
    "xtest": xtest_rows.xtest_rows,
}


def main():
    arguments = parse(sys.argv[1:])
    quick = arguments.quick
    settings = rows.Settings(
        binaries=arguments.bin.resolve(),
        bench_binaries=arguments.bench_bin.resolve(),
        runs=arguments.runs or (1 if quick else 3),
        seconds=arguments.seconds or (1 if quick else 3),
        starts=2 if quick else 5,
        pictures=4 if quick else 20,
        say=say,
    )
    # A stop by `kill` unwinds like Ctrl-C, so that all servers are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    measured, code, problem = [], 0, None
    try:
        for group in arguments.only:
            for row in GROUPS[group](settings):
                row.write(arguments.out)
                measured.append(row)
    except BenchError as error:
        code, problem = 1, str(error)
    except KeyboardInterrupt:
        code, problem = 130, "interrupted, all servers are stopped"
    say("")
    if measured:
        missed = [row.name for row in measured if row.met is False]
        print(table(measured))
        print(f"\n{len(measured)} rows in {arguments.out}; missed: {', '.join(missed) or 'none'}")
    if problem:
        print(f"bench: {problem}", file=sys.stderr)
    return code


def parse(argv):
    lines = [f"  {name:9} {group.__doc__}" for name, group in GROUPS.items()]
    parser = argparse.ArgumentParser(
        description=__doc__.format(groups="\n".join(lines)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    build = REPOSITORY / "build"
    parser.add_argument(
        "--bin", type=Path, default=build / "bin", help="folder with AIService (build/bin)"
    )
    parser.add_argument(
        "--bench-bin",
        type=Path,
        default=build / "bench",
        help="folder with bench_client and grpc_limit_server (build/bench)",
    )
    parser.add_argument(
        "--out", type=Path, default=build / "bench", help="folder for the rows (build/bench)"
    )
    parser.add_argument(
        "--only",
        type=groups,
        default=list(GROUPS),
        metavar="GROUP,...",
        help=f"some of {','.join(GROUPS)} (all)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="one run of 1 s each: a look, not a result"
    )
    parser.add_argument("--runs", type=positive(int), help="runs per side and row (3)")
    parser.add_argument("--seconds", type=positive(float), help="length of a run (3)")
    return parser.parse_args(argv)


def groups(text):
    names = text.split(",")
    for name in names:
        if name not in GROUPS:
            raise argparse.ArgumentTypeError(f"expected some of {','.join(GROUPS)}, got {name!r}")
    return names


def positive(kind):
    def convert(text):
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if value <= 0:
            raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
        return value

    return convert


def say(text):
    """Progress, on one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
