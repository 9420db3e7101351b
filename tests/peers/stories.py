"""What the golden sealed datagrams are, and what each of them shows."""

from keyed import NOBODY, Sender, seal, wire
from maker import KEY, LATER, NUMBER, OLD, OLD_SALT, OTHER, SALT, SESSION, clock


def accepted(maker, name, suite):
    """Each kind each way, sealed with this suite."""
    what = {"suite": suite}
    hello, invites = f"{name}-hello", f"{name}-hello-invites"
    plain = maker.plain
    maker.down(hello, "A sender that takes no feedback says hello to all who have its key: the first of stream 1.",
               plain("hello"), **what)
    for count, (kind, golden) in enumerate({"data": "data-first", "again": "data-again", "parity": "parity-xor",
                                            "goodbye": "goodbye"}.items(), 2):
        maker.down(f"{name}-{kind}", f"The golden datagram {golden}, sealed.", plain(golden), count=count, after=hello,
                   **what)
    maker.down(invites, "A sender to a group, which takes feedback.", plain("hello-invites"), **what)
    maker.up(f"{name}-ping", "The first of a receiver, whose clock shows its number and 12345678 microseconds.",
             plain("ping", clock(12345678)), **what)
    maker.down(f"{name}-pong", "It answers the ping: the session is confirmed.", plain("pong", asked=clock(12345678)),
               count=2, after=f"{invites} {name}-ping", **what)
    maker.down(f"{name}-data-confirmed", "After the pong, a chunk is taken in.", plain("data-first"), count=3,
               after=f"{invites} {name}-ping {name}-pong", **what)
    maker.down(f"{name}-gone", "The frame is not kept any more.", plain("gone"), count=4,
               after=f"{invites} {name}-ping {name}-pong", **what)
    for count, kind in enumerate(("report", "resend"), 2):
        maker.up(f"{name}-{kind}", f"The golden datagram {kind}, sealed.", plain(kind, clock(12345679)), count=count,
                 **what)
    maker.up(f"{name}-subscribe", "Of a subscriber that knows the session. Behind the body are eight zeros.",
             plain("subscribe", clock(12345680)), count=4, **what)
    maker.down(f"{name}-reply", "To a subscriber: the first of all replies. It introduces the session.",
               plain("subscribe-reply"), stream=0, to=NUMBER, **what)
    maker.down(f"{name}-hello-served", "To a subscriber: the first of stream 2, which is for it alone.",
               plain("hello"), stream=2, to=NUMBER, **what)
    maker.down(f"{name}-data-served", "A chunk in that stream.", plain("data-first"), stream=2, count=2, to=NUMBER,
               after=f"{name}-hello-served", **what)


def refused(maker):
    first_request(maker)
    streams(maker)
    of_a_sender(maker)
    of_a_receiver(maker)


def first_request(maker):
    maker.up("first-subscribe", "A receiver that does not know the session: suite 2, whatever the sender's is.",
             maker.plain("subscribe-first", clock(0)))
    later = maker.plain("subscribe-first", clock(1))
    maker.up("first-subscribe-later", "The same receiver, later: it counts on.", later, count=5, after="aes-resend")


