# SPDX-License-Identifier: Apache-2.0
"""What the text is: pictures for a recognizer of PaddleOCR, and its output as text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from aiges.contracts.paddle.reader import _needs

__all__ = ["OCRReader", "Score"]

_ENGLISH = "0123456789abcdefghijklmnopqrstuvwxyz"
_SENSITIVE = _ENGLISH + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


class Score(np.float32):
    """A float32 that is shown as a number: services answer with the text of their results.

    NumPy 2 shows np.float32(0.9) for what was 0.9.
    """

    def __repr__(self) -> str:
        return str(self)


def _mean(probabilities: Any) -> Any:
    """Return the mean of float32; nan of nothing, without a warning."""
    return Score(np.mean(probabilities)) if len(probabilities) else float("nan")


def _characters(character_type: str, path: str) -> list[str]:
    if character_type == "en":
        return list(_ENGLISH)
    if character_type == "en_sensitive":
        return list(_SENSITIVE)
    if character_type != "ch":
        raise ValueError(f"char_type is ch, en or en_sensitive, not {character_type!r}")
    try:
        with open(path, "rb") as file:
            lines = [line.decode("utf-8").strip("\n").strip("\r\n") for line in file]
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} is not there: the characters of the recognizer, one in a line"
            " (ppocr_keys_v1.txt of PaddleOCR); say where it is by char_dict_path"
        ) from error
    return list("".join(lines))


class CharacterOps:
    """Characters and their numbers, as a recognizer without a blank has them."""

    def __init__(self, characters: list[str]) -> None:
        self.character = characters
        self.dict = {character: number for number, character in enumerate(characters)}

    def encode(self, text: str) -> Any:
        """Return the numbers of those characters that there are."""
        return np.array([self.dict[each] for each in text if each in self.dict])

    def decode(self, text_index: Any, is_remove_duplicate: bool = False) -> str:
        """Return the text; the number after the last one is no character."""
        taken: list[int] = []
        for at, number in enumerate(map(int, text_index)):
            if number == self.get_char_num():
                continue
            if is_remove_duplicate and at > 0 and text_index[at - 1] == number:
                continue
            taken.append(number)
        return "".join(self.character[number] for number in taken)

    def get_char_num(self) -> int:
        """Return how many characters there are."""
        return len(self.character)


class OCRReader:
    """For CRNN recognizers. ``char_dict_path``: a file of characters, for ``char_type`` ch."""

    def __init__(
        self,
        algorithm: str = "CRNN",
        image_shape: Any = (3, 32, 320),
        char_type: str = "ch",
        batch_num: int = 1,
        char_dict_path: str = "./ppocr_keys_v1.txt",
    ) -> None:
        self.algorithm = algorithm
        self.rec_image_shape = list(image_shape)
        self.character_type, self.rec_batch_num = char_type, batch_num
        characters = _characters(char_type, char_dict_path)
        self.char_ops = CharacterOps(characters)
        space = [" "] if char_type == "ch" else []
        self._with_blank = ["blank", *characters, *space]

    def resize_norm_img(self, img: Any, max_wh_ratio: float) -> Any:
        """Return (3, 32, width) of float32 in -1 .. 1, zeros at the right of a narrow picture.

        ``max_wh_ratio``: width / height of the widest picture that goes with this one.
        """
        channels, height, width = self.rec_image_shape
        if self.character_type == "ch":
            width = int(32 * max_wh_ratio)
        ratio = img.shape[1] / float(img.shape[0])
        resized_width = min(int(math.ceil(height * ratio)), width)
        resized = _needs.cv2().resize(img, (resized_width, height)).astype("float32")
        resized = resized.transpose((2, 0, 1)) / 255
        resized -= 0.5
        resized /= 0.5
        padded = np.zeros((channels, height, width), dtype=np.float32)
        padded[:, :, :resized_width] = resized
        return padded

    def preprocess(self, img_list: Any) -> Any:
        """Return the first picture, made ready as wide as the widest one needs: (3, 32, width)."""
        if not len(img_list):
            raise ValueError("OCRReader.preprocess: no picture")
        widest = max(img.shape[1] * 1.0 / img.shape[0] for img in img_list)
        return self.resize_norm_img(img_list[0], max(widest, 0.0))

    def postprocess(self, outputs: dict[str, Any], with_score: bool = False) -> list[list[Any]]:
        """Return [text] for each picture, or [text, score].

        ``outputs``: ``ctc_greedy_decoder_0.tmp_0`` and its ``.lod``, for scores ``softmax_0.tmp_0``
        and its, too; the score is nan where every step was blank.
        """
        numbers = np.asarray(outputs["ctc_greedy_decoder_0.tmp_0"])
        lod = outputs["ctc_greedy_decoder_0.tmp_0.lod"]
        found: list[list[Any]] = []
        for begin, end in zip(lod[:-1], lod[1:]):
            found.append([self.char_ops.decode(numbers[begin:end, 0])])
        if with_score:
            steps = np.asarray(outputs["softmax_0.tmp_0"])
            lod = outputs["softmax_0.tmp_0.lod"]
            for one, (begin, end) in zip(found, zip(lod[:-1], lod[1:])):
                probabilities = steps[begin:end, :]
                valid = np.argmax(probabilities, axis=1) != probabilities.shape[1] - 1
                one.append(_mean(np.max(probabilities, axis=1)[valid]))
        return found

    def postprocess_ocrv2(
        self, outputs: dict[str, Any], with_score: bool = False
    ) -> list[tuple[str, Any]]:
        """Return (text, score) for each picture of ``save_infer_model/scale_0.tmp_1`` (n, t, c)."""
        steps = np.asarray(outputs["save_infer_model/scale_0.tmp_1"])
        numbers, probabilities = steps.argmax(axis=2), steps.max(axis=2)
        found = []
        for row, scores in zip(numbers, probabilities):
            kept = np.ones(len(row), dtype=bool)
            kept[1:] = row[1:] != row[:-1]
            kept &= row != 0
            text = "".join(self._with_blank[number] for number in row[kept])
            found.append((text, _mean(scores[kept])))
        return found
