# SPDX-License-Identifier: Apache-2.0
"""Typed models over the protocols that are older than they are, many of them in one loader."""

import base64
import json

import grpc
import numpy as np
import openai
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from aiges import Audio
from loader_process import Loader
from oip_loader import infer_json, tensor
from tritonclient.utils import InferenceServerException
from typed_models import (
    ARRAYS,
    BATCH,
    CHAT,
    COMPLETE,
    EMBED,
    GIVER,
    HEAR,
    LATER,
    LATER_STREAM,
    STREAM,
    write_models,
)
from websockets.sync.client import connect
from xsf_client import STREAM as SESSION

MODELS = {
    "giver": GIVER,
    "words": STREAM,
    "later": LATER,
    "wordslater": LATER_STREAM,
    "batch": BATCH,
    "arrays": ARRAYS,
    "chat": CHAT,
    "complete": COMPLETE,
    "embed": EMBED,
    "hear": HEAR,
}


@pytest.fixture(scope="module")
def several(binaries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    write_models(folder / "models", **MODELS)
    config = {"models": {"repository": str(folder / "models"), "default": "giver"}}
    with Loader(binaries, folder / "loader", config=config) as loader:
        yield loader


def post(loader, path, body, **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if not isinstance(body, bytes):
        body, given = json.dumps(body).encode(), {"Content-Type": "application/json", **given}
    return loader.web.request("POST", path, body, given)


def test_each_model_has_a_path_of_its_own(several):
    def at(model, body):
        return post(several, f"/m/{model}/predict", body)

    assert at("later", {"text": "a"}).json == {"text": "a"}
    assert at("wordslater", {"text": "a b"}).body == b"ab"
    assert at("batch", {"x": 1}).json == {"x": 1}
    assert at("arrays", {"x": [1, 2]}).json == [2.0, 4.0]
    assert at("complete", {"prompt": "abc", "max_tokens": 2}).body == b"AB"
    assert at("embed", [["ab", "c"], []][0]).json == [[2.0, 1.0], [1.0, 1.0]]
    assert several.web.get("/m/complete/predict?prompt=a").body == b"A"
    assert post(several, "/predict", {"text": "a"}).json["text"] == "a"
    assert at("nobody", {}).status == 404
    answer = at("later", {"txt": 1})
    assert (answer.status, set(answer.json)) == (400, {"error"})


def test_a_call_of_a_batch_fails_alone(several):
    answer = post(several, "/m/batch/predict", {"x": 13})
    assert answer.status == 500 and "ValueError: thirteen" in answer.json["error"]["message"]
    assert post(several, "/m/batch/predict", {"x": "a"}).status == 400


def test_events_of_an_async_generator(several):
    answer = post(several, "/m/wordslater/predict", {"text": "a b"}, Accept="text/event-stream")
    data = [line[6:] for line in answer.body.decode().splitlines() if line.startswith("data: ")]
    assert data == ['"a"', '"b"', "{}"]


def test_the_raw_path(several):
    answer = several.web.raw_mode(b"hello", "?p.top=3&p.mode=best", service="giver")
    assert answer.headers["content-type"] == "application/json"
    said = answer.json
    assert (said["text"], said["top"], said["mode"]) == ("hello", 3, "best")
    answer = several.web.raw_mode(b"hello", "?p.top=x", service="giver")
    assert (answer.status, answer.code) == (400, 10909)
    assert 'top: expected an integer from 0, got "x"' in answer.message
    answer = several.web.raw_mode(b"hello", "?p.give=picture", service="giver")
    assert answer.headers["content-type"] == "image/png"
    answer = several.web.raw_mode(b"hello", "?p.give=answer 201 X-A=b".replace(" ", "%20"), "giver")
    assert answer.status == 200 and "x-a" not in answer.headers
    assert several.web.raw_mode(b"a b", service="words").status == 200


def test_plain_json(several):
    def ask(service, body, **headers):
        return post(several, f"/v1/json/{service}", body, **headers)

    assert ask("later", {"text": "a"}).json == {"result": {"text": "a"}}
    assert ask("giver", {"text": "a", "top": 3}).json["result"]["top"] == 3
    assert ask("arrays", {"x": [1.5]}).json == {"result": [3.0]}
    assert ask("words", {"text": "a b"}).json == {"result": "ab"}
    answer = ask("giver", {"text": "a", "top": "x"})
    assert answer.status == 400
    told = answer.json["error"]["message"]
    assert told == 'top: expected an integer from 0, got "x";code=30006'


def test_the_envelope(several):
    def ask(service, payload, **parameters):
        return several.web.envelope(
            {"header": {}, "parameter": {"any": parameters}, "payload": payload}, service
        )

    def text(value):
        return {"text": base64.b64encode(value).decode(), "encoding": "utf8", "status": 3}

    answer = ask("giver", {"text": text(b"a")}, top=3, loud="on")
    assert answer.code == 0, answer.message
    said = json.loads(answer.json["payload"]["result"]["text"])
    assert (said["text"], said["top"], said["loud"]) == ("a", 3, True)
    answer = ask("giver", {"text": text(b"a")}, top="x")
    assert answer.status == 400 and 'top: expected an integer from 0, got "x"' in answer.message
    picture = ask("giver", {"text": text(b"a")}, give="picture").json["payload"]["result"]
    assert base64.b64decode(picture["image"]).startswith(b"\x89PNG")


def test_a_web_socket_gets_value_by_value(several):
    with connect(f"ws://{several.http}/v1/private/words", open_timeout=20) as ws:
        text = base64.b64encode(b"a 1 b").decode()
        ws.send(
            json.dumps({"header": {"status": 2}, "payload": {"text": {"text": text, "status": 3}}})
        )
        got = []
        for message in ws:
            value = json.loads(message)
            assert value["header"]["code"] == 0, value
            for each in value.get("payload", {}).values():
                text = each["text"]
                got.append(base64.b64decode(text) if isinstance(text, str) else text)
        assert [each for each in got if each] == [b"a", {"word": "1"}, b"b"]


def test_xsf(several):
    answer = several.xsf.once(
        several.xsf.payload("text", b"a"),
        several.xsf.payload("tags", b"x"),
        several.xsf.payload("tags", b"y"),
        params={"top": "3", "unknown": "1"},
        service="giver",
    )
    said = json.loads(answer.text())
    assert (said["text"], said["tags"], said["top"]) == ("a", ["x", "y"], 3)
    answer = several.xsf.once(several.xsf.payload("txt", b"a"), service="giver")
    assert "txt: expected one of the inputs text, top, " in answer.error
    answer = several.xsf.once(
        several.xsf.payload("text", b"a"),
        params={":accept": "*/*", "give": "text"},
        service="giver",
    )
    assert answer.text() == "a"


def test_the_native_stream(several):
    import loader_pb2

    method = several.xsf.channel.stream_stream(
        "/aiges.v1.Stream/Run",
        request_serializer=loader_pb2.LoaderInput.SerializeToString,
        response_deserializer=loader_pb2.LoaderOutput.FromString,
    )
    for service, wanted in (("words", [b"a", b'{"word":"1"}']), ("wordslater", [b"a", b"1"])):
        first = several.xsf.input(
            several.xsf.payload("text", b"a 1"), state=SESSION, service=service
        )
        outputs = list(method(iter([first]), timeout=30))
        assert [p.data for output in outputs for p in output.pl if p.data] == wanted
    bad = several.xsf.input(several.xsf.payload("txt", b"a"), state=SESSION, service="words")
    try:
        told = [output.err for output in method(iter([bad]), timeout=30)]
    except grpc.RpcError as fault:
        told = [fault.details()]
    assert any("txt: expected one of the inputs text, cut, got that" in each for each in told)


@pytest.mark.parametrize("module", [httpclient, grpcclient], ids=["http", "grpc"])
def test_tensors_in_and_out(several, module):
    address = several.http if module is httpclient else several.grpc
    x = np.array([[1.0, 2.0]], "float32")
    with module.InferenceServerClient(address) as client:
        inputs = [
            tensor(module, "x", x, "FP32"),
            tensor(module, "scale", np.array([3.0]), "FP64"),
            tensor(module, "label", np.array([b"a"], object), "BYTES"),
        ]
        made = client.infer("arrays", inputs).as_numpy("result")
        assert made.dtype == np.float32 and made.tolist() == [[3.0, 6.0]]
        assert client.infer("arrays", inputs[:1]).as_numpy("result").tolist() == [[2.0, 4.0]]
        with pytest.raises(InferenceServerException, match="x"):
            client.infer("arrays", [tensor(module, "x", x.astype("float64"), "FP64")])
        with pytest.raises(InferenceServerException, match="x"):
            client.infer("arrays", inputs[1:])
        with pytest.raises(InferenceServerException, match="scale"):
            client.infer("arrays", [inputs[0], tensor(module, "scale", x, "FP32")])
        text = [tensor(module, "prompt", np.array([b"ab"], object), "BYTES")]
        assert client.infer("complete", text).as_numpy("result").tolist() == [b"AB"]
        one = [tensor(module, "x", np.array([5]), "INT64")]
        said = client.infer("batch", one).as_numpy("result").tolist()
        assert [json.loads(each) for each in said] == [{"x": 5}]


def test_tensors_as_json(several):
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2], "data": [1, 2]}]}
    answer = infer_json(several, body, "arrays")
    (output,) = answer.json["outputs"]
    assert (output["name"], output["datatype"], output["data"]) == ("result", "FP32", [2.0, 4.0])
    text = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]}
    top = {"name": "top", "datatype": "INT64", "shape": [1], "data": [7]}
    (output,) = infer_json(several, {"inputs": [text, top]}, "giver").json["outputs"]
    assert json.loads(output["data"][0])["top"] == 7
    body = {"inputs": [text], "parameters": {"top": 5}}
    (output,) = infer_json(several, body, "giver").json["outputs"]
    assert json.loads(output["data"][0])["top"] == 5
    told = infer_json(several, {"inputs": [{**top, "name": "tpo"}, text]}, "giver")
    assert told.status == 400 and "tpo" in told.json["error"]


