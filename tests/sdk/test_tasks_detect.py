# SPDX-License-Identifier: Apache-2.0
"""Which wrapper.py has hooks for tasks, as its text tells, and what the host sees of one."""

import json
import types

import pytest
from aiges import _signature
from aiges.contracts._detect import find_contracts, is_only_tasks
from aiges.contracts._tasks._engine import Served
from aiges.errors import BadInput

CHAT = "def chat(messages):\n    return ''\n"
ONCE = "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n    return 0\n"
METHODS = "    def wrapperInit(self, config):\n        return 0\n"


@pytest.mark.parametrize(
    ("text", "contract"),
    [
        (CHAT, "tasks"),
        ("async " + CHAT, "tasks"),
        ("def wrapperInit(config):\n    return 0\n\n\n" + CHAT, "tasks"),
        (ONCE, "aiges"),
        (ONCE + CHAT, "aiges"),  # A function of the user's, of that name.
        ("import openai\nfrom x import chat\n" + ONCE, "aiges"),
        ("class Wrapper:\n" + METHODS + "\n    def embed(self, inputs):\n        pass\n", "tasks"),
        ("class Wrapper(Base):\n    async def chat(self, messages):\n        pass\n", "tasks"),
        (
            "class Wrapper:\n" + METHODS + "\nclass Other:\n    def chat(self):\n        pass\n",
            "aiges",
        ),
        ("class Wrapper:\n" + METHODS + "        def chat():\n            pass\n", "aiges"),
        ("class Wrapper:\n" + METHODS + "\n\n" + CHAT, "aiges"),
        ("class Wrapper:\n    def chat(self, messages):\n        pass", "tasks"),
        ("class Wrapper:\r\n    def chat(self, messages):\r\n        pass\r\n", "tasks"),
        ("# def chat(messages)\ndef chatter(messages):\n    pass\n", "aiges"),
    ],
)
def test_contract_of_a_wrapper(tmp_path, text, contract):
    (tmp_path / "wrapper.py").write_bytes(text.encode())
    assert [name for name, _ in find_contracts(tmp_path)] == [contract]


def test_hooks_of_both_kinds_are_known(tmp_path):
    file = tmp_path / "wrapper.py"
    file.write_text("class Wrapper:\n    def chat(self, m):\n        pass\n", encoding="utf-8")
    assert is_only_tasks(file)
    both = file.read_text() + "    def wrapperOnceExec(self, params, reqData):\n        pass\n"
    file.write_text(both, encoding="utf-8")
    assert not is_only_tasks(file)


def module(**hooks):
    made = types.ModuleType("wrapper")
    vars(made).update(hooks)
    return made


def served(**hooks):
    hooks.setdefault("chat", lambda messages: messages[0]["content"])
    return Served(module(**hooks), _signature.FUNCTIONS)


def payload(text="hi", **body):
    body = {"messages": [{"role": "user", "content": text}], **body}
    return {"key": "openai", "data": json.dumps(body).encode(), "desc": {}}


TASK = {":task": "chat"}


def once(owner, params, data):
    return list(owner.wrapperOnceExec("tag", params, data, [], (), 0))


def text_of(result):
    return json.loads(result["data"])["choices"][0]["message"]["content"]


def test_schema_says_the_tasks():
    assert served().wrapperSchema() == {"model": {"tasks": ["chat"]}}
    said = {"meta": {"serviceId": "x"}, "model": {"platform": "p"}}
    made = served(wrapperSchema=lambda: json.dumps(said)).wrapperSchema()
    assert made == {"meta": {"serviceId": "x"}, "model": {"platform": "p", "tasks": ["chat"]}}


def test_schema_that_fails_costs_no_tasks(capsys):
    def fails():
        raise RuntimeError("no schema")

    assert served(wrapperSchema=fails).wrapperSchema()["model"] == {"tasks": ["chat"]}
    assert "no schema" in capsys.readouterr().err


def test_other_calls_are_the_functions_own():
    def own(usrTag, params, reqData, respData, psrIds, psrCnt):  # noqa: N803
        respData.append(reqData)
        return int(params.get("code", 0))

    owner = served(wrapperOnceExec=own)
    assert text_of(once(owner, TASK, (payload(),))[0]) == "hi"
    response = []
    assert list(owner.wrapperOnceExec("tag", {}, ("in",), response, (), 0)) == []
    assert response == [("in",)]
    (failed,) = once(owner, {"code": "7"}, ())
    assert failed.error_code == 7
    with pytest.raises(BadInput, match="this engine has no wrapperOnceExec"):
        once(served(), {}, ())


def test_streams_of_input_are_gathered_for_tasks():
    def own(params, requests):
        yield from requests

    owner = served(wrapperStream=own)
    pieces = iter([(payload(),)])
    assert text_of(next(owner.wrapperStream(TASK, pieces, "tag", 0, "sid"))) == "hi"
    assert list(owner.wrapperStream({}, iter([1, 2]), "tag", 0, "sid")) == [1, 2]
    assert once(owner, {}, ("in",)) == [("in",)]


def test_batches_are_divided():
    def own(params, reqData, usrTags):  # noqa: N803
        return [f"{tag} {data}" for tag, data in zip(usrTags, reqData)]

    owner = served(wrapperBatchExec=own)
    data = ["a", (payload(),), "c", (payload(messages=[]),)]
    made = owner.wrapperBatchExec([{}, TASK, {}, TASK], data, ["t1", "t2", "t3", "t4"])
    assert (made[0], made[2]) == ("t1 a", "t3 c")
    assert text_of(made[1][0]) == "hi"
    assert isinstance(made[3], BadInput)


def test_sessions_of_its_own_do_not_stream_tasks():
    owner = served(wrapperCreate=lambda usrTag, params, psrIds, psrCnt, errNum: "handle")  # noqa: N803
    assert owner.wrapperCreate("tag", {}, (), 0, 0) == "handle"
    with pytest.raises(BadInput, match="stream: expected false"):
        owner.wrapperCreate("tag", TASK, (), 0, 0)


def test_everything_else_is_the_users():
    owner = served(wrapperInit=len, wrapperError=str)
    assert (owner.wrapperInit, owner.wrapperError) == (len, str)
    assert not hasattr(owner, "wrapperWrite")


async def later(messages):
    return ""


@pytest.mark.parametrize(
    ("hooks", "said"),
    [
        ({"chat": 1}, "expected a hook chat"),
        ({"wrapperOnceExecAsync": lambda: 0}, "wrapperOnceExecAsync|it cannot be called"),
        ({"chat": later, "wrapperStream": lambda params, requests: None}, "all async or none"),
        ({"chat": later, "wrapperBatchExec": lambda params, reqData, usrTags: []}, "no async"),
        ({"tasks": "speak", "openai": lambda task, body: body}, "expected some of chat"),
    ],
)
def test_what_cannot_be_served_is_refused_at_the_start(hooks, said):
    with pytest.raises((ValueError, TypeError), match=said):
        served(**hooks)
