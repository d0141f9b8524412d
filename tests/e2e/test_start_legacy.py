# SPDX-License-Identifier: Apache-2.0
"""aiges.toml files of the loader that this one takes over from load unchanged."""

import json

import pytest
from command import Command
from loader_process import Loader

# Every section that the old loader read, with keys as its samples have them.
LEGACY = """
[svcName]
host = "127.0.0.1"
netcard = "eth0"
port = 0
reuseport = 0
finder = 0
grpctimeout = 120
maxreceive = 4
maxsend = 4
conn-rbuf = 0
conn-wbuf = 2
rate = 0
vcpu = "off"
keepalive = 0
keepalive-timeout = 1000
debug = 1
[aiges]
sub = "ase"
asyncMode = false
realTimeRlt = true
sessMode = false
sessDelGt = 10
asyncRelease = true
usrCfg = ""
httpRetry = 3
headerPass = "appid"
wrapperTrace = true
gray = false
wrapperDelayDetectPeriod = 60
storageData = false
pythonPluginCmd = "/usr/bin/env python -m aiges.serve"
numaNode = -1
gesMock = false
[wrapper]
http_listen = "127.0.0.1:0"
"common.lic" = 50
"log.level" = "debug"
flag = true
threshold = 0.00001
[ws]
readTimeout = 15
[fc]
able = 0
router = "sessionManager"
max = 3
ttl = 15000
best = 3
roll = 5000
report = 1000
strategy = 2
wave = 10
tasksize = 10
taskchsize = 10
filterwin = 10000
[log]
level = "error"
size = 100
count = 3
die = 30
async = 1
cache = -1
batch = 16384
caller = 1
wash = 60
[lbv2]
able = 0
sub = "ase"
lbname = "lbv2"
[lb]
able = 0
zkList = ["127.0.0.1:2181"]
[trace]
able = 0
host = "127.0.0.1"
[sonar]
able = 0
[metrics]
able = 0
idc = "dx"
[bvt]
able = 0
[pprof]
able = false
[dataProcess]
rsable = false
[downAsync]
rabHost = "127.0.0.1"
retry = 3
[auth]
able = 0
[resource]
x = 1
[elog]
able = 0
"""


@pytest.fixture
def legacy(binaries, tmp_path, toolbox):
    """legacy(text) -> a ready loader with that file."""
    loaders = []

    def run(text):
        loader = Loader(binaries, tmp_path, toolbox)
        (tmp_path / "aiges.toml").write_text(text)
        loaders.append(loader)
        loader.start()
        return loader

    yield run
    for loader in loaders:
        loader.kill()


def test_file_with_every_old_section_serves(legacy):
    loader = legacy(LEGACY)
    assert loader.xsf.do("echo", b"x").data("data") == b"x"
    assert loader.metric("aiges_licences") == 3


def test_old_keys_reach_the_wrapper_as_text(legacy):
    answer = legacy(LEGACY).xsf.once(params={"do": "describe"}, headers={"appid": "a"})
    seen = json.loads(answer.text())
    assert seen["params"]["appid"] == "a"
    assert seen["config"] == {
        "http_listen": "127.0.0.1:0",
        "common.lic": "50",
        "log.level": "debug",
        "flag": "true",
        "threshold": "0.00001",
    }


def test_old_keys_without_effect_are_named_once(legacy):
    loader = legacy(LEGACY.replace('level = "error"', 'level = "warn"'))
    loader.wait_log("no effect in this version: ")
    assert loader.log().count("no effect in this version") == 1
    for key in ("[lbv2] lbname", "[trace] host", "[svcName] netcard"):
        assert key in loader.log()


def test_numbers_may_be_written_as_text(legacy):
    loader = legacy(LEGACY.replace("max = 3", 'max = "3"').replace("port = 0", 'port = "0"'))
    assert loader.metric("aiges_licences") == 3


def test_user_config_file_replaces_the_wrapper_section(legacy, tmp_path):
    (tmp_path / "user.toml").write_text('[model]\npath = "/m"\nn = 2\n[other]\nflag = false\n')
    loader = legacy(LEGACY.replace('usrCfg = ""', 'usrCfg = "user.toml"'))
    seen = json.loads(loader.xsf.once(params={"do": "describe"}).text())
    assert seen["config"] == {"model.path": "/m", "model.n": "2", "other.flag": "false"}
    assert loader.web.get("/healthz").status == 200  # http_listen is still read from [wrapper].


def test_user_config_file_missing_is_told(binaries, tmp_path, toolbox):
    text = LEGACY.replace('usrCfg = ""', 'usrCfg = "nowhere.toml"')
    ended = Command(binaries, tmp_path, toolbox, text=text).serve()
    assert ended.code == 2
    assert "[aiges] usrCfg: cannot read the file nowhere.toml" in ended.err


def test_mode_0_without_a_file_writes_the_default_one(binaries, tmp_path, toolbox):
    command = Command(binaries, tmp_path, toolbox)
    (tmp_path / "aiges.toml").unlink()
    ended = command.run("-m=0", "-check")
    assert "http_listen" in (tmp_path / "aiges.toml").read_text(), ended


def test_default_content_fills_what_the_file_lacks(binaries, tmp_path, toolbox):
    command = Command(binaries, tmp_path, toolbox, text=LEGACY)
    ended = command.run(
        "-m=0", "-dc", "[fc]\nmax = 9\n[queue]\nmax_bytes = 70000\n", "-show-config"
    )
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert any(line.startswith("max = 3 # aiges.toml:") for line in lines), ended.out
    assert "max_bytes = 70000 # -dc:4" in lines


def test_old_flags_are_accepted_in_both_forms(binaries, tmp_path, toolbox):
    command = Command(binaries, tmp_path, toolbox)
    for arguments in (
        ["-m=0", "-c=aiges.toml", "-s=svcName", "-u=http://x:6868", "-p=AIaaS", "-g=dx"],
        ["-m", "0", "-c", "aiges.toml", "-s", "svcName", "-u", "x", "-p", "p", "-g", "g"],
        ["--m=2", "--c=aiges.toml", "--s=svcName"],
    ):
        assert command.run(*arguments, "-show-config").code == 0
