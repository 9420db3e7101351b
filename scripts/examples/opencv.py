#!/usr/bin/env python3
"""Looks for motion in the pictures of a receiver, with OpenCV (Debian: python3-opencv).

    receiver --output - | python3 scripts/examples/opencv.py

Only the newest picture is looked at: if looking takes longer than a frame, frames are passed over.
"""

import sys

import cv2
import numpy


# What is kept of bytes that are no picture, or of one that does not end.
MOST = 32 << 20


def end_of_jpeg(data):
    """Where the JPEG at the beginning of these bytes ends: None if it is not all there yet, 0 if this is none."""
    at = 2
    while True:
        while data[at : at + 2] == b"\xff\xff":  # fill bytes before a marker
            at += 1
        if at + 4 > len(data):
            return None
        if data[at] != 0xFF:
            return 0
        marker = data[at + 1]
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:  # markers that stand alone
            at += 2
            continue
        if marker == 0xD8 or marker == 0xD9:
            return 0
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:  # behind the header of the scan, an end marker is the picture's own
            end = data.find(b"\xff\xd9", at)
            return end + 2 if end >= 0 else None


def pictures(pipe):
    """The newest picture, again and again, as BGR."""
    data = b""
    while part := pipe.read1(1 << 20):
        data += part
        newest = None
        while (start := data.find(b"\xff\xd8")) >= 0:
            data = data[start:]
            end = end_of_jpeg(data)
            if end is None:
                break
            if end:
                newest, data = data[:end], data[end:]
            else:
                data = data[2:]
        if start < 0:
            data = data[-1:]
        elif len(data) > MOST:
            data = data[2:]
        if newest:
            picture = cv2.imdecode(numpy.frombuffer(newest, numpy.uint8), cv2.IMREAD_COLOR)
            if picture is not None:
                yield picture


before = None
for number, picture in enumerate(pictures(sys.stdin.buffer)):
    small = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (9, 9), 0)
    if before is None or before.shape != small.shape:
        before = small  # there is nothing to compare it with
    moved = numpy.count_nonzero(cv2.absdiff(before, small) > 12) / small.size
    height, width = small.shape
    print(f"picture {number}, {width}x{height}: {100 * moved:.1f} % moved", flush=True)
    before = small