def test_metadata_of_typed_models(several):
    said = several.web.get("/v2/models/complete").json
    assert said["inputs"] == [
        {"name": "prompt", "datatype": "BYTES", "shape": [-1]},
        {"name": "max_tokens", "datatype": "INT64", "shape": [-1]},
    ]
    assert said["outputs"] == [{"name": "result", "datatype": "BYTES", "shape": [-1]}]
    config = several.web.get("/v2/models/words/config").json
    assert config["model_transaction_policy"]["decoupled"] is True


@pytest.fixture(scope="module")
def ai(several):
    with openai.OpenAI(
        base_url=f"http://{several.http}/v1", api_key="none", max_retries=0, timeout=30
    ) as client:
        yield client


def test_a_predict_of_messages_is_a_chat(ai):
    messages = [{"role": "user", "content": "one two"}]
    made = ai.chat.completions.create(model="chat", messages=messages, temperature=0.5)
    assert made.choices[0].message.content == "one two at 0.5"
    pieces = list(ai.chat.completions.create(model="chat", messages=messages, stream=True))
    texts = [each.choices[0].delta.content or "" for each in pieces if each.choices]
    assert "".join(texts) == "one two at 1.0" and len([t for t in texts if t]) == 3
    with pytest.raises(openai.BadRequestError, match="temperature"):
        ai.chat.completions.create(model="chat", messages=messages, temperature="hot")
    with pytest.raises(openai.NotFoundError, match="does not declare the task chat"):
        ai.chat.completions.create(model="later", messages=messages)


