# SPDX-License-Identifier: Apache-2.0
import asyncio
from typing import AsyncIterator

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Tokens(MLModel):
    async def predict_stream(
        self, payloads: AsyncIterator[InferenceRequest]
    ) -> AsyncIterator[InferenceResponse]:
        payload = [_ async for _ in payloads][0]
        count = NumpyCodec.decode_input(payload.inputs[0])[0]
        for number in range(count):
            await asyncio.sleep(0.02)
            output = StringCodec.encode_output("token", [f"t{number}"], use_bytes=False)
            yield InferenceResponse(model_name=self.name, outputs=[output])
