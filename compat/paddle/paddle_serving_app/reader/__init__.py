# SPDX-License-Identifier: Apache-2.0
"""Everything that prepares inputs and reads outputs, by the names of Paddle Serving."""

from paddle_serving_app.reader.chinese_bert_reader import (
    ChineseBertReader,
)
from paddle_serving_app.reader.image_reader import (
    BGR2RGB,
    RGB2BGR,
    Base64ToImage,
    BlazeFacePostprocess,
    CenterCrop,
    DBPostProcess,
    DetectionBGR2RGB,
    DetectionDiv,
    DetectionFile2Image,
    DetectionNormalize,
    DetectionPadStride,
    DetectionResize,
    DetectionSequential,
    DetectionTranspose,
    Div,
    File2Image,
    FilterBoxes,
    GetRotateCropImage,
    ImageReader,
    Normalize,
    PadStride,
    RCNNPostprocess,
    Resize,
    ResizeByFactor,
    SegPostprocess,
    Sequential,
    SortedBoxes,
    String2Image,
    Transpose,
    URL2Image,
)
from paddle_serving_app.reader.imdb_reader import (
    IMDBDataset,
)
from paddle_serving_app.reader.lac_reader import (
    LACReader,
)
from paddle_serving_app.reader.ocr_reader import (
    OCRReader,
)
from paddle_serving_app.reader.pptsn_reader import (
    Image2Array,
    Normalization,
    Sampler,
    Scale,
    TenCrop,
    VideoDecoder,
)
from paddle_serving_app.reader.senta_reader import (
    SentaReader,
)

__all__ = [
    "BGR2RGB",
    "Base64ToImage",
    "BlazeFacePostprocess",
    "CenterCrop",
    "ChineseBertReader",
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
    "IMDBDataset",
    "Image2Array",
    "ImageReader",
    "LACReader",
    "Normalization",
    "Normalize",
    "OCRReader",
    "PadStride",
    "RCNNPostprocess",
    "RGB2BGR",
    "Resize",
    "ResizeByFactor",
    "Sampler",
    "Scale",
    "SegPostprocess",
    "SentaReader",
    "Sequential",
    "SortedBoxes",
    "String2Image",
    "TenCrop",
    "Transpose",
    "URL2Image",
    "VideoDecoder",
]
