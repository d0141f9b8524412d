# SPDX-License-Identifier: Apache-2.0
"""Models that clients load with a configuration, or with files, of their own."""

import json

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from loader_process import Loader
from triton_models import config, model
from tritonclient.utils import InferenceServerException

SCALE = """
responses = []
for request in requests:
    tensor = pb_utils.get_input_tensor_by_name(request, "INPUT0")
    factor = int(self.config["parameters"]["factor"]["string_value"])
    responses.append(pb_utils.InferenceResponse(
        [pb_utils.Tensor("OUTPUT0", tensor.as_numpy() * np.float32(factor))]
    ))
return responses
"""
INITIALIZE = """
def initialize(self, args):
    self.config = json.loads(args["model_config"])
"""
MODEL = model(SCALE, more=INITIALIZE)
BROKEN = model("return []", more="def initialize(self, args):\n    raise RuntimeError('no luck')\n")


def pbtxt(factor):
    return config(more=f'parameters {{ key: "factor" value {{ string_value: "{factor}" }} }}\n')


def as_json(factor, **more):
    return json.dumps(
        {
            "backend": "python",
            "input": [{"name": "INPUT0", "data_type": "TYPE_FP32", "dims": [-1]}],
            "output": [{"name": "OUTPUT0", "data_type": "TYPE_FP32", "dims": [-1]}],
            "parameters": {"factor": {"string_value": str(factor)}},
            **more,
        }
    )


@pytest.fixture
def loader(binaries, tmp_path):
    folder = tmp_path / "models" / "m" / "1"
    folder.mkdir(parents=True)
    (folder / "model.py").write_text(MODEL)
    (folder.parent / "config.pbtxt").write_text(pbtxt(2))
    own = tmp_path / "tmp"
    own.mkdir()
    settings = {"models": {"repository": str(folder.parents[1])}}
    with Loader(binaries, tmp_path / "loader", config=settings, env={"TMPDIR": str(own)}) as loader:
        loader.own_tmp = own
        yield loader
        loader.stop()
    assert [*own.glob("aiges-models-*")] == []


@pytest.fixture(params=["http", "grpc"])
def client(request, loader):
    module = httpclient if request.param == "http" else grpcclient
    address = loader.http if request.param == "http" else loader.grpc
    with module.InferenceServerClient(address) as client:
        client.module = module
        yield client


def ask(client, name="m", value=3):
    given = client.module.InferInput("INPUT0", [1], "FP32")
    given.set_data_from_numpy(np.array([value], np.float32))
    return client.infer(name, [given]).as_numpy("OUTPUT0").tolist()


def factor_in(client, name="m"):
    found = client.get_model_config(name)
    if isinstance(found, dict):
        return found["parameters"]["factor"]["string_value"]
    return found.config.parameters["factor"].string_value


def test_a_configuration_counts_until_the_next_load(client):
    assert ask(client) == [6]
    client.load_model("m", config=as_json(5))
    assert ask(client) == [15] and factor_in(client) == "5"
    client.load_model("m")
    assert ask(client) == [6] and factor_in(client) == "2"


def test_files_are_a_model_of_their_own(client, loader):
    files = {"file:3/model.py": MODEL.encode(), "file:3/more/data.txt": b"x"}
    client.load_model("new", config=as_json(7, max_batch_size="0"), files=files)
    assert ask(client, "new") == [21]
    client.load_model("m", config=as_json(4), files={"file:2/model.py": MODEL.encode()})
    assert ask(client) == [12]
    metadata = client.get_model_metadata("m")
    versions = metadata["versions"] if isinstance(metadata, dict) else list(metadata.versions)
    assert versions == ["2"]


def test_one_that_fails_leaves_what_there_was(client):
    assert ask(client) == [6]
    with pytest.raises(InferenceServerException, match="no luck"):
        client.load_model("m", config=as_json(9), files={"file:1/model.py": BROKEN.encode()})
    assert ask(client) == [6]
    with pytest.raises(InferenceServerException, match="TYPE_ODD"):
        client.load_model("m", config=as_json(9).replace("TYPE_FP32", "TYPE_ODD"))
    assert ask(client) == [6]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"file:../model.py": b"x"}, "expected a path in the folder of the model"),
        ({"file:/tmp/model.py": b"x"}, "expected a path in the folder of the model"),
        ({"file:model.txt": b"x"}, "no such file: expected the model"),
    ],
)
def test_paths_stay_in_the_folder(client, loader, files, told):
    with pytest.raises(InferenceServerException, match=told):
        client.load_model("n", config=as_json(1), files=files)
    assert not (loader.own_tmp.parent / "model.py").exists()


def test_what_is_missing_is_said(client):
    with pytest.raises(InferenceServerException, match="failed to poll from model repository"):
        client.load_model("absent", config=as_json(1))
    with pytest.raises(InferenceServerException, match="config must be provided with files"):
        client.load_model("m", files={"file:1/model.py": b"x"})
