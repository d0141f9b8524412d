# SPDX-License-Identifier: Apache-2.0
"""Says of each line of stdin how kind it is: python test_client.py CONFIG VOCAB < part-0."""

import sys

from paddle_serving_app.reader.imdb_reader import IMDBDataset
from paddle_serving_client import Client

client = Client()
client.load_client_config(sys.argv[1])
client.connect(["127.0.0.1:9292"])
dataset = IMDBDataset()
dataset.load_resource(sys.argv[2])

for line in sys.stdin:
    word_ids, label = dataset.get_words_and_label(line)
    fetch_map = client.predict(feed={"words": word_ids}, fetch=["prediction"], batch=False)
    print(f"{fetch_map['prediction'][0]} {label[0]}")
