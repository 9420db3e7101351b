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
NOBODY, UNKNOWN = wire.NOBODY, wire.UNKNOWN
SILENT, PATIENCE = 500_000, 1_000_000


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
        self.followed = {False: None, True: None}
        self.is_confirmed, self.is_old, self.invites, self.name, self.said = False, False, True, None, 0

    def is_trusted(self, now):
        return self.is_confirmed or not self.is_old and (not self.invites or now - self.begun >= PATIENCE)


class Receiver:
    """A receiver with these keys, at one socket; times are in microseconds."""

    def __init__(self, keys, number, subscribes):
        self.keys, self.number, self.subscribes, self.subscribes_with = keys, number, subscribes, keys[0]
        self.count, self.sessions, self.awaited = 0, [], []

    def seal(self, plain, count=None):
        """The sealed form of what it says; its clock begins at its number."""
        self.count = count or self.count + 1
        known = self.newest(plain[4:12])
        if plain[3] in (PING, REPORT):
            self.awaited = self.awaited[-63:] + [(plain[4:12], plain[28:36])]
        if plain[3] == SUBSCRIBE:
            plain += bytes(8)
        if plain[4:12] == UNKNOWN:
            key, suite, secret = self.subscribes_with, 2, wire.first(self.subscribes_with, self.number)
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
        if known not in self.sessions:
            self.sessions.append(known)
        known.heard = now
        if datagram[3] == HELLO:
            self.hello(known, plain)
        if datagram[3] == PONG and self.answers(known, plain[40:]):
            known.is_confirmed = True
        check(datagram[3] in (HELLO, PONG, REPLY) or known.is_trusted(now), "unproven")
        return plain

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
        has_to_answer = followed is not None and not goes_on and now - followed["heard"] < SILENT
        check(not has_to_answer or datagram[3] == PONG, "replayed")
        to = self.number if self.subscribes or is_reply else NOBODY
        secret = wire.down(known.prk, known.suite, known.id, to, stream, epoch)
        plain = opened(known.suite, secret, datagram, body)
        check(not has_to_answer or self.answers(known, plain), "replayed")
        window = followed["window"] if goes_on else Window()
        window.note(count)
        known.followed[is_reply] = {"stream": stream, "epoch": epoch, "window": window, "heard": now}
        return wire.restored(datagram, plain)

    def answers(self, known, pong):
        return (known.id, pong[8:16]) in self.awaited

    def hello(self, known, plain):
        known.said, length = micros(plain), plain[41]
        known.name, known.invites = plain[42 : 42 + length], len(plain) >= 47 + length
        others = [s for s in self.sessions if s.id != known.id and s.name == known.name]
        known.is_old = any(other.said >= known.said for other in others)

    def locked(self, datagram):
        """Never returns: what is not sealed counts for nothing, but for the key that it may name."""
        if len(datagram) >= 49 and datagram[:4] == b"Ck\x01\x0c" and datagram[48] == 2:
            named = next((key for key in self.keys if key.id == datagram[40:48]), None)
            check(named, "wrong_key")
            self.subscribes_with = named
        raise Refused("unkeyed")
