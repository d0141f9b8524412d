# SPDX-License-Identifier: Apache-2.0
"""The web service as an application for WSGI, which has the model in its own process."""

import io
import json
from wsgiref.util import setup_testing_defaults

from aiges.contracts.paddle.server import web
from paddle_command import ROW

PATH = "/uci/prediction"
ASKED = {"feed": [{"x": ROW}], "fetch": ["price"]}


def test_wsgi(models):
    class Service:
        name, model_dirs, port, gpus = "uci", [str(models / "fit_a_line_model")], 0, ""
        options = None

        def preprocess(self, feed, fetch):
            return feed, fetch, False

        def postprocess(self, feed, fetch, fetch_map):
            return fetch_map

    app = web.app_of(Service())

    def call(path, body=b"", method="POST"):
        environ = {"PATH_INFO": path, "REQUEST_METHOD": method, "wsgi.input": io.BytesIO(body)}
        environ["CONTENT_LENGTH"] = str(len(body))
        setup_testing_defaults(environ)
        said = []
        body = b"".join(app(environ, lambda status, fields: said.append((status, dict(fields)))))
        assert said[0][1]["content-length"] == str(len(body))
        return said[0][0], body

    assert call(PATH, json.dumps(ASKED).encode()) == (
        "200 OK",
        b'{"result":{"price":[[18.901151657104492]]}}\n',
    )
    assert call(PATH, method="GET")[0] == "405 Method Not Allowed"
    assert call("/other/prediction")[0] == "404 Not Found"
