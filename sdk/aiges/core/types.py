# SPDX-License-Identifier: Apache-2.0
"""Numbers of the plugin ABI (``include/aiges/type.h``): data types and statuses."""

STRING = 0
AUDIO = 1
IMAGE = 2
VIDEO = 3

DataText = STRING
DataAudio = AUDIO
DataImage = IMAGE
DataVideo = VIDEO

DataBegin = 0
DataContinue = 1
DataEnd = 2
DataOnce = 3
Once = DataOnce

Types = {STRING: "text", AUDIO: "audio", IMAGE: "image", VIDEO: "video"}
Status = {DataBegin: "begin", DataContinue: "continue", DataEnd: "end", DataOnce: "once"}

THREAD_MODE = "thread"
PROCESS_MODE = "process"

__all__ = [
    "AUDIO",
    "IMAGE",
    "PROCESS_MODE",
    "STRING",
    "THREAD_MODE",
    "VIDEO",
    "DataAudio",
    "DataBegin",
    "DataContinue",
    "DataEnd",
    "DataImage",
    "DataOnce",
    "DataText",
    "DataVideo",
    "Once",
    "Status",
    "Types",
]
