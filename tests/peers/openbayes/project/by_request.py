# SPDX-License-Identifier: Apache-2.0
"""Takes Flask's request, and returns what Flask takes."""

import flask
import openbayes_serving as serv


class Predictor:
    def predict(self, request):
        do = request.args.get("do", "")
        if do == "file":
            file = request.files["image"]
            return {"name": file.filename, "type": file.mimetype, "bytes": file.read()}
        if do == "form":
            return {"x": request.form["x"], "all": request.form.getlist("x")}
        if do == "cookies":
            return dict(request.cookies)
        if do == "json":
            return request.json
        if do == "about":
            return {
                "method": request.method,
                "path": request.path,
                "full": request.full_path,
                "type": request.content_type,
                "length": request.content_length,
                "remote": request.remote_addr,
                "scheme": request.scheme,
                "same": flask.request.method,
                "host": request.host,
                "url": request.url,
            }
        if do == "abort":
            flask.abort(int(request.args["status"]))
        if do == "own-status":
            return flask.Response(
                "made", status=201, headers={"X-Own": "yes"}, mimetype="text/plain"
            )
        if do == "two":
            answer = flask.Response(b"\x00\x01", content_type="application/x-own")
            answer.headers.add("X-Twice", "1")
            answer.headers.add("X-Twice", "2")
            answer.set_cookie("a", "1")
            return answer
        if do == "stream":
            pieces = (f"data: {number}\n\n" for number in range(3))
            return flask.Response(pieces, mimetype="text/event-stream")
        if do == "jsonify":
            return flask.jsonify(b=1, a="猫")
        if do == "redirect":
            return flask.redirect("/elsewhere")
        return {"args": request.args.to_dict(), "raw": request.get_data()}


if __name__ == "__main__":
    serv.run(Predictor)