def streams(maker):
    plain, hello = maker.plain("data-first"), "aes-hello"
    maker.down("epoch", "The first of epoch 1, which has another secret.", plain, count=1 << 32, after=hello)
    maker.down("epoch-far", "The receiver has heard nothing for two epochs.", plain, count=3 << 32 | 7, after=hello)
    maker.down("refused-epoch-before", "After the first of epoch 1, the last of epoch 0.", plain, count=(1 << 32) - 1,
               after=f"{hello} epoch", refused="replayed")
    maker.down("window-far", "4096 counts after the hello.", plain, count=4097, after=hello)
    maker.down("window", "The earliest that may still come.", plain, count=2, after=f"{hello} window-far")
    maker.down("window-farther", "One count further.", plain, count=4098, after=hello)
    maker.down("refused-window", "Too early to tell.", plain, count=2, after=f"{hello} window-farther",
               refused="replayed")
    maker.down("refused-count", "Counts begin with 1.", plain, stream=1, count=0, after=hello, refused="replayed")
    maker.down("refused-replayed", "It came before.", plain, count=2, after=f"{hello} aes-data", refused="replayed")
    later = maker.plain("hello", LATER)
    maker.down("stream-other", "Another stream to all begins, when nothing of the first came for 500 ms.", later, stream=3,
               after=hello, at=500_000)
    maker.down("refused-stream", "1 ms sooner.", later, stream=3, after=hello, at=499_000, refused="replayed")
    maker.down("refused-stream-earlier", "It was said no later than what was heard of the first.", maker.plain("hello"),
               stream=3, after=hello, at=500_000, refused="replayed")
    maker.down("refused-stream-data", "A chunk begins no other stream.", plain, stream=3, after=hello, at=500_000,
               refused="replayed")
    maker.down("stream-next", "A later stream to this subscriber goes on at once.", later, stream=3, to=NUMBER,
               after="aes-hello-served")
    maker.down("refused-stream-before", "An earlier one does not.", later, stream=1, to=NUMBER, after="aes-hello-served",
               refused="replayed")
    pong = maker.plain("pong", LATER, clock(12345678))
    before = "aes-hello-invites aes-ping"
    maker.down("stream-pong", "A pong of another stream that answers the ping.", pong, stream=3, after=before, at=1000)
    maker.down("refused-stream-pong", "One that answers nothing.", maker.plain("pong", LATER, clock(12345677)), stream=3,
               after=before, at=1000, refused="replayed")
    reply = maker.plain("subscribe-reply")
    maker.down("refused-reply-stream", "Replies are of stream 0.", reply, stream=2, to=NUMBER, refused="malformed")
    maker.down("refused-data-stream", "And nothing else is.", plain, stream=0, after=hello, refused="malformed")


def of_a_sender(maker):
    def no(name, about, datagram, why, after="", at=None, **more):
        maker.write(f"refused-{name}", about, datagram, after=after, at=at, refused=why, **more)

    hello, plain = "aes-hello", maker.plain("data-first")
    sender = Sender(KEY, SESSION, SALT, 1)
    says_hello, data = sender.seal(maker.plain("hello"), stream=1), sender.seal(plain, stream=1)
    no("unkeyed", "It is not sealed.", maker.plain("hello"), "unkeyed")
    no("locked", "Not sealed: the sender's key is the receiver's, and it says nothing more.",
       locked(maker, KEY.id), "early")
    no("locked-other", "Not sealed: the sender has another key.", locked(maker, wire.Key(OTHER).id), "wrong_key")
    no("empty", "Nothing.", b"", "unkeyed")
    no("short", "It is too short for a tag.", data[:59], "malformed", hello)
    no("introduction-short", "A hello without the end of its introduction.", says_hello[:68], "malformed")
    no("hello-short", "A hello that is too short for a tag.", says_hello[:84], "malformed")
    no("cut", "The last byte is missing.", data[:-1], "forged", hello)
    no("longer", "A byte was added.", data + b"\0", "forged", hello)
    for name, at in {"frame": 15, "counter": 43, "body": 44, "tag": len(data) - 1}.items():
        no(f"flipped-{name}", f"One bit of byte {at} is another.", flipped(data, at), "forged", hello)
    no("flipped-key", "The key id is another's.", flipped(says_hello, 44), "wrong_key")
    no("flipped-salt", "One bit of the salt is another.", flipped(says_hello, 52), "forged")
    no("flipped-suite", "Another suite.", says_hello[:68] + b"\2" + says_hello[69:], "forged")
    no("suite", "A suite that this version does not know.", says_hello[:68] + b"\3" + says_hello[69:], "malformed")
    no("session", "No session.", data[:4] + NOBODY + data[12:], "malformed", hello)
    no("kind", "A kind that this version does not know.", data[:3] + b"\x0d" + data[4:], "malformed", hello)
    no("early", "Its session was not introduced.", data, "early")
    other = Sender(wire.Key(OTHER), SESSION, SALT, 1)
    no("key", "A hello that is sealed with another key.", other.seal(maker.plain("hello"), stream=1), "wrong_key")
    no("key-data", "A chunk that is.", other.seal(plain, stream=1), "forged", hello)
    no("direction", "What a receiver says.", request(maker, "ping"), "malformed", hello)
    prk = KEY.session(SALT)
    other_way = seal(1, wire.up(prk, 1, SESSION, NUMBER), 1 << 40 | 2, b"", plain)
    no("direction-secret", "A chunk that is sealed with a receiver's secret.", other_way, "forged", hello)
    served = Sender(KEY, SESSION, SALT, 1).seal(maker.plain("hello", LATER), NUMBER, stream=2)
    no("served", "What is for one receiver, taken for what is for all.", served, "forged", hello, at=500_000)
    others = Sender(KEY, SESSION, SALT, 1).seal(maker.plain("subscribe-reply"), bytes(7) + b"\1")
    no("reply", "A reply to another receiver.", others, "forged", subscribes=True)
    no("unproven", "The sender takes feedback, and nothing has answered yet.", sender.seal(plain, stream=1), "unproven",
       "aes-hello-invites", at=999_000)
    maker.down("patience", "Nothing has answered for 1 s.", plain, count=2, after="aes-hello-invites", at=1_000_000)
    maker.down("served-invites", "A sender that takes feedback says hello to one subscriber.",
               maker.plain("hello-invites"), stream=2, to=NUMBER)
    maker.down("served-confirmed", "What is sealed for its number needs no pong.", plain, stream=2, count=2, to=NUMBER,
               after="served-invites")
    maker.down("reply-confirms", "Nor is one needed after a reply.", plain, stream=2, to=NUMBER, after="aes-reply")
    old_runs(maker, no)


