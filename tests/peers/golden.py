"""Golden sealed datagrams: proto/tests/sealed/*.txt, as section 17 of proto/README.md describes them.

  python3 tests/peers/golden.py check FOLDER    whether all are opened and refused as they say
  python3 tests/peers/golden.py make FOLDER     makes them anew, of the golden datagrams beside that folder
"""

import sys
from pathlib import Path

import stories
from keyed import Receiver, Refused, Sender, wire
from maker import Maker, read


def check(folder):
    files = {path.stem: read(path) for path in sorted(Path(folder).glob("*.txt"))}
    for name, fields in files.items():
        secret, session, salt = (bytes.fromhex(fields[key]) for key in ("key", "session", "salt"))
        sender = Sender(wire.Key(secret), session, salt, int(fields["suite"]))
        receiver = Receiver([sender.key], bytes.fromhex(fields["number"]), fields["subscribes"] == "yes")
        is_receiver = fields["opens"] == "receiver"

        def take(fields):
            datagram, now = bytes.fromhex(fields["datagram"]), int(fields.get("at", 0))
            return receiver.open(datagram, now) if is_receiver else sender.open(datagram)[0]

        for before in fields.get("after", "").split():
            before = files[before]
            if before["opens"] == fields["opens"]:
                take({**before, "at": 0})
            else:
                said = receiver.seal(bytes.fromhex(before["plain"]))
                assert said.hex() == before["datagram"], name
        try:
            is_so, says = take(fields).hex(), fields.get("plain")
        except Refused as refused:
            is_so, says = str(refused), fields.get("refused")
        assert is_so == says, f"{name}: {is_so}, and not {says}"
    print(f"{len(files)} golden sealed datagrams")


def make(folder):
    maker = Maker(folder)
    stories.accepted(maker, "aes", 1)
    stories.accepted(maker, "chacha", 2)
    stories.refused(maker)
    check(folder)


if __name__ == "__main__":
    command = {"check": check, "make": make}.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if not command:
        sys.exit(__doc__)
    command(*sys.argv[2:])
