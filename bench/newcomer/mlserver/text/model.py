# SPDX-License-Identifier: Apache-2.0
from typing import List

from mlserver import MLModel
from mlserver.codecs import decode_args


class Upper(MLModel):
    @decode_args
    async def predict(self, text: List[str]) -> List[str]:
        return [one.upper() for one in text]