def old_runs(maker, no):
    old, said = Sender(KEY, OLD, OLD_SALT, 1), maker.plain("hello", bytes(8), session=OLD)
    sealed = old.seal(said, stream=1)
    about = "Of an older session of the same sender, of which nothing newer was heard."
    maker.write("old-hello", about, sealed, plain=said)
    no("old-hello", "Its successor is heard.", sealed, "unproven", "aes-hello", at=499_000)
    maker.write("old-hello-later", "Its successor is not heard any more: the clock may be wrong.", sealed, plain=said,
                after="aes-hello", at=500_000)
    no("old", "It has a successor, and is not shown, however long nothing answers.",
       old.seal(maker.plain("data-first", session=OLD), stream=1), "unproven", "old-hello aes-hello", at=100_000_000)


def of_a_receiver(maker):
    def no(name, about, datagram, why, after=""):
        maker.write(f"refused-up-{name}", about, datagram, "sender", after=after, refused=why)

    ping = request(maker, "ping")
    no("unkeyed", "It is not sealed.", maker.plain("ping"), "unkeyed")
    no("short", "It is too short for a tag.", ping[:75], "malformed")
    no("cut", "The last byte is missing.", ping[:-1], "forged")
    for name, at in {"session": 11, "count": 43, "number": 59, "body": 60, "tag": len(ping) - 1}.items():
        no(f"flipped-{name}", f"One bit of byte {at} is another.", flipped(ping, at), "early" if at == 11 else "forged")
    no("key", "It is sealed with another key.", request(maker, "ping", wire.Key(OTHER)), "wrong_key")
    no("early", "It names another session.", request(maker, "ping", session=OLD), "early")
    no("replayed", "It came before.", ping, "replayed", "aes-ping")
    pong = Sender(KEY, SESSION, SALT, 1).seal(maker.plain("pong"), stream=1)
    no("direction", "What a sender says.", pong, "malformed")
    no("nobody", "The receiver has no number.", request(maker, "ping", number=NOBODY), "malformed")
    no("subscribe-short", "A subscribe that is shorter than its reply.", request(maker, "subscribe"), "malformed")
    all_ones = request(maker, "ping")
    no("first", "Only a subscribe may come before the session is known.", all_ones[:4] + b"\xff" * 8 + all_ones[12:],
       "early")


def request(maker, name, key=KEY, session=SESSION, number=NUMBER):
    """A receiver's datagram, sealed for the session of the golden ones, without zeros behind it."""
    plain = maker.plain(name, clock(12345678), session=session)
    return seal(1, wire.up(key.session(SALT), 1, session, number), 1, key.id + number, plain)


def locked(maker, key):
    return maker.plain("subscribe-reply")[:36] + crc(maker.plain("subscribe-reply"), key + b"\2")


def crc(plain, body):
    return wire.restored(plain, body)[36:]


def flipped(datagram, at):
    return datagram[:at] + bytes([datagram[at] ^ 4]) + datagram[at + 1 :]
