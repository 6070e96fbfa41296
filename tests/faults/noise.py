"""What is kept of a feed's alerts: its noise in Redis and in the archives of all epochs, and where its lane stands."""
import socket
import struct
from collections import defaultdict

HEADER, TRAILER, ENTRY = 256, 32, struct.Struct(">QQII")  # services/ledger/segment.h
LANES = {1: "urgent", 2: "bulk"}


def reply_of(f):
    line = f.readline()
    kind, rest = line[:1], line[1:-2]
    if kind == b"$":
        return None if rest == b"-1" else f.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return [reply_of(f) for _ in range(max(0, int(rest)))]
    return rest


def ask(stack, *words):
    """One command of Redis; bytes stay bytes."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(str(stack.dir / "redis/redis.sock"))
        s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in map(str.encode, words)))
        with s.makefile("rb") as f:
            return reply_of(f)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """Numbers and values of a protobuf message without 32- and 64-bit fields."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        yield tag >> 3, value


def segments(stack, feed):
    for path in sorted(stack.dir.glob(f"archive/*/noise/{feed}/*.seg")):
        data = path.read_bytes()
        at = HEADER
        while at < len(data) - TRAILER:
            _, _, n, link = ENTRY.unpack_from(data, at)
            at += ENTRY.size
            yield data[at:at + n]
            at += n + link


def alerts(stack, feed):
    """(lane, epoch) -> number -> the different alerts that are kept under it."""
    messages = [values[1] for _, values in ask(stack, "XRANGE", f"{{p0}}:noise:{feed}", "-", "+")]
    messages += segments(stack, feed)  # read last: what leaves Redis is there by then
    found = defaultdict(lambda: defaultdict(set))
    for message in messages:
        parts = list(fields(message))
        one = dict(parts)
        of = found[LANES[one[2]], one[1]]
        for i, alert in enumerate(value for number, value in parts if number == 4):
            of[one[3] + i].add(alert)
    return found


def last_id(stack, feed):
    """Of the newest noise in Redis, as the names of segments have it; None = there is none."""
    newest = ask(stack, "XREVRANGE", f"{{p0}}:noise:{feed}", "+", "-", "COUNT", "1")
    ms, _, n = newest[0][0].decode().partition("-") if newest else ("", "", "")
    return f"-{int(ms):020}.{int(n):010}." if newest else None


def lane(stack, feed, name):
    """(epoch, next number, alerts counted so far) of the lane's record."""
    value = ask(stack, "HGET", "{p0}:r:lane", f"{feed}/{name}")
    one = dict(fields(value[8:])) if value else {}
    return one.get(3, 0), one.get(4, 0), one.get(7, 0)
