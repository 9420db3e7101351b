"""Both ends of keyed streams, written from section 18 of proto/README.md alone: what the crate is compared with."""

import struct
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

from cryptography.exceptions import InvalidTag


def script(name):
    """A script of the repository, as a module."""
    loader = SourceFileLoader(name, str(Path(__file__).parents[2] / "scripts" / name))
    loader.exec_module(module := module_from_spec(spec_from_loader(name, loader)))
    return module


sys.dont_write_bytecode = True
wire = script("open-capture")
HELLO, REPORT, PING, PONG, SUBSCRIBE, REPLY = 3, 5, 7, 8, 11, 12
CHUNKS = 1, 2, 10
NOBODY, UNKNOWN = wire.NOBODY, wire.UNKNOWN
SILENT, PATIENCE, ALIVE, APART = 500_000, 1_000_000, 30_000_000, 2_000_000


class Refused(Exception):
    """Why a datagram is not taken in, by the name that the specification has for it."""


def check(is_so, name):
    if not is_so:
        raise Refused(name)


def micros(datagram):
    return struct.unpack_from(">Q", datagram, 28)[0]


class Window:
    """Which numbers came."""

    def __init__(self):
        self.highest, self.seen = 0, set()

    def is_new(self, number):
        return number > 0 and number not in self.seen and self.highest - number < 4096

    def note(self, number):
        self.seen.add(number)
        self.highest = max(self.highest, number)


def seal(suite, secret, counter, clear, plain):
    """Seals a datagram of version 1; `clear` is what stands before its body beside header and counter."""
    head = plain[:2] + b"\x02" + plain[3:36] + struct.pack(">Q", counter) + clear
    return head + wire.cipher(suite, secret).encrypt(wire.nonce(head), plain[40:], head)


def opened(suite, secret, datagram, body):
    try:
        return wire.cipher(suite, secret).decrypt(wire.nonce(datagram), datagram[body:], datagram[:body])
    except InvalidTag:
        raise Refused("forged") from None


class Sender:
    """One run of a sender; `secret` makes its key."""

    def __init__(self, key, session, salt, suite):
        self.key, self.session, self.suite = key, session, suite
        self.prk, self.introduction = key.session(salt), key.id + salt + bytes([suite])
        self.streams, self.counts, self.windows = 0, {}, {}

    def stream(self):
        """The number of a new stream."""
        self.streams += 1
        return self.streams

    def seal(self, plain, to=NOBODY, stream=0, count=None):
        """The sealed form of what it says in this stream, 0 for replies, to this receiver."""
        self.counts[stream] = count or self.counts.get(stream, 0) + 1
        secret = wire.down(self.prk, self.suite, self.session, to, stream, self.counts[stream] >> 32)
        clear = self.introduction if plain[3] in (HELLO, REPLY) else b""
        return seal(self.suite, secret, stream << 40 | self.counts[stream], clear, plain)

    def open(self, datagram):
        """What a receiver says, and its number."""
        check(datagram[:3] == b"Ck\x02", "unkeyed")
        check(len(datagram) >= 76 and datagram[3] in wire.FROM_RECEIVER, "malformed")
        check(datagram[3] != SUBSCRIBE or len(datagram) >= 94, "malformed")
        number, session = datagram[52:60], datagram[4:12]
        (count,) = struct.unpack_from(">Q", datagram, 36)
        check(number != NOBODY, "malformed")
        check(datagram[44:52] == self.key.id, "wrong_key")
        is_first = datagram[3] == SUBSCRIBE and session == UNKNOWN
        check(is_first or session == self.session, "early")
        window = self.windows.get(number, Window())
        check(window.is_new(count), "replayed")
        if is_first:
            plain = opened(2, wire.first(self.key, number), datagram, 60)
        else:
            plain = opened(self.suite, wire.up(self.prk, self.suite, session, number), datagram, 60)
        window.note(count)
        self.windows[number] = window
        return wire.restored(datagram, plain), number


class Session:
    """What a receiver knows of a sender's session."""

    def __init__(self, key, session, introduction, now):
        self.id, self.introduction, self.suite = session, introduction, introduction[24]
        self.key, self.prk = key, key.session(introduction[8:24])
        self.begun = self.heard = now
        self.followed, self.asked = {False: None, True: None}, []
        self.alive, self.invites, self.name, self.said = None, True, None, 0

    def is_alive(self, now):
        return self.alive is not None and now - self.alive < ALIVE

    def is_trusted(self, now):
        return self.alive is not None or not self.invites or now - self.begun >= PATIENCE

    def succeeds(self, other):
        is_named = self.name is not None and self.name == other.name
        return self.id != other.id and is_named and self.said - other.said > APART


