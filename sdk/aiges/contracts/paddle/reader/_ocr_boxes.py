# SPDX-License-Identifier: Apache-2.0
"""Where text is: boxes of a map of a detector, their order, and the pictures in them.

A box is four points (x, y), from the top left one clockwise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from aiges.contracts.paddle.reader import _needs

__all__ = ["DBPostProcess", "FilterBoxes", "GetRotateCropImage", "SortedBoxes"]

# Of a box: a short side of fewer pixels is dropped, before and after it is made larger.
_MIN_SIDE, _MIN_GROWN_SIDE = 3, 5


class DBPostProcess:
    """Boxes of the map of a DB detector.

    ``params``: thresh (of a pixel), box_thresh (of a box: the mean of its pixels), max_candidates,
    unclip_ratio (how much larger a box is made).
    """

    def __init__(self, params: dict[str, Any]) -> None:
        self.thresh, self.box_thresh = params["thresh"], params["box_thresh"]
        self.max_candidates, self.unclip_ratio = params["max_candidates"], params["unclip_ratio"]
        self.min_size = _MIN_SIDE

    def __call__(self, pred: Any, ratio_list: Any) -> list[Any]:
        """Return for each map of (n, 1, h, w) an array (boxes, 4, 2) of int16, or [].

        ``ratio_list``: for each, by what (height, width) of its picture were multiplied.
        """
        pred = pred[:, 0, :, :]
        found = []
        for one, (ratio_h, ratio_w) in zip(pred, ratio_list):
            height, width = one.shape
            boxes, _ = self.boxes_from_bitmap(one, one > self.thresh, width, height)
            if len(boxes):
                boxes = boxes.astype(np.int16)
                boxes[:, :, 0] = boxes[:, :, 0] / ratio_w
                boxes[:, :, 1] = boxes[:, :, 1] / ratio_h
            found.append(boxes)
        return found

    def boxes_from_bitmap(
        self, pred: Any, _bitmap: Any, dest_width: int, dest_height: int
    ) -> tuple[Any, list[float]]:
        """Return boxes (n, 4, 2) of int16 in the destination's size, or [], and their scores."""
        cv2 = _needs.cv2()
        height, width = _bitmap.shape
        outlines = cv2.findContours(
            (_bitmap * 255).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE
        )[-2]
        boxes, scores = [], []
        for outline in outlines[: self.max_candidates]:
            points, side = self.get_mini_boxes(outline)
            if side < self.min_size:
                continue
            corners = np.array(points)
            score = self.box_score_fast(pred, corners)
            if score < self.box_thresh:
                continue
            grown = self.unclip(corners)
            if not len(grown):
                continue
            points, side = self.get_mini_boxes(grown)
            if side < _MIN_GROWN_SIDE:
                continue
            box = np.array(points)
            box[:, 0] = np.clip(np.round(box[:, 0] / width * dest_width), 0, dest_width)
            box[:, 1] = np.clip(np.round(box[:, 1] / height * dest_height), 0, dest_height)
            boxes.append(box.astype(np.int16))
            scores.append(score)
        return (np.array(boxes, dtype=np.int16) if boxes else []), scores

    def unclip(self, box: Any) -> Any:
        """Return the outline (points, 1, 2) of the box, moved outwards; [] if nothing is left."""
        corners = np.asarray(box, dtype=np.float64).tolist()
        area, length = _area(corners), _length(corners)
        if length == 0:
            return []
        clipper = _needs.pyclipper()
        offset = clipper.PyclipperOffset()
        offset.AddPath(box, clipper.JT_ROUND, clipper.ET_CLOSEDPOLYGON)
        outlines = offset.Execute(area * self.unclip_ratio / length)
        return np.array(outlines[0]).reshape(-1, 1, 2) if outlines else []

    def get_mini_boxes(self, contour: Any) -> tuple[list[Any], float]:
        """Return the corners of the smallest rectangle around it, and its short side."""
        cv2 = _needs.cv2()
        rectangle = cv2.minAreaRect(contour)
        points = sorted(cv2.boxPoints(rectangle), key=lambda point: point[0])
        left, right = points[:2], points[2:]
        top_left, bottom_left = left if left[1][1] > left[0][1] else left[::-1]
        top_right, bottom_right = right if right[1][1] > right[0][1] else right[::-1]
        return [top_left, top_right, bottom_right, bottom_left], min(rectangle[1])

    def box_score_fast(self, bitmap: Any, _box: Any) -> float:
        """Return the mean of the map inside the box."""
        cv2 = _needs.cv2()
        height, width = bitmap.shape[:2]
        box = np.array(_box)
        left, right = (
            int(np.clip(side, 0, width - 1))
            for side in (np.floor(box[:, 0].min()), np.ceil(box[:, 0].max()))
        )
        top, bottom = (
            int(np.clip(side, 0, height - 1))
            for side in (np.floor(box[:, 1].min()), np.ceil(box[:, 1].max()))
        )
        mask = np.zeros((bottom - top + 1, right - left + 1), dtype=np.uint8)
        box[:, 0] -= left
        box[:, 1] -= top
        cv2.fillPoly(mask, box.reshape(1, -1, 2).astype(np.int32), 1)
        mean: float = cv2.mean(bitmap[top : bottom + 1, left : right + 1], mask)[0]
        return mean

    def __repr__(self) -> str:
        how = f"thresh={self.thresh}, box_thresh={self.box_thresh}"
        most = f"max_candidates={self.max_candidates}, unclip_ratio={self.unclip_ratio}"
        return f"{type(self).__name__}({how}, {most})"


