# SPDX-License-Identifier: Apache-2.0
"""One model: its configuration, its files, and calls of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aiges.contracts.paddle import _conf, _feed, _library, _types
from aiges.contracts.paddle._conf import ModelConf, Var
from aiges.contracts.paddle._tensors import Value, flat_of
from aiges.contracts.paddle.engine import _files, _options
from aiges.contracts.paddle.engine._options import Options
from aiges.contracts.paddle.engine._predictors import Predictors

__all__ = ["Model"]

# paddle.inference takes arrays of these; int16 goes in as int32, which is what it makes of it.
_TAKEN = {0, 1, 2, 3, 5, 7, 8, 9}
_AS_INT32 = {4}
_NUMBERS = {dtype: number for number, dtype in _types.DTYPES.items() if number != _types.BFLOAT16}
_MOST_FAULT = 600  # Characters of what Paddle says of a call.


class Model:
    """A folder with ``serving_server_conf.prototxt`` and a model. Threads: any.

    ``key``: of an encrypted model; without it, its file ``key`` is. Raises ValueError for files
    that are missing or do not fit together.
    """

    def __init__(
        self, folder: str | Path, options: Options | None = None, key: bytes | None = None
    ) -> None:
        place = Path(folder)
        self.options = options or Options()
        self.conf: ModelConf = _conf.read(place, _conf.SERVER)
        place = place if place.is_dir() else place.parent
        files = _files.find(place)
        config = _config_of(files, place, key)
        _options.apply(self.options, config, files.program.suffix == ".json")
        try:
            base = _library.inference().create_predictor(config)
        except Exception as fault:
            raise ValueError(f"{files.program}: Paddle cannot load it: {_short(fault)}") from None
        self.input_names: list[str] = list(base.get_input_names())
        self.output_names: list[str] = list(base.get_output_names())
        self._inputs = self._bind_inputs(place)
        self._outputs = self._bind_outputs(place)
        self._predictors = Predictors(base, self.options.predictors)

    def _bind_inputs(self, place: Path) -> dict[str, str]:
        """Return the model's name of each feed variable."""
        feeds, there = self.conf.feeds, self.input_names
        names = {var.name for var in feeds}
        if names != set(there) and len(feeds) == len(there) == 1:
            return {feeds[0].name: there[0]}
        if names != set(there):
            raise ValueError(
                f"{place}: expected feed_var for the inputs {', '.join(there)} of the model, got "
                f"{', '.join(sorted(names))}"
            )
        for var in feeds:
            if var.type not in _TAKEN | _AS_INT32 | {_types.STRING}:
                kind = _types.name_of(var.type)
                raise ValueError(f"{place}: feed_var {var.alias}: Paddle takes no {kind}")
        return {name: name for name in there}

    def _bind_outputs(self, place: Path) -> dict[str, tuple[str, Var]]:
        """Return what each alias and name of an output means: the model's own name, and the rest.

        Where names differ, as those of old models do after Paddle's passes, places decide.
        """
        fetches, there = self.conf.fetches, self.output_names
        bound = {name: (name, Var(name, name)) for name in there}
        names = [var.name for var in fetches]
        is_by_name = all(name in there for name in names)
        if not is_by_name and len(fetches) > len(there):
            raise ValueError(
                f"{place}: expected fetch_var among the outputs {', '.join(there)} of the model, "
                f"got {', '.join(var.name for var in fetches)}"
            )
        pairs = list(zip(fetches, names if is_by_name else there))
        bound.update({var.name: (name, var) for var, name in pairs})
        bound.update({var.alias: (name, var) for var, name in pairs})
        return bound

    def predict(
        self, feed: Mapping[str, Any], fetch: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Return ``{alias: array}``, with ``alias.lod`` (int32) where an output has LoD.

        ``feed`` has an array, with its batch axis, for each alias or name, and ``name.lod`` for
        offsets. ``fetch`` are aliases or names; None: all. Raises ValueError for a feed that is not
        the model's, RuntimeError where Paddle fails for another reason.
        """
        names = _feed.fetch_names(self.conf, fetch)
        values = _feed.values_of(self.conf, dict(feed), True)
        made: dict[str, Any] = {}
        for value in self.run(values, names):
            made[value.alias] = value.array
            if value.lod:
                made[value.alias + _feed.LOD] = np.array(flat_of(value.lod), np.int32)
        return made

    @property
    def outputs(self) -> frozenset[str]:
        """Every name that ``run`` takes: aliases, names, and the model's own."""
        return frozenset(self._outputs)

    def run(self, values: Sequence[Value], fetch: Sequence[str]) -> list[Value]:
        """Return the outputs of those aliases or names, each as it is called there.

        ``values`` are in the order of the configuration. Raises as ``predict``, and KeyError.
        """
        feeds = [_fed(var, value) for var, value in zip(self.conf.feeds, values)]
        wanted = [(name, *self._outputs[name]) for name in fetch]
        with self._predictors.lent() as predictor:
            try:
                for var, lod, array in feeds:
                    handle = predictor.get_input_handle(self._inputs[var.name])
                    handle.copy_from_cpu(array)
                    handle.set_lod(lod)
                predictor.run()
                return [_fetched(predictor, *each) for each in wanted]
            except Exception as fault:
                kind = ValueError if isinstance(fault, ValueError) else RuntimeError
                raise kind(f"the model did not run: {_short(fault)}") from None


def _fetched(predictor: Any, called: str, name: str, var: Var) -> Value:
    handle = predictor.get_output_handle(name)
    array = handle.copy_to_cpu()
    kind = _NUMBERS.get(array.dtype, var.type)
    return Value(array, kind, [list(level) for level in handle.lod()], var.name, called)


def _config_of(files: _files.ModelFiles, place: Path, key: bytes | None) -> Any:
    inference = _library.inference()
    if files.is_encrypted:
        program, params = _decrypted(files, place, key)
        config = inference.Config()
        _files.check_program(program, f"{files.program} (is the key right?)")
        config.set_model_buffer(program, len(program), params, len(params))
        return config
    _files.check_program(files.program.read_bytes(), str(files.program))
    if files.params is None:
        if files.program.name != "__model__":
            raise ValueError(f"{files.program}: expected one file with all parameters beside it")
        return inference.Config(str(place))
    return inference.Config(str(files.program), str(files.params))


def _decrypted(files: _files.ModelFiles, place: Path, key: bytes | None) -> tuple[bytes, bytes]:
    file = place / "key"
    if (key is None and not file.is_file()) or files.params is None:
        raise ValueError(f"{place}: expected the file key, the model is encrypted")
    core = _library.paddle("base.core")
    cipher = core.CipherFactory.create_cipher()
    secret = file.read_bytes() if key is None else key
    program, params = files.program.read_bytes(), files.params.read_bytes()
    try:
        return cipher.decrypt(program, secret), cipher.decrypt(params, secret)
    except Exception as fault:
        raise ValueError(f"{place}: the key does not open the model: {_short(fault)}") from None


def _fed(var: Var, value: Value) -> tuple[Var, list[list[int]], Any]:
    """Return what Paddle is given for one variable. Raises ValueError for LoD that does not fit.

    A value without offsets, of a variable with LoD, is one sequence. Clients of the original make
    ids of a flat list one row of them: each is a row of its own then.
    """
    array, lod = value.array, value.lod
    if var.type == _types.STRING:
        array = np.frombuffer(b"".join(text + b"\0" for text in array), np.uint8)
    elif var.type in _AS_INT32:
        array = array.astype(np.int32)
    if var.is_lod and not lod and array.ndim:
        if var.type == 0 and var.shape == (-1,) and array.ndim == 2 and array.shape[0] == 1:
            array = array.reshape(-1, 1)
        lod = [[0, array.shape[0]]]
    _check_levels(var, lod, array.shape[0] if array.ndim else 0)
    return var, lod, np.ascontiguousarray(array)


def _check_levels(var: Var, levels: list[list[int]], rows: int) -> None:
    """Refuse offsets that point outside, which Paddle would follow."""
    for at, level in enumerate(levels):
        inside = rows if at + 1 == len(levels) else len(levels[at + 1]) - 1
        rises = all(first <= second for first, second in zip(level, level[1:]))
        if len(level) < 2 or level[0] != 0 or level[-1] != inside or not rises:
            raise ValueError(
                f"{var.alias}.lod: expected offsets from 0 to {inside}, got {level[:20]}"
            )


def _short(fault: Exception) -> str:
    """Return what Paddle says in one line, without the places in its sources."""
    lines = [line.strip() for line in str(fault).splitlines()]
    kept = [line for line in lines if line and not line.startswith(("[Hint", "---", "C++", "0 "))]
    said = [line for line in kept if line.startswith("(")] or kept[:1]
    operator = [line for line in kept if line.startswith("[operator")]
    text = " ".join([*said[:1], *operator[:1]]) or type(fault).__name__
    return text.split(" (at /")[0][:_MOST_FAULT]