class Receiver:
    """A receiver with these keys, at one socket; times are in microseconds."""

    def __init__(self, keys, number, subscribes):
        self.keys, self.number, self.subscribes, self.turns = keys, number, subscribes, [keys[0]]
        self.count, self.sessions = 0, []

    def seal(self, plain, count=None):
        """The sealed form of what it says; its clock begins at its number."""
        self.count = count or self.count + 1
        known = self.newest(plain[4:12])
        if known and plain[3] in (PING, REPORT):
            known.asked = known.asked[-31:] + [plain[28:36]]
        if plain[3] == SUBSCRIBE:
            plain += bytes(8)
        if plain[4:12] == UNKNOWN:
            key, suite = self.turns[0], 2
            self.turns, secret = self.turns[1:] + self.turns[:1], wire.first(key, self.number)
        else:
            key, suite = known.key, known.suite
            secret = wire.up(known.prk, suite, known.id, self.number)
        return seal(suite, secret, self.count, key.id + self.number, plain)

    def newest(self, session):
        return max((s for s in self.sessions if s.id == session), key=lambda s: s.heard, default=None)

    def open(self, datagram, now):
        """What a sender says."""
        if datagram[:3] != b"Ck\x02":
            self.locked(datagram)
        check(len(datagram) >= 12 and datagram[3] in wire.FROM_SENDER, "malformed")
        check(datagram[4:12] not in (NOBODY, UNKNOWN), "malformed")
        known = self.introduced(datagram, now) if datagram[3] in (HELLO, REPLY) else self.newest(datagram[4:12])
        check(known, "early")
        plain = self.of_session(known, datagram, now)
        known.heard = now
        self.judge(known, datagram[3], now)
        if known not in self.sessions:
            self.sessions.append(known)
        if datagram[3] == REPLY:
            self.turns = [known.key]
        return plain

    def judge(self, known, kind, now):
        successors = [other for other in self.sessions if other.succeeds(known)]
        if kind in (HELLO, PONG, REPLY):
            is_fine = not any(now - other.heard < SILENT for other in successors)
        else:
            is_fine = not successors and known.is_trusted(now)
        check(known.is_alive(now) or is_fine, "unproven")

    def introduced(self, datagram, now):
        check(len(datagram) >= 69, "malformed")
        introduction = datagram[44:69]
        for known in self.sessions:
            if known.id == datagram[4:12] and known.introduction == introduction:
                return known
        key = next((key for key in self.keys if key.id == introduction[:8]), None)
        check(key, "wrong_key")
        check(introduction[24] in (1, 2), "malformed")
        return Session(key, datagram[4:12], introduction, now)

    def of_session(self, known, datagram, now):
        body = wire.body_of(datagram)
        check(body and len(datagram) >= body + 16, "malformed")
        (stream, count), is_reply = wire.split(datagram), datagram[3] == REPLY
        check(is_reply == (stream == 0), "malformed")
        followed, epoch = known.followed[is_reply], count >> 32
        goes_on = followed is not None and followed["stream"] == stream
        if goes_on:
            check(followed["window"].is_new(count) and epoch >= followed["epoch"], "replayed")
        to = self.number if self.subscribes or is_reply else NOBODY
        has_to_answer = False
        if followed and not goes_on:
            is_next = now - followed["heard"] >= SILENT or to != NOBODY and stream > followed["stream"]
            check(datagram[3] == PONG or datagram[3] == HELLO and is_next, "replayed")
            check(micros(datagram) > known.said, "replayed")
            has_to_answer = not is_next
        secret = wire.down(known.prk, known.suite, known.id, to, stream, epoch)
        plain = opened(known.suite, secret, datagram, body)
        answers = datagram[3] == PONG and plain[8:16] in known.asked
        check(not has_to_answer or answers, "replayed")
        window = followed["window"] if goes_on else Window()
        window.note(count)
        known.followed[is_reply] = {"stream": stream, "epoch": epoch, "window": window, "heard": now}
        if answers:
            known.asked.remove(plain[8:16])
        if answers or is_reply or to != NOBODY and known.alive is None:
            known.alive = now
        if datagram[3] not in CHUNKS:
            known.said = max(known.said, micros(datagram))
        if datagram[3] == HELLO:
            length = plain[1]
            known.name, known.invites = plain[2 : 2 + length], len(plain) >= 7 + length
        return wire.restored(datagram, plain)

    def locked(self, datagram):
        """Never returns: what is not sealed counts for nothing, but for the key that it may name."""
        if len(datagram) >= 49 and datagram[:4] == b"Ck\x01\x0c" and datagram[48] == 2:
            named = next((key for key in self.keys if key.id == datagram[40:48]), None)
            check(named, "wrong_key")
            if named not in self.turns:
                self.turns.insert(0, named)
            raise Refused("early")
        raise Refused("unkeyed")
