# SPDX-License-Identifier: Apache-2.0
"""Steps for PP-TSN: frames of a video, chosen, scaled, cropped, and as numbers.

Each takes and returns a dict: "filename", then "frames" and "frames_len", then "imgs".
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from aiges.contracts.paddle.reader import _needs
from aiges.contracts.paddle.reader._frames import frames_of

__all__ = [
    "CenterCrop",
    "Image2Array",
    "Normalization",
    "Sampler",
    "Scale",
    "TenCrop",
    "VideoDecoder",
]


class VideoDecoder:
    """All frames of a file, RGB; only OpenCV is there to read them."""

    def __init__(
        self,
        backend: str = "cv2",
        mode: str = "train",
        sampling_rate: int = 32,
        num_seg: int = 8,
        num_clips: int = 1,
        target_fps: int = 30,
    ) -> None:
        if backend != "cv2":
            raise ValueError(f"VideoDecoder reads with backend cv2, not {backend!r}")
        self.backend, self.mode, self.sampling_rate = backend, mode, sampling_rate
        self.num_seg, self.num_clips, self.target_fps = num_seg, num_clips, target_fps

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add frames (views of (h, w, 3), uint8), frames_len, format and backend.

        Raises FileNotFoundError for a file that is not there, ValueError for one without frames.
        """
        path = results["filename"]
        if not os.path.exists(path):
            raise FileNotFoundError(f"{path} is not there")
        capture = _needs.cv2().VideoCapture(path)
        frames = []
        try:
            while True:
                more, frame = capture.read()
                if not more:
                    break
                frames.append(frame[:, :, ::-1])
        finally:
            capture.release()
        if not frames:
            raise ValueError(f"{path} has no frames that OpenCV reads")
        results.update(format="video", backend=self.backend)
        results.update(frames=frames, frames_len=len(frames))
        return results


class Sampler:
    """Some of the frames: ``seg_len`` of each of ``num_seg`` parts of the video.

    ``valid_mode``: the same ones each time, else by chance. ``use_pil``: as pictures of Pillow,
    else as arrays. The other switches choose as PaddleVideo does: ``frame_interval`` goes before
    ``linspace_sample``, ``select_left`` and ``dense_sample``.
    """

    def __init__(
        self,
        num_seg: int,
        seg_len: int,
        frame_interval: Any = None,
        valid_mode: bool = False,
        select_left: bool = False,
        dense_sample: bool = False,
        linspace_sample: bool = False,
        use_pil: bool = True,
    ) -> None:
        self.num_seg, self.seg_len, self.frame_interval = num_seg, seg_len, frame_interval
        self.valid_mode, self.select_left = valid_mode, select_left
        self.dense_sample, self.linspace_sample = dense_sample, linspace_sample
        self.use_pil = use_pil

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add imgs, a list. Raises IndexError where ``dense_sample`` meets the video's end."""
        frames = results["frames"]
        chosen = [np.asarray(frames[at]) for at in frames_of(self, int(results["frames_len"]))]
        if self.use_pil:
            image = _needs.pillow()
            chosen = [image.fromarray(np.ascontiguousarray(frame)) for frame in chosen]
        results["imgs"] = chosen
        return results


