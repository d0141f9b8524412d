# SPDX-License-Identifier: Apache-2.0
import inflection


def predict(text: str) -> str:
    return inflection.underscore(text)
