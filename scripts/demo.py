# SPDX-License-Identifier: Apache-2.0
"""Serves two plugins through the native loader and shows what they find in real pictures.

    .venv/bin/python scripts/demo.py --bin build/bin

Text in a scanned page (plugins/mmocr), then coins on a table (plugins/yolov5); each picture is sent
by gRPC and by HTTP. The pictures with the boxes drawn are written to build/demo/.
"""

import argparse
import io
import os
import subprocess
import sys
from pathlib import Path

import demo_client
from demo_loader import DemoError, Loader, heading, stops_on_signals
from PIL import Image, ImageDraw
from skimage import data

REPOSITORY = demo_client.REPOSITORY
OUTPUT = REPOSITORY / "build" / "demo"
STAGES = ("queue", "channel", "engine", "total")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bin", type=Path, default=REPOSITORY / "build" / "bin")
    parser.add_argument("--only", choices=("mmocr", "yolov5"), help="one plugin instead of both")
    arguments = parser.parse_args()

    def run():
        if arguments.only != "yolov5":
            read_page(arguments.bin.resolve())
        if arguments.only != "mmocr":
            find_coins(arguments.bin.resolve())

    return stops_on_signals(run)


def read_page(binaries):
    heading("Text in a scanned page: plugins/mmocr, engine rapidocr")
    result = serve(binaries, "mmocr", {"engine": "rapidocr"}, data.page())
    lines = result["lines"]
    heading(f"{len(lines)} lines")
    for number, line in enumerate(lines, 1):
        xs, ys = zip(*line["box"])
        place = f"{min(xs):4.0f},{min(ys):<4.0f}-{max(xs):4.0f},{max(ys):<4.0f}"
        print(f"  {number:2}  {line['score']:.2f}  {place}  {line['text']}")
    if not lines:
        raise DemoError("expected lines of text in the page, got none")
    draw(data.page(), [line["box"] for line in lines], "page_boxes.png")


def find_coins(binaries):
    weights = OUTPUT / "shapes.onnx"
    OUTPUT.mkdir(parents=True, exist_ok=True)
    script = REPOSITORY / "plugins" / "yolov5" / "make_test_model.py"
    made = subprocess.run([sys.executable, str(script), str(weights)], check=False)
    if made.returncode != 0:
        raise DemoError(f"{script} ended with exit code {made.returncode}; its messages are above")
    heading("Coins on a table: plugins/yolov5, model made by make_test_model.py")
    result = serve(binaries, "yolov5", {"model": str(weights)}, data.coins())
    found = result["detections"]
    heading(f"{len(found)} detections")
    for number, item in enumerate(found, 1):
        x1, y1, x2, y2 = item["box"]
        place = f"{x1:4.0f},{y1:<4.0f}-{x2:4.0f},{y2:<4.0f}"
        print(f"  {number:2}  {item['score']:.2f}  {place}  {item['label']}")
    if not found:
        raise DemoError("expected coins in the picture, got no detection")
    places = [item["box"] for item in found]
    boxes = [[(x1, y1), (x2, y1), (x2, y2), (x1, y2)] for x1, y1, x2, y2 in places]
    draw(data.coins(), boxes, "coins_boxes.png")


def serve(binaries, plugin, options, pixels):
    """Sends the picture in every way to one loader; returns the one result they all gave."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    picture = buffer.getvalue()
    folder = REPOSITORY / "plugins" / plugin
    with Loader(binaries, folder, OUTPUT / plugin, options) as loader:
        answers = [
            demo_client.call_grpc(loader.grpc, picture),
            demo_client.call_json(loader.http, picture),
            demo_client.call_raw(loader.http, picture),
        ]
    heading("Time per stage, ms")
    print("  " + " " * 10 + "".join(f"{name:>12}" for name in (*STAGES, "client saw")))
    for answer in answers:
        times = [answer.stages.get(name) for name in STAGES]
        shown = "".join(f"{'-' if time is None else f'{time:.2f}':>12}" for time in times)
        print(f"  {answer.way:10}{shown}{answer.seen_ms:12.2f}")
    if any(answer.result != answers[0].result for answer in answers):
        raise DemoError("gRPC and HTTP gave different results for the same picture")
    return answers[0].result


def draw(pixels, boxes, name):
    """Twice the size, because the sample pictures are small."""
    image = Image.fromarray(pixels).convert("RGB")
    image = image.resize((image.width * 2, image.height * 2))
    pen = ImageDraw.Draw(image)
    for number, box in enumerate(boxes, 1):
        corners = [(2 * x, 2 * y) for x, y in box]
        pen.polygon(corners, outline=(220, 30, 30), width=2)
        pen.text((corners[0][0] + 3, corners[0][1] + 1), str(number), fill=(30, 60, 220))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    image.save(OUTPUT / name)
    print(f"  drawn: {os.path.relpath(OUTPUT / name)}")


if __name__ == "__main__":
    sys.exit(main())
