# SPDX-License-Identifier: Apache-2.0
import bentoml
import inflection


@bentoml.service
class Underscore:
    @bentoml.api
    def predict(self, text: str) -> str:
        return inflection.underscore(text)
