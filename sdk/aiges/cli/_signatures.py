# SPDX-License-Identifier: Apache-2.0
"""Whether the hooks of a wrapper.py have names and parameters that the loader can use."""

from __future__ import annotations

import difflib
import inspect
from typing import Any, Callable

from aiges._signature import FUNCTIONS, METHODS, kind, look
from aiges.cli._findings import NOTE, Findings

__all__ = ["check_hooks", "hook_of", "place_of"]

_MORE = {"wrapperSchema": ""}  # Without arguments, unlike the others.
_OF_OTHERS = ("wrapperTestFunc",)  # What an earlier loader required; this one never calls it.
_NEEDED = {
    "wrapperOnceExec": ("reqData",),
    "wrapperBatchExec": ("reqData",),
    "wrapperStream": ("requests",),
    "wrapperWrite": ("handle", "reqData"),
    "wrapperRead": ("handle",),
    "wrapperDestroy": ("handle",),
    "wrapperDestory": ("handle",),
}
_SERVING = ("wrapperOnceExec", "wrapperStream", "wrapperCreate", "wrapperBatchExec")
_SESSION = ("wrapperWrite", "wrapperDestroy")


def hook_of(holder: Any, name: str) -> Callable[..., Any] | None:
    """Return a hook that the user wrote; None for one that is absent or only inherited from us."""
    found = getattr(holder, name, None)
    if found is None or not callable(found):
        return None
    owner = getattr(inspect.unwrap(found), "__module__", "")
    return None if owner == "aiges.sdk" else found


def place_of(function: Any) -> tuple[str, int]:
    """Return where a function is defined; ("", 0) when nobody knows."""
    code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code else ("", 0)


def check_hooks(holder: Any, is_class: bool, place: tuple[str, int], findings: Findings) -> None:
    """Check the names and the parameters of all hooks; ``holder`` is the object or the module."""
    roles = {**(METHODS if is_class else FUNCTIONS), **_MORE}
    what = "class Wrapper" if is_class else "wrapper.py"
    for name in dir(holder):
        if (
            name.lower().startswith("wrapper")
            and name not in (*roles, *_OF_OTHERS)
            and callable(getattr(holder, name))
        ):
            _unknown(holder, name, roles, findings)
    own = {name: hook for name in roles if (hook := hook_of(holder, name)) is not None}
    if not any(name in own for name in (*_SERVING, "wrapperOnceExecAsync")):
        findings.add(
            "",
            f"expected {what} to have one of {', '.join(_SERVING)}, found none",
            f"add def wrapperOnceExec({'self, ' if is_class else ''}"
            f"{', '.join(roles['wrapperOnceExec'].split()[: 2 if is_class else 6])})",
            place,
        )
    if "wrapperInit" not in own and not hasattr(holder, "wrapperInit"):
        findings.add(
            "wrapperInit",
            f"{what} has none; this loader does without, others do not",
            f"add def wrapperInit({'self, ' if is_class else ''}config) that returns 0",
            place,
            NOTE,
        )
    if "wrapperCreate" in own:
        for name in _SESSION:
            spelt = ("wrapperDestroy", "wrapperDestory") if name == "wrapperDestroy" else (name,)
            if not any(getattr(holder, each, None) for each in spelt) or (
                name not in own and name == "wrapperWrite"
            ):
                findings.add(
                    name,
                    f"expected {what} to have it, because it has wrapperCreate; found none",
                    f"add def {name}({'self, ' if is_class else ''}"
                    f"{', '.join(roles[name].split()[:2])}) that returns 0",
                    place_of(own["wrapperCreate"]),
                )
    for name, hook in own.items():
        _arity(name, hook, roles[name], is_class, findings)


def _unknown(holder: Any, name: str, roles: dict[str, str], findings: Findings) -> None:
    hook = getattr(holder, name)
    if name.lower() == "wrapper" or inspect.isclass(hook):
        return
    near = difflib.get_close_matches(name, roles, 1, 0.75)
    if (
        near
        and not callable(getattr(holder, near[0], None))
        or near
        and not hook_of(holder, near[0])
    ):
        findings.add(
            name,
            f"expected the name of a hook, found {name}, which the loader never calls",
            f"rename it to {near[0]}",
            place_of(hook),
        )


def _arity(
    name: str, hook: Callable[..., Any], roles: str, is_class: bool, findings: Findings
) -> None:
    offered = roles.split()
    shown = f"def {name}({', '.join(['self', *offered] if is_class else offered)})"
    try:
        _, order, _ = look(name, hook, roles)
    except TypeError as error:
        fix = f"write {shown}, or give the others a default"
        return findings.add(name, f"wrong arity: {error}", fix, place_of(hook))
    chosen = [offered[i] for i in order]
    wanted = list(_NEEDED.get(name, ()))
    if not is_class and not kind(hook) and name in ("wrapperOnceExec", "wrapperRead"):
        wanted += ["respData"] if name == "wrapperOnceExec" else []
    missing = [role for role in wanted if role not in chosen]
    if missing:
        findings.add(
            name,
            f"wrong arity: it takes {len(chosen)} arguments, so it never gets "
            f"{' and '.join(missing)}",
            f"write {shown}; those at the end may be left out",
            place_of(hook),
        )
    return None
