# SPDX-License-Identifier: Apache-2.0
"""``python -m paddle_serving_client.convert``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from aiges.contracts.paddle.io._save import inference_model_to_serving

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m paddle_serving_client.convert",
        description="Makes the folders for servers and clients of a model saved for inference.",
    )
    add = parser.add_argument
    add("--dirname", required=True, help="the folder with the model's files")
    add("--serving_server", default="serving_server", help="the server's folder, which is made")
    add("--serving_client", default="serving_client", help="the client's folder, which is made")
    add("--model_filename", help="the file of the program; found where it is not said")
    add("--params_filename", help="the file of all parameters")
    add("--feed_alias_names", help="what clients call the inputs: a,b")
    add("--fetch_alias_names", help="what clients call the outputs")
    add(
        "--show_proto",
        nargs="?",
        const=True,
        default=False,
        type=_truth,
        help="print what is written",
    )
    return parser


def _truth(text: str) -> bool:
    return text.strip().lower() not in ("", "0", "false", "no")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the process's exit status."""
    said = _parser().parse_args(arguments)
    try:
        feeds, fetches = inference_model_to_serving(**vars(said))
    except (ImportError, OSError, ValueError) as fault:
        print(f"convert: {fault}", file=sys.stderr)
        return 1
    print(f"feed names : {', '.join(feeds)}")
    print(f"fetch names : {', '.join(fetches)}")
    return 0
