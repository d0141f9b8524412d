# SPDX-License-Identifier: Apache-2.0
"""wrapperStream: input as an iterator, output as it is yielded: for shim_stream_test.cc."""


def wrapperStream(params, requests, usrTag, psrId):
    if params.get("bad"):
        raise ValueError("bad stream")
    count = 0
    for request in requests:
        for each in request:  # The function style: a tuple of dict.
            count += 1
            yield each["data"].upper()
    yield f"{count} of {usrTag} with {psrId}"
