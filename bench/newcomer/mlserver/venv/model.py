# SPDX-License-Identifier: Apache-2.0
from typing import List

import inflection
from mlserver import MLModel
from mlserver.codecs import decode_args


class Underscore(MLModel):
    @decode_args
    async def predict(self, text: List[str]) -> List[str]:
        return [inflection.underscore(one) for one in text]
