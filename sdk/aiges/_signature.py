# SPDX-License-Identifier: Apache-2.0
"""Which of the arguments offered a user's hook wants, and how it is given them.

User code of many ages is in the field: parameters came and went, and were renamed. Rule: fill by
parameter name where every required name is known, else the first N by position; what can be given
by name only is given by name. Run once per hook.

METHODS (class style) and FUNCTIONS (module functions) are what the loader offers each hook. Part
of libwrapper.so, whose contract.cc has the same strings; tests/sdk/test_signature.py compares them.
"""

import functools
import inspect
from typing import Any

METHODS = {
    "wrapperInit": "config",
    "wrapperWarmup": "config",
    "wrapperOnceExec": "params reqData usrTag psrId sid",
    "wrapperOnceExecAsync": "params reqData usrTag psrId sid",
    "wrapperBatchExec": "params reqData usrTags",
    "wrapperStream": "params requests usrTag psrId sid",
    "wrapperCreate": "params sid psrId usrTag",
    "wrapperWrite": "handle reqData sid",
    "wrapperRead": "handle sid",
    "wrapperDestroy": "handle",
    "wrapperLoadRes": "reqData patch_id resId",
    "wrapperUnloadRes": "patch_id resId",
    "wrapperError": "errNum",
    "wrapperFini": "",
    "wrapperDoors": "",
    "wrapperWishes": "",
}
FUNCTIONS = {
    **METHODS,
    "wrapperOnceExec": "usrTag params reqData respData psrIds psrCnt",
    "wrapperOnceExecAsync": "usrTag params reqData respData psrIds psrCnt",
    "wrapperCreate": "usrTag params psrIds psrCnt errNum",
    "wrapperRead": "handle respData",
    "wrapperDestory": "handle",
}

# What may be a generator or async; all others are called and are done.
LAZY = ("wrapperOnceExec", "wrapperStream")

ALIASES = {
    "req": "reqData",
    "data": "reqData",
    "reqdata": "reqData",
    "req_data": "reqData",
    "usertag": "usrTag",
    "usrtag": "usrTag",
    "usr_tag": "usrTag",
    "persid": "psrId",
    "psrid": "psrId",
    "psr_id": "psrId",
    "psrids": "psrIds",
    "psrcnt": "psrCnt",
    "respdata": "respData",
    "resp": "respData",
    "cfg": "config",
    "conf": "config",
    "code": "errNum",
    "errnum": "errNum",
    "ret": "errNum",
    "resid": "resId",
    "res_id": "resId",
    "patchid": "patch_id",
    "usrtags": "usrTags",
}


def kind(function: object) -> int:
    """Return 0 for a plain function, 1 generator, 2 async generator, 3 coroutine function."""
    if inspect.isgeneratorfunction(function):
        return 1
    if inspect.isasyncgenfunction(function):
        return 2
    return 3 if inspect.iscoroutinefunction(function) else 0


def plan(function: object, roles: str) -> "tuple[list[int], list[str]]":
    """Return how to call function: indices into roles.split(), and the names of the last of them.

    Those are given by name, as many as there are names, the others by position. TypeError says why
    function cannot be called with what is offered.
    """
    offered = roles.split()
    try:
        outer = _outer(function)
        parameters = _parameters(function)
    except (TypeError, ValueError):  # It has none that anybody could see.
        return list(range(len(offered))), []
    order = _by_position(parameters, offered)
    named = _by_name(function, parameters, order, offered)
    given = ", ".join(offered) or "no arguments"
    try:
        outer.bind(*order, **named)
        inspect.Signature(parameters).bind(*order, **named)
    except TypeError as error:
        raise TypeError(f"it cannot be called: {error}; the loader gives {given}") from None
    return [*order, *named.values()], list(named)


def look(name: str, function: object, roles: str) -> "tuple[int, list[int], list[str]]":
    """Return kind() and plan() of a hook. TypeError says why the loader cannot use it."""
    found = kind(function)
    if found and name not in LAZY:
        what = ("", "a generator", "an async generator", "a coroutine function")[found]
        raise TypeError(f"expected a plain function, got {what}; only {' and '.join(LAZY)} may be")
    return (found, *plan(function, roles))


def arguments(
    function: object, roles: str, values: "dict[str, Any]"
) -> "tuple[list[Any], dict[str, Any]]":
    """Return what the loader calls function with. TypeError: it cannot be called."""
    order, names = plan(function, roles)
    given = [values[roles.split()[i]] for i in order]
    first = len(order) - len(names)
    return given[:first], dict(zip(names, given[first:]))


def _outer(function: Any) -> inspect.Signature:
    try:
        return inspect.signature(function, follow_wrapped=False)
    except ValueError:
        if not hasattr(function, "__wrapped__"):
            raise
        # A decorator in C, as functools.lru_cache.
        return inspect.signature(lambda *args, **kwargs: None)


def _parameters(function: object) -> "list[inspect.Parameter]":
    """Return what function takes; of a decorator that takes anything, what it decorates takes."""
    bound = inspect.ismethod(function)
    inner: Any = function.__func__ if inspect.ismethod(function) else function
    while True:
        found = list(_outer(inner).parameters.values())
        if bound and found and found[0].kind != inspect.Parameter.VAR_POSITIONAL:
            del found[0]  # self
        takes_anything = all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in found)
        if not takes_anything or not hasattr(inner, "__wrapped__"):
            return found
        inner = inner.__wrapped__


def _role(name: str, offered: "list[str]") -> "int | None":
    known = ALIASES.get(name.lower(), name)
    return offered.index(known) if known in offered else None


def _by_position(parameters: "list[inspect.Parameter]", offered: "list[str]") -> "list[int]":
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return list(range(len(offered)))
    by_name: list[int] = []
    for parameter in positional:
        role = _role(parameter.name, offered)
        if role is None:
            break
        by_name.append(role)
    rest = positional[len(by_name) :]
    if by_name and all(p.default is not p.empty for p in rest):
        return by_name
    return list(range(min(len(positional), len(offered))))


def _by_name(
    function: object,
    parameters: "list[inspect.Parameter]",
    order: "list[int]",
    offered: "list[str]",
) -> "dict[str, int]":
    # What functools.partial has been given by name is the user's own choice.
    chosen = function.keywords if isinstance(function, functools.partial) else {}
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    free = [p for p in parameters if p.kind == p.KEYWORD_ONLY]
    if not any(p.kind == p.VAR_POSITIONAL for p in parameters):
        free = [p for p in positional[len(order) :] if p.kind == p.POSITIONAL_OR_KEYWORD] + free
    named: dict[str, int] = {}
    for parameter in free:
        role = _role(parameter.name, offered)
        if role is not None and parameter.name not in chosen:
            named[parameter.name] = role
    # ** takes the rest where nothing comes by position: else the user counts on its being empty.
    if not order and any(p.kind == p.VAR_KEYWORD for p in parameters):
        rest = (i for i in range(len(offered)) if i not in named.values())
        named.update((offered[i], i) for i in rest if offered[i] not in chosen)
    return named
