# SPDX-License-Identifier: Apache-2.0
"""config.yml: its defaults, what it may hold, and how mistakes are told."""

import pytest
import yaml
from aiges.contracts.paddle.pipeline import _config
from aiges.contracts.paddle.pipeline._ops import Op

PORT = {"rpc_port": 9998}


def test_defaults():
    config = _config.read(PORT)
    assert (config.http_port, config.worker_num, config.build_dag_each_worker) == (None, 1, False)
    dag = config.dag
    assert (dag.is_thread_op, dag.retry, dag.use_profile, dag.channel_size) == (True, 1, False, 0)
    assert (dag.client_type, dag.interval_s, dag.enable_prometheus) == ("brpc", -1, False)
    op = Op("a").conf_over(config.ops.get("a") or _config.OpConf())
    assert (op.concurrency, op.timeout, op.retry, op.batch_size) == (1, -1, 1, 1)
    local = op.local_service_conf
    assert (local.model_config, local.devices, local.device_type) == (None, "", -1)
    assert (local.thread_num, local.mem_optim, local.ir_optim) == (2, True, False)


def test_values_of_the_file_and_those_of_the_constructor():
    given = {
        **PORT,
        "op": {
            "a": {"concurrency": 4, "retry": 3, "batch_size": 2, "timeout": 500},
            "b": {"local_service_conf": {"concurrency": 2, "fetch_list": ["x"]}},
            "c": None,
        },
        "dag": {"tracer": {"interval_s": 10}},
    }
    config = _config.read(given)
    assert config.dag.interval_s == 10
    made = Op("a", concurrency=2, fetch_list=["y"]).conf_over(config.ops["a"])
    assert (made.concurrency, made.retry, made.batch_size, made.timeout) == (2, 3, 2, 500)
    op = Op("b")
    assert op.conf_over(config.ops["b"]).concurrency == 2
    assert (op.concurrency, op.fetch_list) == (2, ["x"])
    assert Op("c", retry=5).conf_over(config.ops["c"]).retry == 5


WRONG = [
    ({}, "rpc_port, http_port or both"),
    ({"rpc_port": 80}, "rpc_port: expected a whole number from 1024 to 65535; got 80"),
    ({"rpc_port": "9998"}, "rpc_port: expected"),
    ({"rpc_port": 9998, "http_port": 9998}, "http_port: expected another port"),
    ({**PORT, "worker_num": 0}, "worker_num: expected a whole number from 1"),
    ({**PORT, "worker_num": True}, "worker_num: expected"),
    ({**PORT, "build_dag_each_worker": 1}, "build_dag_each_worker: expected true or false"),
    ({**PORT, "dag": []}, "dag: expected keys with values"),
    ({**PORT, "dag": {"client_type": "http"}}, "dag.client_type: expected one of brpc, grpc"),
    ({**PORT, "dag": {"tracer": {"interval_s": "1"}}}, "dag.tracer.interval_s: expected"),
    ({**PORT, "dag": {"enable_prometheus": True}}, "dag.prometheus_port: expected a port"),
    ({**PORT, "op": {"a": {"concurrency": 0}}}, "op.a.concurrency: expected"),
    ({**PORT, "op": {"a": {"timeout": "1s"}}}, "op.a.timeout: expected milliseconds"),
    ({**PORT, "op": {"a": {"server_endpoints": "x:1"}}}, "op.a.server_endpoints: expected a list"),
    ({**PORT, "op": {"a": {"local_service_conf": {"devices": 0}}}},
     'op.a.local_service_conf.devices: expected text, as "0"; got 0'),
    ({**PORT, "op": {"a": {"local_service_conf": {"device_type": 9}}}}, "device_type: expected"),
    ({**PORT, "op": {"a": {"local_service_conf": {"precision": "fp8"}}}}, "precision: expected"),
]  # fmt: skip


@pytest.mark.parametrize("given, text", WRONG)
def test_wrong_types_and_ranges(given, text):
    with pytest.raises(SystemExit) as end:
        _config.read(given)
    assert str(end.value).startswith("[CONF] ") and text in str(end.value)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(SystemExit) as end:
        _config.read({"rpc_port": 1, "worker_num": "x", "op": {"a": {"retry": 0}}})
    assert len(str(end.value).splitlines()) == 3


def test_files(tmp_path, caplog):
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump({**PORT, "op": {"a": {"speed": 1}}, "rpc_prot": 5}))
    assert _config.read(str(file)).rpc_port == 9998
    assert "[CONF] rpc_prot: no such key" in caplog.text
    assert "[CONF] op.a.speed: no such key" in caplog.text
    for text in ("- 1", "a: [", "!!python/object/apply:os.system ['x']", "\xff"):
        file.write_text(text, encoding="latin-1")
        with pytest.raises(SystemExit, match=r"\[CONF\]"):
            _config.read(file)
    for source in (tmp_path / "none.yml", None):
        with pytest.raises(SystemExit, match=r"\[CONF\]"):
            _config.read(source)


@pytest.mark.parametrize("file", ["docs/examples/paddle/pipeline_uci/config.yml"])
def test_the_examples_file(file, request):
    config = _config.read(request.config.rootpath / file)
    assert (config.rpc_port, config.http_port) == (9998, 18082)


def test_programs_that_cannot_serve_say_why(pipeline):
    for text, said in (
        ("def graph(read_op): return None", "expected the last op to be returned"),
        ("def graph(read_op): return Op(name='a')", "a: expected input_ops"),
    ):
        made = pipeline(text, ready=False, folder=said[:4])
        code, log = made.ended()
        assert code != 0 and said in log
    made = pipeline(
        "def graph(read_op): return Op('a', [read_op])", {"worker_num": "x"}, ready=False
    )
    code, log = made.ended()
    assert code == 1 and "[CONF] worker_num: expected a whole number" in log
    assert "Traceback" not in log


def test_init_op_that_raises_ends_the_start(pipeline):
    text = """
class Bad(Op):
    def init_op(self):
        raise OSError("no dictionary here")
def graph(read_op):
    return Bad(name="bad", input_ops=[read_op])
"""
    code, log = pipeline(text, ready=False).ended()
    assert code != 0 and "no dictionary here" in log
