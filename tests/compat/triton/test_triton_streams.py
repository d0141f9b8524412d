# SPDX-License-Identifier: Apache-2.0
"""Decoupled models: any number of answers to a request."""

import json

import numpy as np
import pytest
from triton_models import DECOUPLED, config, model
from xsf_client import OTHER, XsfSession

REPEAT = model(
    """
import threading
for request in requests:
    sender = request.get_response_sender()
    values = request.inputs()[0].as_numpy()
    def run(sender=sender, values=values):
        for value in values:
            out = pb_utils.Tensor("OUTPUT0", np.array([value], np.float32))
            sender.send(pb_utils.InferenceResponse([out]))
        sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
    threading.Thread(target=run).start()
return None
"""
)


def said(body):
    return {":oip": json.dumps({"parameters": {"body": body}})}


def stream(served, values, body="", name="INPUT0"):
    """The payloads of all answers to one request; raises what it ends with."""
    session = XsfSession(served.xsf)
    array = np.asarray(values, np.float32)
    answer = session.open(
        served.xsf.payload(name, array.tobytes(), OTHER, datatype="FP32", shape=str(array.size)),
        params=said(body),
    )
    while not session.ended and not answer.code:
        answer = session.out()
    if answer.code:
        raise RuntimeError(answer.error)
    return session.got


def values_of(payloads):
    return [float(np.frombuffer(p.data, np.float32)[0]) for p in payloads if p.data]


def test_repeat(serve):
    served = serve(REPEAT, config(more=DECOUPLED))
    assert values_of(stream(served, [3, 1, 4, 1, 5])) == [3, 1, 4, 1, 5]
    assert values_of(stream(served, range(300))) == list(range(300))
    assert values_of(stream(served, [])) == []
    # One answer is one to a once call, too; none and several are not.
    assert served.infer({"INPUT0": np.ones(1, np.float32)})["OUTPUT0"].tolist() == [1]
    answer = served.call({"INPUT0": np.ones(2, np.float32)})
    assert answer.code and "use a stream" in answer.error
    answer = served.call({"INPUT0": np.ones(0, np.float32)})
    assert answer.code and "none" in answer.error


def test_the_last_answer_may_be_the_end(decoupled):
    body = """
sender = requests[0].get_response_sender()
for value in (1, 2, 3):
    out = pb_utils.Tensor("OUTPUT0", np.array([value], np.float32))
    sender.send(pb_utils.InferenceResponse([out]), flags=int(value == 3))
"""
    got = stream(decoupled, [0], body)
    assert values_of(got) == [1, 2, 3] and all(p.data for p in got)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("return []", "is using the decoupled mode and the execute function must return None."),
        ("raise ValueError('wrong')", "message: ValueError: wrong"),
        ("requests[0].get_response_sender()", "given up before the final flag"),
        ("pass", "given up before the final flag"),
        (
            "requests[0].get_response_sender().send(pb_utils.InferenceResponse("
            "error=pb_utils.TritonError('bad', pb_utils.TritonError.INVALID_ARG)), 1)",
            "bad",
        ),
        (
            "s = requests[0].get_response_sender()\n"
            "s.send(pb_utils.InferenceResponse(error=pb_utils.TritonError('first')))\n"
            "s.send(flags=1)",
            "first",
        ),
        (
            "import threading\ns = requests[0].get_response_sender()\n"
            "threading.Thread(target=lambda: s.send(pb_utils.InferenceResponse("
            "error=pb_utils.TritonError('from a thread')), 1)).start()",
            "from a thread",
        ),
    ],
)
def test_what_a_stream_ends_with(decoupled, body, text):
    with pytest.raises(RuntimeError) as raised:
        stream(decoupled, [1], body)
    assert text in str(raised.value)


def test_a_closed_sender_refuses(decoupled):
    body = """
sender = requests[0].get_response_sender()
sender.send(flags=1)
try:
    sender.send(flags=1)
except pb_utils.TritonModelException as fault:
    pb_utils.Logger.log_info(f"refused: {fault}")
"""
    assert values_of(stream(decoupled, [1], body)) == []
    decoupled.wait_log("refused: Unable to send response. Response sender has been closed.")


def test_a_session_of_an_ordinary_model(scripted):
    body = """
out = pb_utils.Tensor("OUTPUT0", requests[0].inputs()[0].as_numpy())
return [pb_utils.InferenceResponse([out])]
"""
    assert values_of(stream(scripted, [7, 8], body)) == [7]


def test_cancelled_requests_are_told(decoupled):
    body = """
import threading, time
sender = requests[0].get_response_sender()
def run():
    pb_utils.Logger.log_info("it has begun")
    while not sender.is_cancelled():
        time.sleep(0.01)
    pb_utils.Logger.log_info("it was cancelled")
    sender.send(flags=1)
threading.Thread(target=run).start()
"""
    session = XsfSession(decoupled.xsf)
    session.open(
        decoupled.xsf.payload("INPUT0", bytes(4), OTHER, datatype="FP32", shape="1"),
        params=said(body),
    )
    decoupled.wait_log("it has begun")
    session.stop()
    decoupled.wait_log("it was cancelled")


def test_outputs_may_differ_between_answers(decoupled):
    body = """
sender = requests[0].get_response_sender()
def answer(name, value, **options):
    out = pb_utils.Tensor(name, np.array([value], np.float32))
    return pb_utils.InferenceResponse([out], **options)
sender.send(answer("OUTPUT0", 1, parameters={"n": 1}))
sender.send(answer("OUTPUT1", 2))
sender.send(answer("OUTPUT1", 3), flags=1)
"""
    got = [(p.meta.name, p.data) for p in stream(decoupled, [0], body) if p.data]
    assert [name for name, _ in got] == ["OUTPUT0", ":parameters", "OUTPUT1", "OUTPUT1"]
