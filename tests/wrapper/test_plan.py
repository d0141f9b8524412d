# SPDX-License-Identifier: Apache-2.0
"""Which arguments a hook is called with, for every signature in the wild (the shim embeds it)."""

import functools
import importlib.util
from functools import lru_cache, partial, partialmethod
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "sdk" / "aiges" / "_signature.py"
spec = importlib.util.spec_from_file_location("shim_plan", SOURCE)
shim_plan = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shim_plan)

V1 = "usrTag params reqData respData psrIds psrCnt"
V2 = "params reqData usrTag psrId sid"


def anything(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


def positional(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args)

    return inner


def takes_two(function):
    @functools.wraps(function)
    def inner(params, reqData):
        return function("model", params, reqData)

    return inner


@pytest.mark.parametrize(
    ("function", "roles", "expected"),
    [
        (lambda usrTag, params, reqData, respData, psrIds, psrCnt: 0, V1, V1),
        (lambda params, reqData: 0, V2, "params reqData"),
        (lambda params, reqData, usrTag: 0, V2, "params reqData usrTag"),
        (lambda params, reqData, usrTag, psrId: 0, V2, "params reqData usrTag psrId"),
        (lambda params, reqData, sid: 0, V2, "params reqData sid"),
        (lambda params, reqData, usrTag="", persId=0: 0, V2, "params reqData usrTag psrId"),
        (lambda reqData, params: 0, V2, "reqData params"),
        (lambda params, req_data, user=None: 0, V2, "params reqData"),
        (lambda a, b: 0, V2, "params reqData"),
        (lambda *args: 0, V1, V1),
        (lambda: 0, "config", ""),
        (lambda cfg: 0, "config", "config"),
        (lambda code: 0, "errNum", "errNum"),
        (lambda params, reqData, *, extra=1: 0, V2, "params reqData"),
        (lambda params, reqData, **more: 0, V2, "params reqData"),
        (lambda *, params, reqData: 0, V2, "params=params reqData=reqData"),
        (lambda *, req, usertag="": 0, V2, "req=reqData usertag=usrTag"),
        (lambda params, *, reqData, own=1: 0, V2, "params reqData=reqData"),
        (lambda params, reqData, mine=None, sid="": 0, V2, "params reqData sid=sid"),
        (lambda *args, usrTag: 0, V2, f"{V2} usrTag=usrTag"),
        (lambda *args, **more: 0, V2, V2),
        (lambda **more: 0, "errNum", "errNum=errNum"),
        (lambda *, params, **more: 0, "params sid", "params=params sid=sid"),
        (lambda a, b, /, sid="": 0, V2, "params reqData usrTag"),
        (partial(lambda model, params, reqData: 0, "model"), V2, "params reqData"),
        (partial(lambda params, reqData, *, model: 0, model=1), V2, "params reqData"),
        (partial(lambda model, params, reqData: 0, model=1), V2, "params=params reqData=reqData"),
        (partial(lambda params, reqData, sid: 0, sid="mine"), V2, "params reqData"),
        (anything(lambda params, reqData: 0), V2, "params reqData"),
        (anything(lambda *, params, reqData: 0), V2, "params=params reqData=reqData"),
        (anything(anything(lambda reqData, *, sid: 0)), V2, "reqData sid=sid"),
        (lru_cache(lambda params, *, reqData: 0), V2, "params reqData=reqData"),
        (takes_two(lambda model, params, reqData: 0), V2, "params reqData"),
    ],
)
def test_arguments_are_chosen_by_name_then_by_position(function, roles, expected):
    offered = roles.split()
    order, names = shim_plan.plan(function, roles)
    first = len(order) - len(names)
    shown = [offered[i] for i in order[:first]]
    shown += [f"{name}={offered[i]}" for name, i in zip(names, order[first:])]
    assert shown == expected.split()
    given, named = shim_plan.arguments(function, roles, {role: role for role in offered})
    function(*given, **named)


@pytest.mark.parametrize(
    ("function", "roles", "reason"),
    [
        (lambda *, params, model: 0, V2, "missing a required argument: 'model'"),
        (lambda params, reqData, *, model: 0, V2, "missing a required argument: 'model'"),
        (lambda a, b, c: 0, "errNum", "missing a required argument: 'b'"),
        (lambda a, b, c, d, e, f, g: 0, V1, "missing a required argument: 'g'"),
        (lambda config: 0, "", "missing a required argument: 'config'"),
        (positional(lambda *, params: 0), V2, "got an unexpected keyword argument 'params'"),
        (partial(lambda a, b: 0, 1, 2), "errNum", None),
    ],
)
def test_what_cannot_be_called_is_told(function, roles, reason):
    if reason is None:
        assert shim_plan.plan(function, roles) == ([], [])
        return
    with pytest.raises(TypeError) as raised:
        shim_plan.plan(function, roles)
    given = ", ".join(roles.split()) or "no arguments"
    assert str(raised.value) == f"it cannot be called: {reason}; the loader gives {given}"


async def coroutine(handle, reqData):
    pass


def generator(handle, reqData):
    yield


async def async_generator(handle, reqData):
    yield


@pytest.mark.parametrize(
    ("function", "number", "what"),
    [
        (generator, 1, "a generator"),
        (partial(generator), 1, "a generator"),
        (async_generator, 2, "an async generator"),
        (coroutine, 3, "a coroutine function"),
    ],
)
def test_only_some_hooks_may_be_lazy(function, number, what):
    assert shim_plan.look("wrapperOnceExec", function, V2)[0] == number
    with pytest.raises(TypeError) as raised:
        shim_plan.look("wrapperWrite", function, "handle reqData sid")
    assert str(raised.value) == (
        f"expected a plain function, got {what}; only wrapperOnceExec and wrapperStream may be"
    )


def test_function_without_a_signature_gets_everything_offered():
    assert shim_plan.plan(max, "a b") == ([0, 1], [])


def test_method_of_an_object_is_counted_without_self():
    class Wrapper:
        def wrapperInit(self, config):
            return 0

        def wrapperWrite(self, *, handle, reqData):
            return 0

        @anything
        def wrapperRead(self, handle):
            return 0

        @lru_cache  # noqa: B019
        def wrapperError(self, errNum):
            return ""

        wrapperFini = partialmethod(lambda self, own: 0, "own")

    assert shim_plan.plan(Wrapper().wrapperInit, "config") == ([0], [])
    named = ([0, 1], ["handle", "reqData"])
    assert shim_plan.plan(Wrapper().wrapperWrite, "handle reqData sid") == named
    assert shim_plan.plan(Wrapper().wrapperRead, "handle sid") == ([0], [])
    assert shim_plan.plan(Wrapper().wrapperError, "errNum") == ([0], [])
    assert shim_plan.plan(Wrapper().wrapperFini, "") == ([], [])
