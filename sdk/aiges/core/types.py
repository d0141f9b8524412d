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

Types = {"text": STRING, "audio": AUDIO, "image": IMAGE, "video": VIDEO}
Status = {"begin": DataBegin, "continue": DataContinue, "end": DataEnd, "once": DataOnce}

THREAD_MODE = "thread"
PROCESS_MODE = "process"
