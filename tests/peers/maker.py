"""Makes files of golden sealed datagrams."""

import struct
import zlib
from pathlib import Path

from keyed import NOBODY, UNKNOWN, Receiver, Sender, wire

SECRET, OTHER = bytes(range(16)), bytes(range(16, 32))
SESSION, OLD = bytes.fromhex("0123456789abcdef"), bytes.fromhex("0123456789abcdee")
SALT, OLD_SALT = bytes(range(0xA0, 0xB0)), bytes(range(0xB0, 0xC0))
NUMBER = bytes.fromhex("1122334455667788")
KEY = wire.Key(SECRET)
# On the sender's clock, after all golden datagrams.
LATER = struct.pack(">Q", 1_700_000_001_000_000)


def read(path):
    """The fields of a file, and what stands in its blocks."""
    fields, block = {}, None
    for line in Path(path).read_text().splitlines():
        if line.startswith("#"):
            continue
        if line.startswith(" "):
            fields[block] += line.replace(" ", "")
            continue
        block, value = line.split(":", 1)
        fields[block] = value.strip()
    return fields


class Maker:
    """Writes files into a folder."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)

    def plain(self, name, captured=None, asked=None, session=SESSION):
        """A golden datagram, with another time and session."""
        plain = bytearray(bytes.fromhex(read(self.folder.parent / "vectors" / f"{name}.txt")["datagram"]))
        if captured is not None:
            plain[28:36] = captured
        if asked is not None:
            plain[48:56] = asked
        if plain[4:12] != UNKNOWN:
            plain[4:12] = session
        plain[36:40] = struct.pack(">I", zlib.crc32(plain[:36] + plain[40:]))
        return bytes(plain)

    def write(self, name, about, datagram, opens="receiver", subscribes=False, suite=1, **more):
        fields = {"opens": opens, "key": SECRET.hex(), "session": SESSION.hex(), "salt": SALT.hex(), "suite": suite,
                  "number": NUMBER.hex(), "subscribes": "yes" if subscribes else "no"}
        for key, value in more.items():
            fields[key] = value.hex() if isinstance(value, bytes) else value
        plain = fields.pop("plain", None)
        text = "".join(f"# {line}\n" for line in about.split("\n"))
        text += "".join(f"{key}: {value}\n" for key, value in fields.items() if value not in ("", None))
        if plain is not None:
            text += f"plain:\n{lines(plain)}"
        (self.folder / f"{name}.txt").write_text(f"{text}datagram:\n{lines(datagram.hex())}")
        return datagram

    def down(self, name, about, plain, stream=1, count=1, suite=1, to=NOBODY, **more):
        """What the sender says, opened by a receiver."""
        sender = Sender(KEY, SESSION, SALT, suite)
        more["secret"] = wire.down(sender.prk, suite, SESSION, to, stream, count >> 32)
        datagram = sender.seal(plain, to, stream, count)
        more = {"to": to, "stream": stream, "count": count, **more}
        return self.write(name, about, datagram, suite=suite, subscribes=to == NUMBER, plain=plain, **more)

    def up(self, name, about, plain, count=1, suite=1, **more):
        """What the receiver says, opened by the sender."""
        receiver = Receiver([KEY], NUMBER, False)
        receiver.open(Sender(KEY, SESSION, SALT, suite).seal(self.plain("hello"), stream=1), 0)
        datagram = receiver.seal(plain, count)
        is_first = plain[4:12] == UNKNOWN
        prk = Sender(KEY, SESSION, SALT, suite).prk
        more["secret"] = wire.first(KEY, NUMBER) if is_first else wire.up(prk, suite, SESSION, NUMBER)
        plain = wire.restored(plain, plain[40:] + bytes(8)) if plain[3] == 11 else plain
        return self.write(name, about, datagram, "sender", suite=suite, plain=plain, count=count, **more)


def lines(digits):
    words = [digits[at : at + 8] for at in range(0, len(digits), 8)]
    return "".join("  " + " ".join(words[at : at + 8]) + "\n" for at in range(0, len(words), 8))


def clock(micros):
    """What the receiver's clock shows, which begins at its number."""
    return struct.pack(">Q", int.from_bytes(NUMBER, "big") + micros)
