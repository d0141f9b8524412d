# SPDX-License-Identifier: Apache-2.0
"""paddle_serving_client.io and convert: what they write, and that our engine takes it."""

import runpy
import sys

import numpy as np
import pytest
from aiges.contracts.paddle import _conf, _library
from aiges.contracts.paddle.engine import Model

pytestmark = pytest.mark.usefixtures("models")  # Skips where Paddle is not there.
PRICE = np.float32(18.901151657104492)


@pytest.fixture(scope="module")
def makers(models):
    import paddle_makers

    return paddle_makers


def names(folder):
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture
def convert(tmp_path, monkeypatch):
    """convert(*arguments): as ``python -m paddle_serving_client.convert``, in this process."""

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["convert", *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("paddle_serving_client.convert", run_name="__main__")
        return ended.value.code

    return run


def test_save_model_writes_both_folders(models):
    assert names(models / "imdb_model") == [
        "model.pdiparams",
        "model.pdmodel",
        "serving_server_conf.prototxt",
        "serving_server_conf.stream.prototxt",
    ]
    assert names(models / "imdb_client") == [
        "serving_client_conf.prototxt",
        "serving_client_conf.stream.prototxt",
    ]
    text = (models / "imdb_model/serving_server_conf.prototxt").read_text()
    assert text == (models / "imdb_client/serving_client_conf.prototxt").read_text()
    assert text.startswith(
        'feed_var {\n  name: "words"\n  alias_name: "words"\n  is_lod_tensor: true\n'
        "  feed_type: 0\n  shape: -1\n}\n"
    )
    conf = _conf.read(models / "imdb_model")
    assert conf == _conf.read(models / "imdb_model/serving_server_conf.stream.prototxt")
    assert [(var.alias, var.type, var.shape, var.is_lod) for var in conf.fetches] == [
        ("prediction", 1, (2,), False),
        ("scores", 1, (-1,), True),
    ]
    # The stream form by hand: feed_var = 1 { name = 1, alias_name = 2, is_lod_tensor = 3, .. }
    stream = (models / "fit_a_line_model/serving_server_conf.stream.prototxt").read_bytes()
    assert stream.startswith(b"\x0a\x0c\x0a\x01x\x12\x01x\x18\x00\x20\x01\x28\x0d\x12")
    image = _conf.read(models / "ocr_det_model").feeds[0]
    assert image.shape == (3,)  # Sizes that are open are left out.


def test_files_of_other_names(makers, tmp_path):
    with _library.old_programs():
        from aiges.contracts.paddle.io._describe import static_mode

        with static_mode():
            makers.fit_a_line(tmp_path, model_filename="__model__", params_filename="__params__")
    made = tmp_path / "fit_a_line_model"
    assert names(made)[:2] == ["__model__", "__params__"]
    assert Model(made).predict({"x": [makers.ROW]})["price"].item() == PRICE


def test_a_program_of_paddle_3_is_saved_as_json(makers, tmp_path, capsys):
    from aiges.contracts.paddle.io._describe import static_mode

    with static_mode():
        makers.fit_a_line(tmp_path, show_proto=True)
    made = tmp_path / "fit_a_line_model"
    assert names(made)[:2] == ["model.json", "model.pdiparams"]
    assert 'name: "fetch_name_0"\n  alias_name: "price"' in capsys.readouterr().out
    model = Model(made)
    assert model.predict({"x": [makers.ROW]})["price"].item() == PRICE
    with _library.old_programs(), static_mode():
        makers.fit_a_line(tmp_path)
    assert "model.json" not in names(made)
    assert Model(made).predict({"x": [makers.ROW]})["price"].item() == PRICE


def test_a_layer_is_saved_with_the_names_of_its_inputs(tmp_path):
    from paddle_serving_client import io

    paddle = _library.paddle()

    class Prices(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.line = paddle.nn.Linear(13, 1)

        def forward(self, x):
            return self.line(x)

    spec = [paddle.static.InputSpec([None, 13], "float32")]
    layer = paddle.jit.to_static(Prices(), input_spec=spec, full_graph=True)
    io.save_dygraph_model(str(tmp_path / "server"), str(tmp_path / "client"), layer)
    conf = _conf.read(tmp_path / "client", _conf.CLIENT)
    assert [(var.alias, var.shape, var.is_lod) for var in conf.feeds] == [("x", (13,), False)]
    assert [(var.alias, var.is_lod) for var in conf.fetches] == [("fetch_name_0", True)]
    row = np.ones((1, 13), "float32")
    expected = row @ layer.line.weight.numpy() + layer.line.bias.numpy()
    made = Model(tmp_path / "server").predict({"x": row})
    assert made["fetch_name_0"] == pytest.approx(expected)
    with pytest.raises(ValueError, match="input_spec"):
        io.save_dygraph_model(str(tmp_path / "s"), str(tmp_path / "c"), Prices())


def test_an_encrypted_model_is_served_with_its_key(makers, tmp_path):
    from aiges.contracts.paddle.io._describe import static_mode

    with _library.old_programs(), static_mode():
        makers.fit_a_line(tmp_path, encryption=True)
    server, client = tmp_path / "fit_a_line_model", tmp_path / "fit_a_line_client"
    assert names(server)[:2] == ["encrypt_model", "encrypt_params"]
    assert len((client / "key").read_bytes()) == 16
    with pytest.raises(ValueError, match="expected the file key"):
        Model(server)
    (server / "key").write_bytes(b"0" * 16)
    with pytest.raises(ValueError, match="is the key right"):
        Model(server)
    (server / "key").write_bytes((client / "key").read_bytes())
    assert Model(server).predict({"x": [makers.ROW]})["price"].item() == PRICE


def test_convert_from_the_command_line(models, makers, tmp_path, convert, capsys):
    folder = ("--dirname", str(models / "fit_a_line_model"))
    status = convert(
        *folder,
        *("--model_filename", "model.pdmodel", "--params_filename", "model.pdiparams"),
        *("--serving_server", "serving_server", "--serving_client", "serving_client"),
        *("--feed_alias_names", "features", "--fetch_alias_names", "price"),
    )
    assert status == 0
    assert capsys.readouterr().out == "feed names : features\nfetch names : price\n"
    other = ("--serving_server", "other", "--serving_client", "other_client")
    for shown in (["--show_proto"], ["--show_proto", "True"]):
        assert convert(*folder, *other, *shown) == 0
        assert capsys.readouterr().out.startswith('feed_var {\n  name: "x"\n')
    assert convert(*folder, *other, "--show_proto", "False") == 0
    assert capsys.readouterr().out.startswith("feed names")
    assert convert(*folder, "--model_filename", "none") == 1
    assert "convert: " in capsys.readouterr().err
    model = Model(tmp_path / "serving_server")
    assert model.predict({"features": [makers.ROW]})["price"].item() == PRICE
    assert _conf.read(tmp_path / "serving_client", _conf.CLIENT) == model.conf


def test_convert_finds_files_and_keeps_lod(models, tmp_path):
    from paddle_serving_client.io import inference_model_to_serving

    feeds, fetches = inference_model_to_serving(
        str(models / "imdb_model"), str(tmp_path / "s"), str(tmp_path / "c")
    )
    assert feeds == ["words"] and len(fetches) == 2
    conf = Model(tmp_path / "s").conf
    assert conf.feeds[0].is_lod and [var.is_lod for var in conf.fetches] == [False, True]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dirname": "none"}, "expected a model"),
        ({"model_filename": "other"}, "there is none"),
        ({"feed_alias_names": "a,b"}, "feed_alias_names: expected 1 names, for x"),
        ({"fetch_alias_names": ["", "b"]}, "fetch_alias_names: expected 1 names"),
        ({"encryption": True, "key_len": 7}, "key_len: expected 128"),
    ],
)
def test_what_cannot_be_converted_is_said(models, tmp_path, change, said):
    from paddle_serving_client.io import inference_model_to_serving

    given = {"dirname": str(models / "fit_a_line_model"), **change}
    with pytest.raises(ValueError, match=said):
        inference_model_to_serving(
            serving_server=str(tmp_path / "s"), serving_client=str(tmp_path / "c"), **given
        )


@pytest.mark.parametrize("name", ["a.pdmodel", "a.json", "__model__"])
@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"base_code": 1}'])
def test_what_is_no_model_is_said(tmp_path, name, content):
    from paddle_serving_client.io import inference_model_to_serving

    (tmp_path / name).write_bytes(content)
    (tmp_path / "a.pdiparams").write_bytes(b"")
    with pytest.raises(ValueError, match="expected a model"):
        inference_model_to_serving(str(tmp_path), str(tmp_path / "s"), str(tmp_path / "c"))
