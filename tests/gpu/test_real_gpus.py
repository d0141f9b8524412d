# SPDX-License-Identifier: Apache-2.0
"""GPUs that are there (make test-gpu): placement and sandbox in front of the real driver."""

import ctypes
import json

import pytest

CUDA = """
import ctypes, json, os

cuda = ctypes.CDLL("libcuda.so.1")

def seen():
    count, out = ctypes.c_int(), []
    assert cuda.cuInit(0) == 0, "cuInit"
    assert cuda.cuDeviceGetCount(ctypes.byref(count)) == 0
    for number in range(count.value):
        device, uuid = ctypes.c_int(), (ctypes.c_ubyte * 16)()
        assert cuda.cuDeviceGet(ctypes.byref(device), number) == 0
        assert cuda.cuDeviceGetUuid(uuid, device) == 0
        text = bytes(uuid).hex()
        parts = (text[:8], text[8:12], text[12:16], text[16:20], text[20:])
        out.append("GPU-" + "-".join(parts))
        context, memory = ctypes.c_void_p(), ctypes.c_uint64()
        assert cuda.cuCtxCreate_v2(ctypes.byref(context), 0, device) == 0, "context"
        assert cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(1 << 20)) == 0, "memory"
        assert cuda.cuMemsetD8_v2(memory, ctypes.c_ubyte(7), ctypes.c_size_t(1 << 20)) == 0
        assert cuda.cuCtxSynchronize() == 0
    return out

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    out = json.dumps(seen()).encode()
    respData.append(dict(key="result", data=out, len=len(out), status=3, type=0))
    return 0
"""


def gpus():
    """How many the driver has."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return 0
    count = ctypes.c_uint()
    if nvml.nvmlInit_v2() != 0 or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return 0
    return count.value


pytestmark = pytest.mark.skipif(gpus() == 0, reason="expected a GPU and its driver, have none")


def seen(loader):
    return json.loads(loader.xsf.once(wait_ms=60000).text())


@pytest.mark.parametrize("sandbox", [{}, {"strict": True}, {"strict": True, "network": False}])
def test_a_worker_computes_on_its_one_gpu(start, sandbox):
    config = {"instances": {"gpus": "per_instance", "numa": "auto"}, "sandbox": sandbox}
    loader = start(CUDA, config=config)
    (uuid,) = seen(loader)
    (line,) = [
        line
        for line in loader.web.get("/metrics").body.decode().splitlines()
        if line.startswith("aiges_instance_device_info{")
    ]
    assert f'uuid="{uuid}"' in line


def test_no_gpu_is_seen_where_none_is_given(start):
    loader = start(CUDA, config={"instances": {"gpus": "none"}})
    assert "cuInit" in loader.xsf.once(wait_ms=60000).error
