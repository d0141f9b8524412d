# SPDX-License-Identifier: Apache-2.0
"""Contract ``onnx``: an ONNX file is the engine; there is no code.

``[aiges] contract = "onnx"``, or a folder with one ``.onnx`` file and no user code. Names, types
and shapes of inputs and outputs are those of the file. docs/onnx.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiges.contracts.onnx._engine import Engine

__all__ = ["Wrapper"]


class Wrapper:
    """The hooks; the work is in :mod:`._engine`."""

    _engine: Engine

    def wrapperInit(self, config: dict[str, str]) -> int:  # noqa: N802 (frozen name)
        """Load the file."""
        from aiges.contracts.onnx._engine import Engine

        self._engine = Engine(config)
        return 0

    def wrapperWarmup(self) -> int:  # noqa: N802
        """Run once what the first calls would wait for."""
        self._engine.warm_up()
        return 0

    def wrapperSchema(self) -> dict[str, Any]:  # noqa: N802
        """Declare the tensors."""
        return self._engine.schema()

    def wrapperBatchExec(self, params: Any, reqData: Any, usrTags: Any) -> Any:  # noqa: N802, N803
        """Run calls together, as far as they fit together."""
        return self._engine.run(params, reqData)
