# SPDX-License-Identifier: Apache-2.0
"""What holds of every board of Grafana."""


def check_panels(board):
    """Each panel has a place of its own within the width, and a number of its own."""
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, panel["title"]
                taken.add((x, y))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
