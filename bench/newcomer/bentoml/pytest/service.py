# SPDX-License-Identifier: Apache-2.0
import bentoml


@bentoml.service
class Upper:
    @bentoml.api
    def predict(self, text: str) -> str:
        return text.upper()
