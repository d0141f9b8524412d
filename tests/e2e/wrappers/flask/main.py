# SPDX-License-Identifier: Apache-2.0
"""A Flask application as its users write it; nothing here knows the host."""

import threading
import time

from flask import Flask, Response, jsonify, request

app = Flask(__name__)
together = threading.Barrier(2, timeout=10)


@app.route("/predict", methods=["POST"])
def predict():
    return jsonify(text=request.get_json()["text"].upper(), agent=request.headers["User-Agent"])


@app.route("/numbers")
def numbers():
    return Response((f"{i}\n" for i in range(5)), mimetype="text/plain")


@app.route("/together")
def meet():
    """Two calls at a time, or none comes back."""
    return str(together.wait() >= 0)


@app.route("/raises")
def raises():
    raise ValueError("flask")


@app.route("/sleep")
def sleep():
    time.sleep(float(request.args["s"]))
    return "slept"