class Scale:
    """Pictures to a short side of that many pixels.

    ``fixed_ratio``: the other side is 4/3 of it. ``keep_ratio``: as the picture has it, with
    ``do_round``; without, each side by the ratio of both, which makes the short one shorter.
    Neither: a square. ``backend``: pillow or cv2, both bilinear.
    """

    def __init__(
        self,
        short_size: int,
        fixed_ratio: bool = True,
        keep_ratio: Any = None,
        do_round: bool = False,
        backend: str = "pillow",
    ) -> None:
        if fixed_ratio and keep_ratio:
            raise ValueError("Scale: either fixed_ratio or keep_ratio")
        if backend not in ("pillow", "cv2"):
            raise ValueError(f"Scale: backend is pillow or cv2, not {backend!r}")
        self.short_size, self.fixed_ratio, self.keep_ratio = short_size, fixed_ratio, keep_ratio
        self.do_round, self.backend = do_round, backend

    def _size(self, width: int, height: int) -> tuple[int, int]:
        short = self.short_size
        if self.fixed_ratio:
            long = int(short * 4.0 / 3.0)
            return (short, long) if width <= height else (long, short)
        if not self.keep_ratio:
            return short, short
        if not self.do_round:
            return int(short * width / height), int(short * height / width)
        if width <= height:
            return short, int(short * height / width + 0.5)
        return int(short * width / height + 0.5), short

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace imgs by pictures of Pillow, RGB."""
        image, scaled = _needs.pillow(), []
        for img in results["imgs"]:
            if isinstance(img, np.ndarray):
                img = image.fromarray(np.ascontiguousarray(img))
            size = self._size(*img.size)
            if self.backend == "pillow":
                scaled.append(img.resize(size, image.BILINEAR))
                continue
            cv2 = _needs.cv2()
            made = cv2.resize(np.asarray(img), size, interpolation=cv2.INTER_LINEAR)
            scaled.append(image.fromarray(made))
        results["imgs"] = scaled
        return results


class CenterCrop:
    """A square from the middle of each picture."""

    def __init__(self, target_size: int, do_round: bool = True, backend: str = "pillow") -> None:
        self.target_size, self.do_round, self.backend = target_size, do_round, backend

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace imgs. Raises ValueError for a picture that is smaller."""
        results["imgs"] = [self._crop(img) for img in results["imgs"]]
        return results

    def _crop(self, img: Any) -> Any:
        is_array, size = isinstance(img, np.ndarray), self.target_size
        width, height = img.shape[1::-1] if is_array else img.size
        if width < size or height < size:
            raise ValueError(f"CenterCrop: {size} pixels of a picture of {width} x {height}")
        left, top = (
            int(round(spare / 2.0)) if self.do_round else spare // 2
            for spare in (width - size, height - size)
        )
        if is_array:
            return img[top : top + size, left : left + size]
        return img.crop((left, top, left + size, top + size))


class TenCrop:
    """Ten squares of each picture: of its corners and its middle, and those seen in a mirror."""

    def __init__(self, target_size: Any) -> None:
        both = isinstance(target_size, (tuple, list))
        self.target_size = tuple(target_size) if both else (target_size, target_size)

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace imgs, pictures of Pillow of one size, by ten times as many.

        First all from the top left, then their mirrored ones, and so on for the other places.
        """
        image, width, height = _needs.pillow("ImageOps"), *self.target_size
        if not results["imgs"]:
            return results
        first, crops = results["imgs"][0], []
        right, below = (first.size[0] - width) // 4, (first.size[1] - height) // 4
        for x, y in ((0, 0), (4, 0), (0, 4), (4, 4), (2, 2)):
            box = (x * right, y * below, x * right + width, y * below + height)
            parts = [img.crop(box) for img in results["imgs"]]
            crops += parts + [image.mirror(part) for part in parts]
        results["imgs"] = crops
        return results


class Image2Array:
    """Pictures as one array of float32: (t, c, h, w), (c, t, h, w), or channels last."""

    def __init__(self, transpose: bool = True, data_format: str = "tchw") -> None:
        if data_format not in ("tchw", "cthw"):
            raise ValueError(f"Image2Array: data_format is tchw or cthw, not {data_format!r}")
        self.transpose, self.data_format = transpose, data_format

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace imgs by the array; numbers are 0 .. 255 still."""
        together = np.stack([np.asarray(img) for img in results["imgs"]]).astype("float32")
        if self.transpose:
            order = (0, 3, 1, 2) if self.data_format == "tchw" else (3, 0, 1, 2)
            together = together.transpose(order)
        results["imgs"] = together
        return results


class Normalization:
    """(x / 255 - mean) / std. ``tensor_shape``: how mean and std lie beside the array."""

    def __init__(
        self, mean: Any, std: Any, tensor_shape: Any = (3, 1, 1), inplace: bool = False
    ) -> None:
        if not isinstance(mean, (list, tuple, np.ndarray)):
            raise TypeError("Normalization: mean is a list, one number for each channel")
        shape = tuple(tensor_shape)
        self.inplace = inplace
        self.mean = np.array(mean).reshape(shape).astype(np.float32)
        self.std = np.array(std).reshape(shape).astype(np.float32)

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace imgs, an array of float32; ``inplace``: its numbers."""
        imgs = results["imgs"]
        out = imgs if self.inplace else np.empty(imgs.shape, dtype=np.float32)
        np.divide(imgs, np.float32(255.0), out=out)
        np.subtract(out, self.mean, out=out)
        results["imgs"] = np.divide(out, self.std, out=out)
        return results
