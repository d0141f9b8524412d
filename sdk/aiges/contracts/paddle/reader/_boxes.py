# SPDX-License-Identifier: Apache-2.0
"""What a detector has found: as a list, as bbox.json, and drawn into the picture."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from aiges.contracts.paddle.reader import _needs

__all__ = ["BlazeFacePostprocess", "RCNNPostprocess"]

_SHOWN_FROM = 0.5
_NO_RESULTS = ("image", "im_shape", "im_info")


class RCNNPostprocess:
    """Rows [class, score, x1, y1, x2, y2] of a detector, in pixels.

    ``label_file``: a name in each line. ``output_dir`` is made. ``resize_shape``: (width, height)
    that the picture had for the detector; what is drawn is of the picture's own size.
    """

    def __init__(self, label_file: str, output_dir: str, resize_shape: Any = None) -> None:
        self.output_dir, self.label_file = output_dir, label_file
        self.resize_shape = resize_shape
        with open(label_file, encoding="utf-8") as file:
            self.label_list = [line.strip() for line in file]
        self.clsid2catid = {number: number for number in range(len(self.label_list))}
        self.catid2name = dict(enumerate(self.label_list))
        os.makedirs(output_dir, exist_ok=True)

    def __call__(self, image_with_bbox: dict[str, Any], visualize: bool = True) -> list[Any]:
        """Return [{"category_id", "bbox": [x, y, width, height], "score"}].

        ``image_with_bbox``: "image", the path, and one result with its ``.lod``; of several, the
        last one. ``visualize``: the boxes from a score of 0.5 on are drawn into a copy of the
        picture in ``output_dir``, and all are written to bbox.json there. Raises KeyError for a
        result without ``.lod``, a class without a name, or no path to draw.
        """
        result = None
        for name in image_with_bbox:
            if name not in _NO_RESULTS and not name.endswith(".lod"):
                result = name
        if result is None:
            raise KeyError("no result of a detector beside " + ", ".join(image_with_bbox))
        boxes = self._get_bbox_result(image_with_bbox, result, self.clsid2catid)
        if visualize:
            count = len(self.catid2name)
            self.visualize(image_with_bbox["image"], boxes, self.catid2name, count)
        return boxes

    def _get_bbox_result(
        self, fetch_map: dict[str, Any], fetch_name: str, clsid2catid: dict[int, int]
    ) -> list[Any]:
        rows = _rows(fetch_map, fetch_name)
        return [
            _box(row, clsid2catid, x_end=row[4] - row[2] + 1, y_end=row[5] - row[3] + 1)
            for row in rows
        ]

    def color_map(self, num_classes: int) -> Any:
        """Return a colour (r, g, b) for each class, (n, 3)."""
        return np.array(colours(num_classes)).reshape(-1, 3)

    def draw_bbox(
        self, image: Any, catid2name: Any, bboxes: Any, threshold: float, color_list: Any
    ) -> Any:
        """Draw the boxes from a score on into a picture of Pillow; return it."""
        draw = _needs.pillow("ImageDraw").Draw(image)
        for box in bboxes:
            category, (x, y, width, height) = box["category_id"], box["bbox"]
            if box["score"] < threshold:
                continue
            colour = tuple(int(part) for part in color_list[category])
            right, bottom = x + width, y + height
            corners = [(x, y), (x, bottom), (right, bottom), (right, y), (x, y)]
            draw.line(corners, width=2, fill=colour)
            text = f"{catid2name[category]} {box['score']:.2f}"
            _, _, text_width, text_height = draw.textbbox((0, 0), text)
            place = (x + 1, y - text_height)
            draw.rectangle([place, (x + text_width + 1, y)], fill=colour)
            draw.text(place, text, fill=(255, 255, 255))
        return image

    def visualize(
        self, infer_img: str, bbox_results: Any, catid2name: Any, num_classes: int
    ) -> None:
        """Write the picture with its boxes, and bbox.json, into ``output_dir``."""
        image = _needs.pillow().open(infer_img).convert("RGB")
        shown, colors = bbox_results, self.color_map(num_classes)
        if self.resize_shape is not None:
            across, down = (a / b for a, b in zip(image.size, self.resize_shape))
            by = (across, down, across, down)
            shown = [
                {**box, "bbox": [side * ratio for side, ratio in zip(box["bbox"], by)]}
                for box in bbox_results
            ]
        image = self.draw_bbox(image, catid2name, shown, _SHOWN_FROM, colors)
        with open(os.path.join(self.output_dir, "bbox.json"), "w", encoding="utf-8") as file:
            json.dump(bbox_results, file, indent=4)
        image.save(os.path.join(self.output_dir, os.path.basename(infer_img)), quality=95)

    def __repr__(self) -> str:
        what = f"label_file: {self.label_file}, output_dir: {self.output_dir}"
        return f"{type(self).__name__}({what})"


class BlazeFacePostprocess(RCNNPostprocess):
    """The same for boxes in parts of the picture, 0 .. 1: "im_shape" says [height, width, ..]."""

    def clip_bbox(self, bbox: Any, im_size: Any = None) -> tuple[float, float, float, float]:
        """Return (x1, y1, x2, y2) inside of the picture: of 0 .. 1, or of (height, width)."""
        height, width = (1.0, 1.0) if im_size is None else im_size[:2]
        x1, y1, x2, y2 = bbox
        return (
            *(max(min(x1, width), 0.0), max(min(y1, height), 0.0)),
            *(max(min(x2, width), 0.0), max(min(y2, height), 0.0)),
        )

    def _get_bbox_result(
        self, fetch_map: dict[str, Any], fetch_name: str, clsid2catid: dict[int, int]
    ) -> list[Any]:
        rows = _rows(fetch_map, fetch_name)
        shape = np.asarray(fetch_map["im_shape"]).reshape(-1)
        height, width = int(shape[0]), int(shape[1])
        found = []
        for row in rows:
            x1, y1, x2, y2 = self.clip_bbox(row[2:6])
            scaled = [*row[:2], x1 * width, y1 * height, x2 * width, y2 * height]
            found.append(_box(scaled, clsid2catid, (x2 - x1) * width, (y2 - y1) * height))
        return found


def colours(count: int) -> list[list[int]]:
    """Return ``count`` colours, as the bits of their numbers say: those of Pascal VOC's masks."""
    found = []
    for number in range(count):
        colour = [0, 0, 0]
        for shift in range(8):
            for channel in range(3):
                colour[channel] |= (number >> (3 * shift + channel) & 1) << (7 - shift)
        found.append(colour)
    return found


def _rows(fetch_map: dict[str, Any], name: str) -> list[list[float]]:
    """Return the rows of a result: those that its .lod counts; none where nothing was found."""
    rows, lod = np.asarray(fetch_map[name]), np.asarray(fetch_map[name + ".lod"]).reshape(-1)
    if rows.ndim < 2 or rows.shape[1] < 6:
        return []  # One row [-1]: nothing was found.
    counted: list[list[float]] = rows[: int(lod[-1])].tolist()
    return counted


def _box(row: list[float], categories: dict[int, int], x_end: float, y_end: float) -> Any:
    return {
        "category_id": categories[int(row[0])],
        "bbox": [row[2], row[3], x_end, y_end],
        "score": row[1],
    }
