# SPDX-License-Identifier: Apache-2.0
import asyncio

from mlserver import ModelSettings
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest
from model import Upper


def test_upper():
    model = Upper(ModelSettings(name="upper", implementation=Upper))
    request = InferenceRequest(inputs=[StringCodec.encode_input("text", ["hello"])])
    response = asyncio.run(model.predict(request))
    assert StringCodec.decode_output(response.outputs[0]) == ["HELLO"]
