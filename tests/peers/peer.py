"""A peer of keyed streams.

  python3 tests/peers/peer.py read KEYFILE CAPTURE    the SHA-256 of each JPEG of a captured keyed stream, in order
  python3 tests/peers/peer.py send SECRET SESSION SALT SUITE JPEG
      a sender: writes a hello in hexadecimal; reads what a receiver says, a line each, and answers it; then sends the
      JPEG
"""

import hashlib
import struct
import sys
from pathlib import Path

from keyed import HELLO, PING, PONG, REPLY, SUBSCRIBE, Sender, wire


def read(key_file, capture):
    opener = wire.Opener(wire.keys_of(key_file))
    packets = [wire.payload(wire.ip_of(link, data)) for _, _, link, data in wire.packets(capture)]
    datagrams = [datagram for packet in packets for datagram in wire.segments(packet)]
    for datagram in datagrams:
        opener.learn(datagram)
    frames = {}
    for plain in filter(None, map(opener.open, datagrams)):
        if plain[3] in (1, 10):
            frame, index, chunks, length = struct.unpack_from(">I2xHH2xI", plain, 12)
            size = -(-length // chunks) + 1 & ~1
            parts = frames.setdefault(frame, [None] * chunks)
            parts[index] = plain[40 : 40 + min(size, length - index * size)]
    for _, parts in sorted(frames.items()):
        if None not in parts:
            print(hashlib.sha256(b"".join(parts)).hexdigest())


def header(kind, session, length, captured, index=0, chunks=0):
    head = b"Ck\x01" + bytes([kind]) + session + struct.pack(">I", 5)
    return head + struct.pack(">BBHHHIQ", 0, chunks > 0, index, chunks, 0, length, captured) + bytes(4)


def send(secret, session, salt, suite, jpeg):
    session, jpeg = bytes.fromhex(session), Path(jpeg).read_bytes()
    sender = Sender(wire.Key(bytes.fromhex(secret)), session, bytes.fromhex(salt), int(suite))
    stream, now = sender.stream(), 1_700_000_000_000_000

    def say(plain, **how):
        print(sender.seal(plain, **how).hex(), flush=True)

    say(header(HELLO, session, 11, now) + b"\x00\x04door\x03\x00\x01\x00\xfa", stream=stream)
    for line in sys.stdin:
        plain, number = sender.open(bytes.fromhex(line))
        if plain[3] == SUBSCRIBE:
            say(header(REPLY, session, 9, now) + b"thetoken\x00", to=number)
        if plain[3] == PING:
            say(header(PONG, session, 24, now) + b"thetoken" + plain[28:36] + struct.pack(">Q", now), stream=stream)
    size = 1400
    chunks = -(-len(jpeg) // size)
    size = -(-len(jpeg) // chunks) + 1 & ~1
    for index in range(chunks):
        head = header(1, session, len(jpeg), now, index, chunks)
        say(head + jpeg[index * size : (index + 1) * size], stream=stream)


if __name__ == "__main__":
    command = {"read": read, "send": send}.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if not command:
        sys.exit(__doc__)
    command(*sys.argv[2:])
