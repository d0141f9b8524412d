# SPDX-License-Identifier: Apache-2.0
"""Client.predict: forms of feed and fetch, and what goes over the wire for each."""

import numpy as np
import pytest
from aiges.contracts.paddle import _wire
from paddle_peer import IMDB, UCI, answers, ok, price, respond

ROW = [0.0137, -0.1136, 0.2553, -0.0692, 0.0582, -0.0727, -0.1583]
ROW += [-0.0584, 0.6283, 0.4919, 0.1856, 0.0795, -0.0332]
PAIR = """
feed_var { name: "a" alias_name: "a" feed_type: 1 shape: 2 }
feed_var { name: "b" alias_name: "b" feed_type: 0 shape: 1 }
fetch_var { name: "c" alias_name: "c" fetch_type: 1 shape: 1 }
"""


def sent(peer, at=-1):
    return peer.requests[at].tensor


@pytest.mark.parametrize(
    ("feed", "batch", "shape"),
    [
        ({"x": ROW}, False, [1, 13]),
        ({"x": np.array(ROW)}, False, [1, 13]),
        ({"x": np.array([ROW], "float64")}, True, [1, 13]),
        ({"x": [ROW, ROW]}, True, [2, 13]),
        ({"x": ROW}, True, [1, 13]),
        ([{"x": ROW}], False, [1, 13]),
        ([{"x": ROW}, {"x": np.array(ROW)}, {"x": ROW}], False, [3, 13]),
        ([{"x": np.array([ROW, ROW])}, {"x": [ROW]}], True, [3, 13]),
        (ROW, False, [1, 13]),
        (np.array(ROW), False, [1, 13]),
        ([ROW, ROW], True, [2, 13]),
        ({"x": tuple(ROW)}, False, [1, 13]),
    ],
)
def test_forms_of_feed(connected, feed, batch, shape):
    client, peer = connected(UCI, answers(price(18.5)))
    result = client.predict(feed, fetch=["price"], batch=batch)
    assert result["price"].tolist() == [[18.5]] and result["price"].dtype == np.float32
    (tensor,) = sent(peer)
    assert list(tensor.shape) == shape
    assert tensor.float_data[:13] == pytest.approx(ROW)
    assert len(tensor.float_data) == np.prod(shape)
    assert (tensor.name, tensor.alias_name, tensor.elem_type) == ("x", "x", 1)


@pytest.mark.parametrize(
    ("fetch", "names"),
    [
        (["price"], ["price"]),
        ("price", ["price"]),
        (["acc", "cost", "price"], ["price"]),
        (None, ["price"]),
        ([], ["price"]),
        (["fc_0.tmp_1"], ["price"]),
        (["acc", "cost"], ["price"]),  # None is known: as if nothing was asked for.
    ],
)
def test_forms_of_fetch(connected, fetch, names):
    client, peer = connected(UCI, answers(price(1)))
    assert list(client.predict({"x": ROW}, fetch)) == ["price"]
    assert peer.requests[0].fetch_var_names == names


@pytest.mark.parametrize(
    ("feed", "fetch", "said"),
    [
        ({"z": ROW}, ["price"], "Wrong feed name: z; expected x"),
        ({}, ["price"], "x is missing"),
        ({"x": ROW[:5]}, ["price"], r"expected 13 elements \(shape \[13\]\), got 5"),
        ({"x": [ROW, ROW]}, ["price"], "expected 13 elements"),
        ({"x": [[1, 2], [3]]}, ["price"], "rows of equal length|expected numbers"),
        ({"x": "text"}, ["price"], "expected numbers"),
        ({"x": None}, ["price"], "expected numbers"),
        (None, ["price"], "got None"),
        ([], ["price"], "empty list"),
        ([{"x": ROW}, ROW], ["price"], "dicts only"),
        ([{"x": ROW, "x.lod": [0, 13]}, {"x": ROW}], None, "end with|levels"),
    ],
)
def test_a_wrong_call_raises_before_anything_is_sent(connected, feed, fetch, said):
    client, peer = connected(UCI, answers(price(1)))
    with pytest.raises(ValueError, match=said):
        client.predict(feed, fetch)
    assert not peer.frames


def test_a_bare_list_is_for_models_with_one_variable(connected):
    client, _ = connected(PAIR, answers(price(1)))
    with pytest.raises(ValueError, match="a dict with a, b"):
        client.predict([1, 2])


