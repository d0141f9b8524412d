# SPDX-License-Identifier: Apache-2.0
"""Unmodified clients of Triton against an engine of tensors."""

import asyncio
import multiprocessing.shared_memory as shared_memory

import numpy as np
import pytest
import tritonclient.grpc.aio as grpc_aio
import tritonclient.http.aio as http_aio
from oip_loader import Stream, grpcclient, httpclient, is_final, oip_loader, tensor
from tritonclient.utils import InferenceServerException

FLOATS = np.arange(32, dtype=np.float32).reshape(2, 16)
WORDS = np.array([[b"one"], ["zw\xf6lf".encode()]], dtype=np.object_)


@pytest.fixture(scope="module")
def identity(binaries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("identity")
    with oip_loader(binaries, folder, "identity", oip={"client_shm": True}) as loader:
        yield loader


@pytest.fixture(scope="module")
def repeat(binaries, tmp_path_factory):
    with oip_loader(binaries, tmp_path_factory.mktemp("repeat"), "repeat") as loader:
        yield loader


@pytest.fixture(params=["http", "grpc"])
def spoken(request, identity):
    """(module, client) of either protocol."""
    module = httpclient if request.param == "http" else grpcclient
    with module.InferenceServerClient(
        identity.http if request.param == "http" else identity.grpc
    ) as client:
        yield module, client


def test_server_and_model_tell_of_themselves(spoken):
    _, client = spoken
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("m") and client.is_model_ready("m", "1")
    assert not client.is_model_ready("m", "2")
    server, model = client.get_server_metadata(), client.get_model_metadata("m")
    config = client.get_model_config("m")
    if isinstance(server, dict):
        assert server["name"] == "aiges" and "statistics" in server["extensions"]
        assert model["name"] == "m" and model["versions"] == ["1"] and model["platform"] == "test"
        assert model["inputs"][0] == {"name": "INPUT0", "datatype": "FP32", "shape": [-1, 16]}
        assert config["max_batch_size"] == 8
        assert config["input"][0]["dims"] == [16]
        assert config["input"][1]["data_type"] == "TYPE_STRING" and config["input"][1]["optional"]
    else:
        assert server.name == "aiges" and "statistics" in server.extensions
        assert model.name == "m" and list(model.versions) == ["1"] and model.platform == "test"
        assert model.inputs[0].datatype == "FP32" and list(model.inputs[0].shape) == [-1, 16]
        assert config.config.max_batch_size == 8 and list(config.config.input[0].dims) == [16]
        assert config.config.input[1].data_type == 13 and config.config.input[1].optional


def test_tensors_come_back(spoken):
    module, client = spoken
    inputs = [tensor(module, "INPUT0", FLOATS, "FP32"), tensor(module, "INPUT1", WORDS, "BYTES")]
    result = client.infer("m", inputs, request_id="7")
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), FLOATS)
    np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), WORDS)
    answer = result.get_response()
    assert (answer["id"] if isinstance(answer, dict) else answer.id) == "7"


def test_only_the_outputs_that_were_asked_for(spoken):
    module, client = spoken
    inputs = [tensor(module, "INPUT0", FLOATS, "FP32"), tensor(module, "INPUT1", WORDS, "BYTES")]
    result = client.infer("m", inputs, outputs=[module.InferRequestedOutput("OUTPUT1")])
    np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), WORDS)
    assert result.as_numpy("OUTPUT0") is None


def test_classification(spoken):
    module, client = spoken
    result = client.infer(
        "m",
        [tensor(module, "INPUT0", FLOATS, "FP32")],
        outputs=[module.InferRequestedOutput("OUTPUT0", class_count=2)],
    )
    assert result.as_numpy("OUTPUT0").tolist() == [
        [b"15.000000:15", b"14.000000:14"],
        [b"31.000000:15", b"30.000000:14"],
    ]


