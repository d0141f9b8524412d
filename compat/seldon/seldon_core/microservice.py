# SPDX-License-Identifier: Apache-2.0
"""``seldon-core-microservice``, ``python -m seldon_core.microservice``."""

from seldon_core.version import __version__

__all__ = ["main"]


def main() -> None:
    """Start the service that the arguments name."""
    from aiges.contracts.seldon._start import main as start

    start(__version__)


if __name__ == "__main__":
    main()