def test_several_variables_go_in_the_order_of_the_configuration(connected):
    client, peer = connected(
        PAIR, answers(respond({"float_data": [1], "elem_type": 1, "shape": [1]}))
    )
    client.predict({"b": [7], "a": [1, 2]}, log_id=2**40)
    a, b = sent(peer)
    assert (a.name, list(a.shape), b.name, list(b.int64_data)) == ("a", [1, 2], "b", [7])
    assert peer.requests[0].log_id == 2**40


@pytest.mark.parametrize(
    ("feed", "batch", "ids", "shape", "lod"),
    [
        ({"words": [8, 233, 52]}, False, [8, 233, 52], [3, 1], [0, 3]),
        ({"words": np.array([8, 233])}, False, [8, 233], [2, 1], [0, 2]),
        ({"words": np.array([[8], [2]]), "words.lod": [0, 2]}, True, [8, 2], [2, 1], [0, 2]),
        ({"words": [8, 2, 5], "words.lod": [0, 1, 3]}, True, [8, 2, 5], [3, 1], [0, 1, 3]),
        ({"words": [8, 2], "words.lod": np.array([0, 2])}, False, [8, 2], [2, 1], [0, 2]),
        ({"words": [[8, 2], [5]]}, True, [8, 2, 5], [3, 1], [0, 2, 3]),
        ([{"words": [8, 2]}, {"words": [5]}], False, [8, 2, 5], [3, 1], [0, 2, 3]),
        (
            [{"words": [8, 2], "words.lod": [0, 1, 2]}, {"words": [5], "words.lod": [0, 1]}],
            True,
            [8, 2, 5],
            [3, 1],
            [0, 1, 2, 3],
        ),
        ([1, 2, 3], False, [1, 2, 3], [3, 1], [0, 3]),
        ({"words": [1, 2, 3], "words.lod": [[0, 2], [0, 1, 3]]}, True, [1, 2, 3], [3, 1],
         [0, 2, 0, 1, 3]),
    ],
)  # fmt: skip
def test_lod_of_inputs(connected, feed, batch, ids, shape, lod):
    client, peer = connected(IMDB, answers(price(1)))
    client.predict(feed, ["acc", "cost", "prediction"], batch=batch)
    (tensor,) = sent(peer)
    assert list(tensor.int64_data) == ids
    assert (list(tensor.shape), list(tensor.lod)) == (shape, lod)


@pytest.mark.parametrize("lod", [[0, 5], [1, 3], [3], [0], ["a"], [0, 2, 1, 3]])
def test_lod_that_does_not_fit_is_refused(connected, lod):
    client, _ = connected(IMDB, answers(price(1)))
    with pytest.raises(ValueError, match=r"words\.lod"):
        client.predict({"words": [1, 2, 3], "words.lod": lod})


@pytest.mark.parametrize(
    ("kind", "value", "field", "expected"),
    [
        (0, [1.0, 2.0], "int64_data", [1, 2]),
        (2, [1, -2], "int_data", [1, -2]),
        (3, [0.1, 2], "float64_data", [0.1, 2.0]),
        (4, [1, -2], "int_data", [1, -2]),
        (5, [1, -2], "tensor_content", np.array([1, -2], "<f2").tobytes()),
        (6, [1.0, 1.01], "uint32_data", [0x3F80, 0x3F81]),
        (7, [1, 255], "tensor_content", b"\x01\xff"),
        (8, [1, -1], "tensor_content", b"\x01\xff"),
        (9, [True, False], "bool_data", [True, False]),
        (20, "a", "data", ["a"]),
        (20, "\u571f\u5730", "data", ["\u571f\u5730"]),
        (20, ["a", b"bc"], "data", ["a", "bc"]),
        (20, np.array([1, 2], "u1"), "data", ["\x01\x02"]),
    ],
)
def test_types_of_inputs(connected, kind, value, field, expected):
    text = UCI.replace("feed_type: 1", f"feed_type: {kind}").replace("shape: 13", "shape: 2")
    client, peer = connected(text, answers(price(1)))
    client.predict({"x": value})
    (tensor,) = sent(peer)
    got = getattr(tensor, field)
    assert (got if isinstance(got, bytes) else list(got)) == expected
    assert tensor.elem_type == kind


