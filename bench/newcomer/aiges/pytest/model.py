# SPDX-License-Identifier: Apache-2.0
def predict(text: str) -> str:
    return text.upper()