def test_the_other_tasks(ai):
    made = ai.completions.create(model="complete", prompt="abc", max_tokens=2)
    assert made.choices[0].text == "AB"
    made = ai.embeddings.create(model="embed", input=["ab", "c"])
    assert [each.embedding for each in made.data] == [[2.0, 1.0], [1.0, 1.0]]
    assert ai.embeddings.create(model="embed", input="abc").data[0].embedding == [3.0, 1.0]
    sound = ("a.wav", Audio(np.zeros(8), 16000).wav(), "audio/wav")
    assert ai.audio.transcriptions.create(model="hear", file=sound).text == "16000 Hz of en"
    made = ai.audio.transcriptions.create(model="hear", file=sound, language="de")
    assert made.text == "16000 Hz of de"
    with pytest.raises(openai.BadRequestError, match="file: expected a WAV file"):
        ai.audio.transcriptions.create(model="hear", file=("a.wav", b"none", "audio/wav"))


def test_tasks_do_not_take_the_other_paths_away(several):
    body = {"messages": [{"role": "user", "content": "hi"}]}
    assert post(several, "/m/chat/predict", body).body == b"hi at 1.0"
    wav = Audio(np.zeros(8), 8000).wav()
    answer = post(several, "/m/hear/predict?language=fr", wav, Content_Type="audio/wav")
    assert answer.body == b"8000 Hz of fr"
    pcm = post(several, "/m/hear/predict", bytes(16), Content_Type="audio/L16;rate=44100")
    assert pcm.body == b"44100 Hz of en"
