# SPDX-License-Identifier: Apache-2.0
"""What paddle_serving_client.io does: models as a folder for servers and one for clients."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiges.contracts.paddle import _conf, _library
from aiges.contracts.paddle._conf import ModelConf, Var
from aiges.contracts.paddle.engine import _files
from aiges.contracts.paddle.engine._files import ModelFiles
from aiges.contracts.paddle.io import _describe

__all__ = ["inference_model_to_serving", "save_dygraph_model", "save_model"]

_STEM = "model"


def save_model(
    server_model_folder: str,
    client_config_folder: str,
    feed_var_dict: Mapping[str, Any],
    fetch_var_dict: Mapping[str, Any],
    main_program: Any = None,
    encryption: bool = False,
    key_len: int = 128,
    encrypt_conf: str | None = None,
    model_filename: str | None = None,
    params_filename: str | None = None,
    show_proto: bool = False,
    feed_alias_names: str | Sequence[str] | None = None,
    fetch_alias_names: str | Sequence[str] | None = None,
) -> None:
    """Save a static program: ``{alias: variable}`` says what goes in and comes out.

    Raises ValueError. With ``encryption`` the key of ``key_len`` bits lies in the client's folder.
    """
    if not feed_var_dict or not fetch_var_dict:
        raise ValueError("save_model: expected at least one variable in feed_var_dict and fetch_..")
    static = _library.paddle("static")
    program = main_program or static.default_main_program()
    is_old = isinstance(program, _library.paddle("base.framework").Program)
    guard = _library.old_programs() if is_old else contextlib.nullcontext()
    with tempfile.TemporaryDirectory(prefix="aiges-paddle-") as scratch:
        with guard, _describe.static_mode():
            static.save_inference_model(
                str(Path(scratch) / _STEM),
                list(feed_var_dict.values()),
                list(fetch_var_dict.values()),
                static.Executor(_library.paddle().CPUPlace()),
                program=program,
            )
        files = _files.find(Path(scratch))
        conf = _describe.describe(files.program)
        conf = _with_aliases(conf, list(feed_var_dict), list(fetch_var_dict))
        conf = _with_aliases(conf, _listed(feed_alias_names), _listed(fetch_alias_names))
        server, client = Path(server_model_folder), Path(client_config_folder)
        if encryption:
            _encrypt(files, server, client, key_len, encrypt_conf or "")
        else:
            _place(files, server, model_filename, params_filename)
    _write(conf, server, client, show_proto)


def save_dygraph_model(serving_model_folder: str, client_config_folder: str, model: Any) -> None:
    """Save a layer, whose ``forward`` has an input_spec (paddle.jit.to_static) or was called so.

    Raises ValueError for a layer that has neither.
    """
    paddle = _library.paddle()
    with tempfile.TemporaryDirectory(prefix="aiges-paddle-") as scratch:
        paddle.jit.save(model, str(Path(scratch) / _STEM))
        files = _files.find(Path(scratch))
        conf = _describe.describe(files.program)
        _place(files, Path(serving_model_folder), None, None)
    # What comes out may have LoD: only the model's own run tells.
    fetches = tuple(replace(var, is_lod=True, shape=(-1,)) for var in conf.fetches)
    conf = ModelConf(conf.feeds, fetches)
    _write(conf, Path(serving_model_folder), Path(client_config_folder), False)


def inference_model_to_serving(
    dirname: str,
    serving_server: str = "serving_server",
    serving_client: str = "serving_client",
    model_filename: str | None = None,
    params_filename: str | None = None,
    encryption: bool = False,
    key_len: int = 128,
    encrypt_conf: str | None = None,
    show_proto: bool = False,
    feed_alias_names: str | Sequence[str] | None = None,
    fetch_alias_names: str | Sequence[str] | None = None,
) -> tuple[list[str], list[str]]:
    """Make both folders of a model that was saved for inference; its files are copied.

    Returns the aliases of what goes in and comes out. Raises ValueError.
    """
    files = _found(Path(dirname), model_filename, params_filename)
    conf = _describe.describe(files.program)
    conf = _with_aliases(conf, _listed(feed_alias_names), _listed(fetch_alias_names))
    server, client = Path(serving_server), Path(serving_client)
    if encryption:
        _encrypt(files, server, client, key_len, encrypt_conf or "")
    else:
        _place(files, server, None, None)
    _write(conf, server, client, show_proto)
    return [var.alias for var in conf.feeds], [var.alias for var in conf.fetches]


def _found(folder: Path, program: str | None, params: str | None) -> ModelFiles:
    if not program:
        return _files.find(folder)
    chosen = ModelFiles(folder / program, folder / params if params else None)
    if not params and chosen.program.suffix in (".pdmodel", ".json"):
        chosen = ModelFiles(chosen.program, chosen.program.with_suffix(".pdiparams"))
    for file in (chosen.program, chosen.params):
        if file is not None and not file.is_file():
            raise ValueError(f"{file}: expected a file of the model, there is none")
    return chosen


def _listed(names: str | Sequence[str] | None) -> list[str]:
    if not names:
        return []
    listed = names.split(",") if isinstance(names, str) else list(names)
    return [name.strip() for name in listed]


def _with_aliases(conf: ModelConf, feeds: list[str], fetches: list[str]) -> ModelConf:
    def named(what: str, variables: tuple[Var, ...], aliases: list[str]) -> tuple[Var, ...]:
        if not aliases:
            return variables
        if len(aliases) != len(variables) or not all(aliases):
            raise ValueError(
                f"{what}: expected {len(variables)} names, for "
                f"{', '.join(var.name for var in variables)}; got {aliases}"
            )
        return tuple(replace(var, alias=alias) for var, alias in zip(variables, aliases))

    return ModelConf(
        named("feed_alias_names", conf.feeds, feeds),
        named("fetch_alias_names", conf.fetches, fetches),
    )


def _place(files: ModelFiles, server: Path, program: str | None, params: str | None) -> None:
    """Copy the model, over one of another form that may be there from before."""
    server.mkdir(parents=True, exist_ok=True)
    for stale in (".pdmodel", ".json"):
        same = server / f"{files.program.stem}{stale}"
        if stale != files.program.suffix and same.is_file():
            same.unlink()
    shutil.copyfile(files.program, server / (program or files.program.name))
    if files.params is not None:
        shutil.copyfile(files.params, server / (params or files.params.name))
        return
    for name in _describe.own_params(files.program):
        shutil.copyfile(files.program.parent / name, server / name)


def _encrypt(files: ModelFiles, server: Path, client: Path, bits: int, conf: str) -> None:
    if files.params is None:
        raise ValueError("encryption: expected a model whose parameters are one file")
    if bits not in (128, 192, 256):
        raise ValueError(f"key_len: expected 128, 192 or 256 bits, got {bits!r}")
    core = _library.paddle("base.core")
    cipher = core.CipherFactory.create_cipher(conf) if conf else core.CipherFactory.create_cipher()
    server.mkdir(parents=True, exist_ok=True)
    client.mkdir(parents=True, exist_ok=True)
    key = core.CipherUtils.gen_key_to_file(bits, str(client / "key"))
    for name, file in zip(_files.ENCRYPTED, (files.program, files.params)):
        (server / name).write_bytes(cipher.encrypt(file.read_bytes(), key))


def _write(conf: ModelConf, server: Path, client: Path, show_proto: bool) -> None:
    _conf.write(conf, server, _conf.SERVER)
    _conf.write(conf, client, _conf.CLIENT)
    if show_proto:
        sys.stdout.write(_conf.text_of(conf))
