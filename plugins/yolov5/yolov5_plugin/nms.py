# SPDX-License-Identifier: Apache-2.0
"""Non-maximum suppression on the rows of a YOLOv5 output, in numpy."""

import numpy as np

MAX_CANDIDATES = 30_000  # Rows that enter the suppression; as YOLOv5, bounds the time.
MAX_DETECTIONS = 300


def iou(box, boxes):
    """Intersection over union of one box (4,) with many (n, 4), all x1, y1, x2, y2."""
    overlap = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = overlap.clip(0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return shared / (areas + (box[2:] - box[:2]).prod() - shared + 1e-9)


def suppress(boxes, scores, threshold):
    """Indexes of the boxes to keep, best first: none overlaps a better one by > threshold."""
    order = np.argsort(-scores, kind="stable")
    kept = []
    while order.size and len(kept) < MAX_DETECTIONS:
        best, rest = order[0], order[1:]
        kept.append(best)
        order = rest[iou(boxes[best], boxes[rest]) <= threshold]
    return np.array(kept, dtype=int)


def detect(rows, score_threshold, iou_threshold):
    """Rows (n, 5 + classes) of centre x, y, width, height, objectness, class scores.

    Returns boxes (k, 4) as x1, y1, x2, y2, scores (k,) and classes (k,), best score first.
    Each row counts for its best class; boxes of different classes never suppress each other.
    """
    rows = np.asarray(rows, dtype=np.float32)
    rows = rows[np.isfinite(rows).all(axis=1)]
    rows = rows[rows[:, 4] >= score_threshold]  # A score is at most the objectness.
    classes = rows[:, 5:].argmax(axis=1)
    scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + classes]
    chosen = np.flatnonzero(scores >= score_threshold)
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")][:MAX_CANDIDATES]
    rows, scores, classes = rows[chosen], scores[chosen], classes[chosen]

    half = rows[:, 2:4] / 2
    boxes = np.hstack([rows[:, :2] - half, rows[:, :2] + half])
    kept = [np.empty(0, dtype=int)]
    for number in np.unique(classes):
        members = np.flatnonzero(classes == number)
        kept.append(members[suppress(boxes[members], scores[members], iou_threshold)])
    kept = np.concatenate(kept)
    kept = kept[np.argsort(-scores[kept], kind="stable")][:MAX_DETECTIONS]
    return boxes[kept], scores[kept], classes[kept]
