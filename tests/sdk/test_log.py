# SPDX-License-Identifier: Apache-2.0
"""aiges.utils.log and the modules that old wrappers import."""

import logging

from aiges.utils.log import getFileLogger
from iflags.flags import logger


def test_a_file_logger_makes_its_folder(tmp_path):
    made = getFileLogger(name="made", folder=str(tmp_path / "a" / "b"))
    made.info("hello")
    for handler in made.handlers:
        handler.close()
    assert "hello" in (tmp_path / "a" / "b" / "made.log").read_text()
    made.handlers.clear()


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    made = getFileLogger(name="unmade", folder=str(tmp_path / "file" / "x"))
    assert isinstance(made.handlers[0], logging.StreamHandler)
    assert "logging to stderr" in capsys.readouterr().err
    made.handlers.clear()


def test_the_internal_logger_takes_any_keyword(caplog):
    caplog.set_level("INFO")
    logger.info("loaded %s", "model", flush=True, whatever=1)
    assert "loaded model" in caplog.text


def test_the_old_types_module_has_the_numbers():
    from aiges import types
    from aiges.core import types as core

    assert (types.IMAGE, types.DataOnce) == (core.IMAGE, core.DataOnce) == (2, 3)