def test_mistakes_have_the_words_of_triton(spoken):
    module, client = spoken
    wrong = np.zeros((1, 17), dtype=np.float32)
    with pytest.raises(InferenceServerException, match="unexpected shape for input 'INPUT0'"):
        client.infer("m", [tensor(module, "INPUT0", wrong, "FP32")])
    with pytest.raises(InferenceServerException, match="missing required input"):
        client.infer("m", [])
    with pytest.raises(InferenceServerException, match="version 9 is not found"):
        client.infer("m", [tensor(module, "INPUT0", FLOATS, "FP32")], model_version="9")


def test_errors_of_the_engine_keep_their_kind(identity):
    with grpcclient.InferenceServerClient(identity.grpc) as client:
        with pytest.raises(InferenceServerException) as error:
            client.infer(
                "m", [tensor(grpcclient, "INPUT0", FLOATS, "FP32")], parameters={"fail": 1}
            )
        assert error.value.status() == "StatusCode.INVALID_ARGUMENT"
        assert error.value.message() == "unusable"


def test_statistics_count_what_was_done(spoken):
    module, client = spoken
    client.infer("m", [tensor(module, "INPUT0", FLOATS, "FP32")])
    stats = client.get_inference_statistics("m")
    one = stats["model_stats"][0] if isinstance(stats, dict) else stats.model_stats[0]
    if isinstance(one, dict):
        assert one["version"] == "1" and one["inference_count"] >= 1
        assert one["inference_stats"]["success"]["count"] >= 1
        assert one["inference_stats"]["cache_hit"] == {"count": 0, "ns": 0}
    else:
        assert one.version == "1" and one.inference_count >= 1
        assert one.inference_stats.success.count >= 1


def test_repository_of_one_model(spoken):
    _, client = spoken
    index = client.get_model_repository_index()
    models = index if isinstance(index, list) else index.models
    assert len(models) == 1
    client.load_model("m")
    with pytest.raises(InferenceServerException, match="one model"):
        client.unload_model("m")


def test_settings_of_trace_and_log(spoken):
    _, client = spoken
    changed = client.update_trace_settings(settings={"trace_rate": "7"})
    now = client.get_trace_settings()
    if isinstance(now, dict):
        assert changed["trace_rate"] == now["trace_rate"] == "7"
        assert now["trace_level"] == ["OFF"]
    else:
        assert list(now.settings["trace_rate"].value) == ["7"]
    with pytest.raises(InferenceServerException):
        client.update_trace_settings(settings={"nothing": "7"})
    client.update_log_settings({"log_verbose_level": 1})
    log = client.get_log_settings()
    level = log["log_verbose_level"] if isinstance(log, dict) else None
    assert level in (None, 1)
    client.update_log_settings({"log_verbose_level": 0})


def test_shared_memory_of_the_client(spoken):
    module, client = spoken
    region = shared_memory.SharedMemory(create=True, size=256)
    try:
        region.buf[:128] = FLOATS.tobytes()
        client.unregister_system_shared_memory()
        client.register_system_shared_memory("mine", region.name, 256)
        status = client.get_system_shared_memory_status()
        names = status if isinstance(status, list) else list(status.regions.values())
        assert len(names) == 1
        value = module.InferInput("INPUT0", [2, 16], "FP32")
        value.set_shared_memory("mine", 128)
        wanted = module.InferRequestedOutput("OUTPUT0")
        wanted.set_shared_memory("mine", 128, offset=128)
        client.infer("m", [value], outputs=[wanted])
        assert bytes(region.buf[128:256]) == FLOATS.tobytes()
        value.set_shared_memory("mine", 128, offset=200)
        with pytest.raises(InferenceServerException, match="shared memory region 'mine'"):
            client.infer("m", [value])
        client.unregister_system_shared_memory("mine")
    finally:
        region.close()
        region.unlink()


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_bodies_are_packed_both_ways(identity, packing):
    with httpclient.InferenceServerClient(identity.http) as client:
        result = client.infer(
            "m",
            [tensor(httpclient, "INPUT0", np.zeros((8, 16), np.float32), "FP32")],
            request_compression_algorithm=packing,
            response_compression_algorithm=packing,
        )
        assert not result.as_numpy("OUTPUT0").any()


