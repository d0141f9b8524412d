# SPDX-License-Identifier: Apache-2.0
"""Steps for pictures, before and after a model."""

from aiges.contracts.paddle.reader._boxes import (
    BlazeFacePostprocess,
    RCNNPostprocess,
)
from aiges.contracts.paddle.reader._boxes import colours as generate_colormap
from aiges.contracts.paddle.reader._detection import (
    DetectionBGR2RGB,
    DetectionDiv,
    DetectionFile2Image,
    DetectionNormalize,
    DetectionPadStride,
    DetectionResize,
    DetectionTranspose,
)
from aiges.contracts.paddle.reader._images import (
    BGR2RGB,
    RGB2BGR,
    Base64ToImage,
    CenterCrop,
    Div,
    File2Image,
    ImageReader,
    Normalize,
    PadStride,
    Resize,
    ResizeByFactor,
    String2Image,
    Transpose,
    URL2Image,
)
from aiges.contracts.paddle.reader._ocr_boxes import (
    DBPostProcess,
    FilterBoxes,
    GetRotateCropImage,
    SortedBoxes,
)
from aiges.contracts.paddle.reader._segmentation import SegPostprocess
from aiges.contracts.paddle.reader._sequential import DetectionSequential, Lambda, Sequential

__all__ = [
    "BGR2RGB",
    "Base64ToImage",
    "BlazeFacePostprocess",
    "CenterCrop",
    "DBPostProcess",
    "DetectionBGR2RGB",
    "DetectionDiv",
    "DetectionFile2Image",
    "DetectionNormalize",
    "DetectionPadStride",
    "DetectionResize",
    "DetectionSequential",
    "DetectionTranspose",
    "Div",
    "File2Image",
    "FilterBoxes",
    "GetRotateCropImage",
    "ImageReader",
    "Lambda",
    "Normalize",
    "PadStride",
    "RCNNPostprocess",
    "RGB2BGR",
    "Resize",
    "ResizeByFactor",
    "SegPostprocess",
    "Sequential",
    "SortedBoxes",
    "String2Image",
    "Transpose",
    "URL2Image",
    "generate_colormap",
]
