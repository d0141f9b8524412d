# SPDX-License-Identifier: Apache-2.0
from aiges.testing import Client
from model import predict


def test_upper():
    with Client(predict) as client:
        assert client.predict(text="hello").text() == "HELLO"