def test_streams_answer_in_order(identity):
    with grpcclient.InferenceServerClient(identity.grpc) as client:
        stream = Stream(client)
        for i in range(50):
            value = np.full((1, 16), i, dtype=np.float32)
            client.async_stream_infer(
                "m", [tensor(grpcclient, "INPUT0", value, "FP32")], request_id=str(i)
            )
        for i in range(50):
            result, error = stream.next()
            assert error is None
            assert result.get_response().id == str(i) and is_final(result)
            assert result.as_numpy("OUTPUT0")[0, 0] == i
        client.async_stream_infer("m", [], request_id="wrong")
        result, error = stream.next()
        assert "missing required input" in error.message()
        client.stop_stream()


def test_a_stream_may_end_with_its_status(identity):
    with grpcclient.InferenceServerClient(identity.grpc) as client:
        stream = Stream(client, headers={"triton_grpc_error": "true"})
        client.async_stream_infer("m", [])
        _, error = stream.next()
        assert error.status() == "StatusCode.INVALID_ARGUMENT"
        client.stop_stream()


def test_decoupled_responses(repeat):
    numbers = np.arange(5, dtype=np.int32)
    with grpcclient.InferenceServerClient(repeat.grpc) as client:
        stream = Stream(client)
        client.async_stream_infer("m", [tensor(grpcclient, "IN", numbers, "INT32")])
        for i in range(5):
            result, error = stream.next()
            assert error is None and result.as_numpy("OUT").tolist() == [i]
            assert not is_final(result)
        client.async_stream_infer(
            "m",
            [tensor(grpcclient, "IN", numbers[:1], "INT32")],
            request_id="9",
            enable_empty_final_response=True,
        )
        result, _ = stream.next()
        assert not is_final(result)
        result, _ = stream.next()
        assert is_final(result) and not result.get_response().outputs
        assert result.get_response().id == "9"
        client.async_stream_infer(
            "m",
            [tensor(grpcclient, "IN", numbers[:2], "INT32")],
            enable_empty_final_response=True,
            parameters={"whole": True},
        )
        assert [is_final(stream.next()[0]) for _ in range(2)] == [False, True]
        client.stop_stream()


def test_ten_thousand_responses_to_one_request(repeat):
    with grpcclient.InferenceServerClient(repeat.grpc) as client:
        stream = Stream(client)
        numbers = np.arange(10_000, dtype=np.int32)
        client.async_stream_infer("m", [tensor(grpcclient, "IN", numbers, "INT32")])
        got = [int(stream.next()[0].as_numpy("OUT")[0]) for _ in range(10_000)]
        assert got == list(range(10_000))
        client.stop_stream()


def test_decoupled_models_answer_one_by_one_where_there_is_one(repeat):
    one, two = np.array([7], dtype=np.int32), np.array([7, 8], dtype=np.int32)
    for module, address in ((httpclient, repeat.http), (grpcclient, repeat.grpc)):
        with module.InferenceServerClient(address) as client:
            result = client.infer("m", [tensor(module, "IN", one, "INT32")])
            assert result.as_numpy("OUT").tolist() == [7]
            with pytest.raises(InferenceServerException, match="exactly 1 response"):
                client.infer("m", [tensor(module, "IN", two, "INT32")])
            assert client.get_model_config("m") is not None


def test_asynchronous_clients(identity):
    async def run():
        async with grpc_aio.InferenceServerClient(identity.grpc) as client:
            results = await asyncio.gather(
                *(
                    client.infer("m", [tensor(grpc_aio, "INPUT0", FLOATS, "FP32")])
                    for _ in range(20)
                )
            )
            for result in results:
                np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), FLOATS)
        async with http_aio.InferenceServerClient(identity.http) as client:
            result = await client.infer("m", [tensor(http_aio, "INPUT0", FLOATS, "FP32")])
            np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), FLOATS)

    asyncio.run(run())
