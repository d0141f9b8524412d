# SPDX-License-Identifier: Apache-2.0
"""Says what payload, params and headers are."""

import openbayes_serving as serv


def shown(value):
    if isinstance(value, bytes):
        return {"bytes": value}
    return {"type": type(value).__name__, "value": value}


class Predictor:
    def predict(self, payload, params, headers, args):
        found = {"payload": shown(payload), "foo": params.get("foo"), "same": args == params}
        if "all" in params:
            found["all"] = params.getlist("foo")
            found["keys"] = sorted(params)
            found["items"] = [list(item) for item in params.items()]
            found["multi"] = [list(item) for item in params.items(multi=True)]
            found["dict"] = params.to_dict()
            found["lists"] = params.to_dict(flat=False)
        if "int" in params:
            found["int"] = params.get("int", -1, type=int)
        if "must" in params:
            found["must"] = params[params["must"]]
        if "field" in params:
            found["field"] = headers[params["field"]]
        if "fields" in params:
            names = ("Host", "X-Any", "X-Two-Words")
            found["fields"] = [list(pair) for pair in headers if pair[0] in names]
            found["get"] = [headers.get("x-ANY"), headers.get("x-none", "default")]
            found["in"] = ["X-any" in headers, "x-none" in headers]
            found["list"] = headers.getlist("X-Any")
            found["as dict"] = dict(headers).get("X-Any")
        return found


if __name__ == "__main__":
    serv.run(Predictor)