@pytest.mark.parametrize("kind", [5, 7, 8])
def test_an_array_that_travels_as_bytes_may_have_its_batch_axis(connected, kind):
    """The original's client sends these as they are, whatever ``batch`` says."""
    text = UCI.replace("feed_type: 1", f"feed_type: {kind}").replace("shape: 13", "shape: 2")
    client, peer = connected(text, answers(price(1)))
    for array, batch in (([1, 2], False), ([[1, 2]], False), ([[1, 2]], True)):
        client.predict({"x": np.array(array, "u1")}, batch=batch)
        assert list(sent(peer)[0].shape) == [1, 2]


@pytest.mark.parametrize("kind", [10, 11, 99])
def test_a_type_that_is_not_carried_is_named(connected, kind):
    client, _ = connected(UCI.replace("feed_type: 1", f"feed_type: {kind}"), answers(price(1)))
    with pytest.raises(ValueError, match="x: (complex|expected an element type)"):
        client.predict({"x": ROW})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"int64_data": [5, -1], "elem_type": 0}, np.array([5, -1], "int64")),
        ({"int_data": [5, -1], "elem_type": 2}, np.array([5, -1], "int32")),
        ({"float64_data": [0.1, 2], "elem_type": 3}, np.array([0.1, 2])),
        ({"tensor_content": b"\x00\x3c\x00\xc0", "elem_type": 5}, np.array([1, -2], "float16")),
        ({"tensor_content": b"\x01\xff", "elem_type": 7}, np.array([1, 255], "uint8")),
        ({"tensor_content": b"\x01\xff", "elem_type": 8}, np.array([1, -1], "int8")),
        ({"bool_data": [True, False], "elem_type": 9}, np.array([True, False])),
        ({"data": ["a", "\u571f"], "elem_type": 20}, np.array(["a", "\u571f"])),
    ],
)
def test_types_of_outputs(connected, fields, expected):
    message = respond({**fields, "shape": [2], "alias_name": "price", "lod": [0, 1, 2]})
    client, _ = connected(UCI, answers(message))
    result = client.predict({"x": ROW})
    assert result["price"].dtype == expected.dtype
    assert result["price"].tolist() == expected.tolist()
    assert result["price.lod"].tolist() == [0, 1, 2]


def test_several_engines_have_a_dict_each(connected):
    message = price(1)
    message.outputs.add().CopyFrom(price(2).outputs[0])
    message.outputs[1].engine_name = "GeneralInferOp_1"
    client, _ = connected(UCI, answers(message))
    result = client.predict({"x": ROW}, ["price"])
    assert {name: each["price"].item() for name, each in result.items()} == {
        "GeneralInferOp_0": 1,
        "GeneralInferOp_1": 2,
    }


def test_an_output_without_elements_raises(connected):
    empty = respond({"elem_type": 1, "shape": [0], "alias_name": "price"})
    client, _ = connected(UCI, answers(empty))
    with pytest.raises(ValueError, match="price: expected elements"):
        client.predict({"x": ROW})


def test_one_configuration_for_each_chained_model(tmp_path, serve):
    from paddle_serving_client import Client

    paths = []
    for name, text in (("det", PAIR), ("rec", UCI)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "serving_client_conf.prototxt").write_text(text)
        paths.append(str(folder))
    client = Client()
    client.load_client_config(paths)
    assert client.get_feed_names() == ["a", "b"]
    assert client.get_fetch_names() == ["price"]


def test_the_messages_of_0_6(connected):
    def handler(frame):
        response = _wire.v2().Response()
        tensor = response.outputs.add().insts.add().tensor_array.add()
        tensor.float_data.extend([0.25, 0.75])
        tensor.shape.extend([1, 2])
        tensor.elem_type = 1
        return ok(), response.SerializeToString()

    client, peer = connected(IMDB, handler, generation="0.6")
    result = client.predict({"words": [3, 4]}, ["acc", "prediction"], log_id=5)
    assert result["prediction"].tolist() == [[0.25, 0.75]]
    request = _wire.v2().Request.FromString(peer.frames[0].message)
    (tensor,) = request.insts[0].tensor_array
    assert list(tensor.int64_data) == [3, 4] and list(tensor.lod) == [0, 2]
    assert (list(request.fetch_var_names), request.log_id) == (["prediction"], 5)
    # log_id = 4 is required: it is there, also where it is 0.
    assert peer.frames[0].message.endswith(b"\x18\x00\x20\x05")


def test_the_messages_of_0_6_have_three_types(connected):
    client, _ = connected(UCI.replace("feed_type: 1", "feed_type: 7"), None, generation="0.6")
    with pytest.raises(ValueError, match="x: uint8 is not carried by the messages of 0.6"):
        client.predict({"x": [1] * 13})
