"""Which arguments a hook is called with, for every signature in the wild (the shim embeds it)."""

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "sdk" / "aiges" / "_signature.py"
spec = importlib.util.spec_from_file_location("shim_plan", SOURCE)
shim_plan = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shim_plan)

V1 = "usrTag params reqData respData psrIds psrCnt"
V2 = "params reqData usrTag psrId sid"


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
        (lambda a, b, c, d, e, f, g: 0, V1, V1),
        (lambda *args: 0, V1, V1),
        (lambda: 0, "config", ""),
        (lambda cfg: 0, "config", "config"),
        (lambda code: 0, "errNum", "errNum"),
        (lambda params, reqData, *, extra=1: 0, V2, "params reqData"),
        (lambda params, reqData, **more: 0, V2, "params reqData"),
    ],
)
def test_arguments_are_chosen_by_name_then_by_position(function, roles, expected):
    names = roles.split()
    assert [names[i] for i in shim_plan.plan(function, roles)] == expected.split()


def test_function_without_a_signature_gets_everything_offered():
    assert shim_plan.plan(max, "a b") == [0, 1]


def test_method_of_an_object_is_counted_without_self():
    class Wrapper:
        def wrapperInit(self, config):
            return 0

    assert shim_plan.plan(Wrapper().wrapperInit, "config") == [0]
