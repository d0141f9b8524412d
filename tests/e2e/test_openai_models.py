# SPDX-License-Identifier: Apache-2.0
"""OpenAI's API onto several models of one loader: `model` says which one."""

import openai
import pytest
from loader_process import Loader
from test_models import WRAPPER, write_model
from test_openai import client_of, say

CHAT = "def chat(messages):\n    yield NAME\n"
EMBED = "def embed(inputs):\n    return [[1.0] for each in inputs]\n"


@pytest.fixture(scope="module")
def several(binaries, tmp_path_factory):
    """alice and bob chat, carol embeds, dave does no task; none is loaded at the start."""
    folder = tmp_path_factory.mktemp("several")
    repository = folder / "models"
    for name, wrapper in (("alice", CHAT), ("bob", CHAT), ("carol", EMBED), ("dave", WRAPPER)):
        write_model(repository, name, wrapper=wrapper)
    config = {"models": {"repository": str(repository), "load": []}}
    with Loader(binaries, folder / "loader", config=config) as loader:
        yield loader


def test_models_by_name(several):
    with client_of(several) as client:
        with pytest.raises(openai.InternalServerError, match="not ready") as caught:
            client.models.retrieve("alice")
        assert caught.value.status_code == 503
        for name in ("alice", "bob"):  # The call loads it.
            made = client.chat.completions.create(model=name, messages=say("hi"))
            assert (made.model, made.choices[0].message.content) == (name, name)
            assert client.models.retrieve(name).id == name
        pieces = client.chat.completions.create(model="bob", messages=say("hi"), stream=True)
        assert "".join(p.choices[0].delta.content or "" for p in pieces) == "bob"
        assert client.embeddings.create(model="carol", input="x").data[0].embedding == [1]
        listed = {model.id: model.ready for model in client.models.list().data}
        assert listed.keys() == {"alice", "bob", "carol", "dave"}
        assert listed["bob"] is True


def test_model_that_is_not_there(several):
    with client_of(several) as client:
        for name in ("nobody", ""):
            with pytest.raises(openai.NotFoundError, match="alice") as caught:
                client.chat.completions.create(model=name, messages=say("hi"))
            assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("nobody")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["carol", "dave"])
def test_model_that_does_something_else(several, name, stream):
    with client_of(several) as client:
        client.chat.completions.create(model="alice", messages=say("hi"))
        with pytest.raises(openai.NotFoundError, match="does not declare the task chat.*alice"):
            client.chat.completions.create(model=name, messages=say("hi"), stream=stream)