def _area(corners: list[list[float]]) -> float:
    """Return the area of a polygon, summed up in the order of GEOS, which the original asks."""
    total, origin = 0.0, corners[0][0]
    for at in range(1, len(corners)):
        following = corners[(at + 1) % len(corners)]
        total += (corners[at][0] - origin) * (corners[at - 1][1] - following[1])
    return abs(total / 2.0)


def _length(corners: list[list[float]]) -> float:
    total = 0.0
    for (x, y), (next_x, next_y) in zip(corners, [*corners[1:], corners[0]]):
        total += math.sqrt((x - next_x) ** 2 + (y - next_y) ** 2)
    return total


class FilterBoxes:
    """Boxes clockwise, inside of the picture, and wider and higher than so many pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.filter_width, self.filter_height = width, height

    def __call__(self, dt_boxes: Any, image_shape: Any) -> Any:
        """Return (n, 4, 2) of float32. ``image_shape``: (height, width) of the picture."""
        kept = []
        for box in dt_boxes:
            box = self.order_points_clockwise(box)
            box = self.clip_det_res(box, image_shape[0], image_shape[1])
            width = int(np.linalg.norm(box[0] - box[1]))
            height = int(np.linalg.norm(box[0] - box[3]))
            if width > self.filter_width and height > self.filter_height:
                kept.append(box)
        return np.array(kept)

    def order_points_clockwise(self, pts: Any) -> Any:
        """Return the points as float32, the top left one first."""
        by_x = pts[np.argsort(pts[:, 0]), :]
        left, right = by_x[:2, :], by_x[2:, :]
        top_left, bottom_left = left[np.argsort(left[:, 1]), :]
        top_right, bottom_right = right[np.argsort(right[:, 1]), :]
        return np.array([top_left, top_right, bottom_right, bottom_left], dtype="float32")

    def clip_det_res(self, points: Any, img_height: int, img_width: int) -> Any:
        """Move points into the picture, to whole pixels, in place; return them."""
        for point in points:
            point[0] = int(min(max(point[0], 0), img_width - 1))
            point[1] = int(min(max(point[1], 0), img_height - 1))
        return points

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.filter_width}, {self.filter_height})"


class SortedBoxes:
    """From top to bottom; of two neighbours that are on a line, the left one first."""

    def __call__(self, dt_boxes: Any) -> list[Any]:
        """Return a list of boxes (4, 2)."""
        boxes = sorted(dt_boxes, key=lambda box: (box[0][1], box[0][0]))
        for before in range(len(boxes) - 1):
            first, second = boxes[before][0], boxes[before + 1][0]
            if abs(second[1] - first[1]) < 10 and second[0] < first[0]:
                boxes[before : before + 2] = boxes[before + 1], boxes[before]
        return boxes


class GetRotateCropImage:
    """What is in a box, made straight; what is much higher than wide is turned to the left."""

    def __call__(self, img: Any, points: Any) -> Any:
        """Return a picture. ``points``: (4, 2), which stay as they are."""
        cv2 = _needs.cv2()
        points = np.array(points, dtype=np.float32)
        left, right = int(np.min(points[:, 0])), int(np.max(points[:, 0]))
        top, bottom = int(np.min(points[:, 1])), int(np.max(points[:, 1]))
        around = img[top:bottom, left:right, :].copy()
        points[:, 0] -= left
        points[:, 1] -= top
        width = int(np.linalg.norm(points[0] - points[1]))
        height = int(np.linalg.norm(points[0] - points[3]))
        straight = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
        how = cv2.getPerspectiveTransform(points, straight)
        result = cv2.warpPerspective(around, how, (width, height), borderMode=cv2.BORDER_REPLICATE)
        if result.shape[0] * 1.0 / result.shape[1] >= 1.5:
            result = np.rot90(result)
        return result

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
