"""The table of faults. A row draws its particulars from the run's seed, and is then made on a running stack.

Each row leaves the stack as it found it: processes started again, switches off. It need not wait until services are
ready: the next fault may come before they are.
"""
import resource
import shutil
import signal
import socket
import time
from dataclasses import dataclass
from typing import Callable

import noise
from control import POINTS
from loads import Alerts, Cases
from stack import FEED, PARTS, ROOT, SERVICES, Failed, until
from volume import Volume, allowed

HOUR_MS = 3600 * 1000
HALF_OPEN = 1000
REFUSAL_S = 10
ARCHIVED_S = 10
SERVICE_POINTS = ("before-commit", "after-commit", "after-answer", "before-reply", "after-reply")
REDIS_POINTS = ("before-write", "torn-write", "before-sync", "after-sync")


@dataclass
class Fault:
    name: str
    weight: int
    draw: Callable  # random.Random -> dict of what `make` takes besides the run
    make: Callable  # (Run, **drawn) -> None; Failed when something is not as it must be
    what: str


def between(rng, low, high):
    return round(rng.uniform(low, high), 3)


# ---- processes killed and held

def kill(run, who, down_s):
    run.stack.kill(who)
    time.sleep(down_s)
    run.stack.up(who)


def draw_group(rng):
    group = rng.choice((SERVICES, PARTS, tuple(rng.sample(PARTS, 2)), tuple(rng.sample(PARTS, 3))))
    return {"who": list(group), "down_s": between(rng, 0, 0.3)}


def pause(run, who, held_s):
    run.stack.signal(who, signal.SIGSTOP)
    time.sleep(held_s)
    run.stack.signal(who, signal.SIGCONT)


def kill_at(run, who, point, nth):
    """The process kills itself at that point; when the flow does not come there in time, nothing happens."""
    control = run.stack.controls[who]
    control.kill_at(point, nth)
    died = run.stack.died(who, 1.5)
    if not died:
        control.set(point=POINTS["never"])
        time.sleep(0.05)
        died = run.stack.pid(who) is None
        run.stack.expected_down |= {who} if died else set()
    control.off()
    run.note("reached" if died else "not reached")
    if died:
        run.stack.up([who])


def cut_connections(run, times, every_s):
    for _ in range(times):
        run.stack.redis("client", "kill", "type", "normal")
        time.sleep(every_s)


# ---- disks and clocks

def disk_full(run, who, for_s):
    control = run.stack.controls[who]
    control.set(disk_full=1)
    if who == "redis":
        ended = run.stack.died(who, for_s)
        control.off()
        run.note("Redis ended" if ended else "nothing was written")
        if ended:
            run.stack.up([who])
    else:
        time.sleep(for_s)
        run.note(f"{control.get('seen')} writes refused")
        control.off()


def disk_slow(run, who, delay_ms, for_s):
    run.stack.controls[who].set(sync_delay_us=delay_ms * 1000)
    time.sleep(for_s)
    run.stack.controls[who].off()


def clock(run, who, ahead_ms, restart):
    for part in who:
        run.stack.controls[part].set(clock_ahead_ms=ahead_ms)
    if restart:
        run.stack.kill(who)
        run.stack.up(who)
    time.sleep(0.4)
    for part in who:
        run.stack.controls[part].off()


def draw_clock_days(rng):
    days = rng.choice((2, 3, 4, 30)) * rng.choice((1, -1))
    who = rng.choice(("intake", "eligibility", "audit", "monitor", "ledger", "redis"))
    if who == "redis":  # receipts live by its clock, for three days: one that is further ahead forgets them
        days = rng.choice((2, -2, -4))
    return {"who": who, "days": days, "held_s": between(rng, 0.3, 1.0)}


def clock_days(run, who, days, held_s):
    """A clock that is off by days: refusals say so, and are over when it is put right and its service is started again."""
    stack = run.stack
    if who in ("intake", "monitor") and any(isinstance(load, Cases) for load in run.loads):
        who = "eligibility"  # the stream of cases takes no refusal
    for load in run.loads:
        load.clocks_wrong = True
    control = stack.controls[who]
    control.set(clock_ahead_ms=days * 24 * HOUR_MS)
    time.sleep(held_s)
    control.off()
    stack.kill([who])
    stack.up([who])


def draw_clock(rng):
    who = rng.choice([[s] for s in SERVICES] + [list(SERVICES), ["redis"]])
    ahead = rng.choice((1, -1)) * rng.choice((HOUR_MS, 24 * HOUR_MS))
    return {"who": who, "ahead_ms": ahead, "restart": rng.random() < 0.4}


# ---- disks that are really full: a small file system in the place of a directory

ROOMY = 256 << 20
FULL_S = 20


def submitted(run, name):
    """True: taken; False: told to send again. No other answer is allowed."""
    done = run.stack.ctl("--request-id", name, "submit", f"{ROOT}/examples/cases/tb4.json", identity="acme", allowed=(0, 5))
    return done.returncode == 0


def critical_alerts(run):
    """A feed is under way meanwhile: it is answered when there is room again, and not before."""
    if not any(isinstance(load, Alerts) for load in run.loads):
        run.loads.append(Alerts(run.stack, f"{run.tag}-alerts", 1, run.seed))
        run.loads[-1].start()


def fill_redis(run, tag):
    """Messages until Redis ends; the one that it could not write is not acknowledged."""
    end = time.monotonic() + FULL_S
    n = 0
    while run.stack.pid("redis") is not None:
        submitted(run, f"{tag}-{n}")
        n += 1
        if time.monotonic() > end:
            raise Failed(f"{n} messages on a full disk, and Redis goes on")
    run.stack.expected_down.add("redis")
    last = (run.stack.dir / "log/redis.out").read_text(errors="replace")[-2000:]
    if "AOF write error" not in last:  # no space left, or a write cut short by it
        raise Failed(f"Redis ended, and not for want of space: {last.splitlines()[-1:]}")
    if submitted(run, f"{tag}-late"):
        raise Failed("a message is acknowledged while Redis is down for want of space")
    return n


def redis_volume_full(run, room_kib, starts):
    if not allowed():
        run.note("skipped: mounts are not allowed")
        return
    stack = run.stack
    stack.kill(["redis"])
    disk = Volume(stack.dir / "redis", room_kib << 10)
    critical_alerts(run)
    told = []
    for i in range(starts):  # a supervisor starts it again, and there is still no room; it may end at once
        stack.shell("stack_run $d redis")
        told.append(fill_redis(run, f"{run.tag}-full-{len(run.notes)}-{i}"))
    disk.leave(ROOMY)
    stack.up(["redis"])
    stack.wait_ready()
    stack.kill(["redis"])
    disk.end()
    stack.up(["redis"])
    run.note(f"Redis ended after {told} messages")


def archive_volume_full(run, room_kib, for_s):
    if not allowed():
        run.note("skipped: mounts are not allowed")
        return
    stack = run.stack
    stack.kill(["ledger"])
    disk = Volume(stack.dir / "archive", room_kib << 10)
    stack.up(["ledger"])
    head = stack.head()[1]
    moves_on(run, head)
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        submitted(run, f"{run.tag}-archive-{time.monotonic_ns()}")
    held = archived(stack)
    disk.leave(ROOMY)
    head = stack.head()[1]
    if not until(FULL_S, lambda: archived(stack) >= head):
        raise Failed(f"there is room again, and the archive stays at {archived(stack)} of {head}")
    stack.kill(["ledger"])
    disk.end()
    stack.up(["ledger"])
    run.note(f"archived {held} on the full disk, {head} behind it")


# ---- another store in the place of Redis

def copy_of_store(run, name):
    target = run.stack.dir / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(run.stack.dir / "redis/appendonlydir", target)
    return target


def must_be_refused(run, epoch, seq):
    """With a store that ends too early in the place of the right one: nobody commits, nobody says it is ready."""
    stack = run.stack

    def refused():
        return all(stack.pid(s) is None or not stack.ready(s) for s in SERVICES)

    if not until(REFUSAL_S, refused):
        raise Failed("an older store is used: ready are " + ", ".join(s for s in SERVICES if stack.ready(s)))
    time.sleep(0.3)
    now = stack.head()
    if now != (epoch, seq):
        raise Failed(f"an older store is written to: it ended with {seq}, now with {now[1]}: numbers are used again")
    if not refused():
        raise Failed("an older store was refused first and is used now")
    stack.expected_down |= {s for s in SERVICES if stack.pid(s) is None}


def moves_on(run, seq):
    """What the old store will lack, whether the loads still send or not; and all services know of it."""
    stack = run.stack
    for i in range(3):
        name = f"{run.tag}-later-{seq}-{i}"
        until(10, lambda n=name: stack.ctl("--request-id", n, "submit", f"{ROOT}/examples/cases/tb4.json", identity="acme",
                                           allowed=(0, 5)).returncode == 0)
    if stack.head()[1] <= seq:
        raise Failed("nothing is written although all is up")
    stack.wait_ready()  # a service that has not followed the journal yet cannot know
    time.sleep(0.1)


def older_file(run, age_s):
    """Redis comes back with its append-only file as it was `age_s` ago, under services that know better."""
    stack = run.stack
    older = copy_of_store(run, "older")
    before = stack.head()[1]
    time.sleep(age_s)
    moves_on(run, before)
    stack.kill(["redis"])
    right = stack.dir / "right"
    files = stack.dir / "redis/appendonlydir"
    files.rename(right)
    older.rename(files)
    for name in SERVICES:  # held while we look
        stack.signal(name, signal.SIGSTOP)
    stack.up(["redis"])
    epoch, seq = stack.head()
    for name in SERVICES:
        stack.signal(name, signal.SIGCONT)
    must_be_refused(run, epoch, seq)
    stack.kill(["redis"])
    shutil.rmtree(files)
    right.rename(files)
    stack.up()  # services that stayed go on by themselves
    run.note(f"refused, {seq} held")


def archived(stack, epoch="*"):
    """The last entry that lies in a closed segment of the archive."""
    ends = [int(p.stem.split("-")[1]) for p in stack.dir.glob(f"archive/{epoch}/journal/*.seg")]
    return max(ends, default=0)


def noted(stack):
    """The last entry that the ledger has noted, or closed into a segment."""
    notes = [int((p.read_text().split() or ["0"])[0]) for p in stack.dir.glob("archive/*/head")]
    return max([archived(stack), *notes])


def older_file_anew(run, age_s, first):
    """All is down and comes up at once on an older file: nobody remembers but the ledger's files. Nobody commits there
    before the ledger has compared, and then it halts the store."""
    stack = run.stack
    older = copy_of_store(run, "older")
    before = stack.head()[1]
    time.sleep(age_s)
    moves_on(run, before)
    if not until(ARCHIVED_S, lambda: noted(stack) > before):
        raise Failed(f"nothing after {before} is noted within {ARCHIVED_S} s")
    stack.kill(PARTS)
    right, files = stack.dir / "right", stack.dir / "redis/appendonlydir"
    files.rename(right)
    older.rename(files)
    stack.up(["redis"])
    epoch, seq = stack.head()
    stack.up([s for s in SERVICES if s != "ledger"])
    time.sleep(first)
    stack.up(["ledger"])
    if not until(REFUSAL_S, lambda: stack.redis("get", "{p0}:head").endswith(" halted")):
        raise Failed(f"the ledger knows of {noted(stack)}, the store to {seq}, and the ledger has not halted it")
    must_be_refused(run, epoch, seq)
    stack.kill(PARTS)
    shutil.rmtree(files)
    right.rename(files)
    stack.up()
    run.note(f"halted at {seq}")


def timers(stack):
    """Those that belong to records; a feed's watch is set anew by what it sends."""
    words = {s: stack.redis("zrange", "{p0}:timers:" + s, "0", "-1", "withscores").split("\n") for s in SERVICES}
    return {(s, m, due) for s, w in words.items() for m, due in zip(w[::2], w[1::2]) if not m.startswith("watch|")}


def noise_archived(stack):
    """All that Redis has of the feed's noise lies in closed segments."""
    last = noise.last_id(stack, FEED)
    return not last or any(last in p.name for p in stack.dir.glob(f"archive/*/noise/{FEED}/*.seg"))


def halted_recovered(run, age_s, killed_ms, with_noise):
    """The right file is lost for good: all that was answered is in the archive, noise as drawn, the ledger halts an older
    file, and the operator has the store recovered, killed in the middle as often as drawn."""
    stack = run.stack
    older = copy_of_store(run, "older")
    epoch, before = stack.head()
    time.sleep(age_s)
    moves_on(run, before)
    stack.kill([s for s in SERVICES if s != "ledger"])
    head = stack.head()[1]
    if not until(2 * ARCHIVED_S, lambda: archived(stack, epoch) >= head):
        raise Failed(f"archived up to {archived(stack, epoch)} of {head}")
    if with_noise and not until(2 * ARCHIVED_S, lambda: noise_archived(stack)):
        raise Failed("the feed's noise is not archived")
    due = timers(stack)
    lanes = [noise.lane(stack, FEED, name) for name in ("urgent", "bulk")]
    stack.kill(["redis", "ledger"])
    files = stack.dir / "redis/appendonlydir"
    shutil.rmtree(files)
    older.rename(files)
    stack.up(["redis"])
    held = stack.head()[1]
    stack.up(["ledger"])
    if not until(REFUSAL_S, lambda: stack.redis("get", "{p0}:head").endswith(" halted")):
        raise Failed(f"the archive has {head}, the store {held}, and the ledger has not halted it")
    folder = stack.dir / f"recovered-{epoch}"
    words = ["--config", str(stack.dir / "patient.yaml"), "--quiet", "--yes", "--as", "operator", "store", "recover", str(folder),
             "--reason", "an older file was started"]
    for ms in killed_ms:
        stack.interrupted("liuctl", *words, after_s=ms / 1000)
    stack.run("liuctl", *words)
    now = stack.head()
    if now[0] == epoch or now[1] != head + 1:
        raise Failed(f"recovered to {now[1]} under {now[0]}, not to {head + 1} under another epoch than {epoch}")
    if timers(stack) != due:
        raise Failed(f"timers before and after: {sorted(timers(stack) ^ due)[:4]}")
    now_lanes = [noise.lane(stack, FEED, name) for name in ("urgent", "bulk")]
    if with_noise and now_lanes != lanes:
        raise Failed(f"the feed's lanes before and after: {lanes} {now_lanes}")
    stack.run("liuctl", *words)  # done already
    if stack.head() != now:
        raise Failed("a recovery that was done is done again")
    stack.kill(["ledger"])
    stack.up()
    run.note(f"recovered {held} to {head}")


def cold_start(run, alone_s):
    """All is down and comes up again, the ledger last: the others wait for its word."""
    stack = run.stack
    stack.kill(PARTS)
    stack.up([p for p in PARTS if p != "ledger"])
    end = time.monotonic() + alone_s
    while time.monotonic() < end:
        early = [s for s in SERVICES if s != "ledger" and stack.ready(s)]
        if early:
            raise Failed(f"{', '.join(early)}: ready before the ledger has compared Redis with its archive")
        time.sleep(0.05)
    stack.up(["ledger"])


def replica_start(run):
    """A second server that follows the first one, and is in step with it."""
    stack = run.stack
    home = stack.dir / "replica"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    if stack.redis("config", "set", "port", str(port)) != "OK":
        raise Failed("the primary takes no port")
    conf = (stack.dir / "redis/redis.conf").read_text().replace(f"{stack.dir}/redis", str(home))
    (home / "redis.conf").write_text(conf + f"replicaof 127.0.0.1 {port}\n")
    stack.shell("stack_spawn $d replica redis-server $d/replica/redis.conf")
    sock = home / "redis.sock"

    def in_step():
        info = stack.redis("info", "replication", sock=sock) + stack.redis("info", "persistence", sock=sock)
        return "master_link_status:up" in info and "aof_rewrite_in_progress:0" in info and \
            "aof_rewrite_scheduled:0" in info and "loading:0" in info

    if not until(15, in_step, 0.05):
        raise Failed("the replica does not get in step")
    return sock


def replica_takes_over(run, sock):
    """The primary is gone: the replica answers in its place."""
    stack = run.stack
    sock.rename(stack.dir / "redis/redis.sock")
    (stack.dir / "run/replica.pid").rename(stack.dir / "run/redis.pid")


def replica_promoted(run, lasts_s):
    stack = run.stack
    sock = replica_start(run)
    stack.redis("client", "pause", "4000", "write")

    def offset(word, at=None):
        info = stack.redis("info", "replication", sock=at)
        return next((line.split(":")[1] for line in info.split() if line.startswith(word + ":")), None)

    until(3, lambda: offset("master_repl_offset") == offset("slave_repl_offset", sock))
    stack.kill(["redis"])
    stack.redis("replicaof", "no", "one", sock=sock)
    replica_takes_over(run, sock)
    stack.expected_down.discard("redis")
    time.sleep(lasts_s)
    stack.kill(["redis"])  # and back, with what the replica has written
    shutil.rmtree(stack.dir / "redis/appendonlydir")
    shutil.move(stack.dir / "replica/appendonlydir", stack.dir / "redis/appendonlydir")
    stack.up(["redis"])


def replica_behind(run, behind_s):
    stack = run.stack
    sock = replica_start(run)
    stack.redis("replicaof", "no", "one", sock=sock)
    held = stack.redis("get", "{p0}:head", sock=sock).split()
    time.sleep(behind_s)
    moves_on(run, int(held[1]))
    stack.kill(["redis"])
    replica_takes_over(run, sock)
    must_be_refused(run, held[0], int(held[1]))
    stack.kill(["redis"])
    stack.up()
    run.note(f"refused, {held[1]} held")


# ---- peers that do harm

def poison(run, kind):
    """An entry of a known type that nobody can decode: its consumer puts it aside, and goes on with the next."""
    cause = f"{run.tag}-poison-{len(run.poisoned)}"
    run.poisoned.append(cause)
    done = run.stack.run("fault-poison", f"unix:{run.stack.dir}/redis/redis.sock", kind, cause, allowed=(0, 1, 5))
    run.note(f"entry {done.stdout.strip() or 'unknown'}")


def stalled_subscriber(run, who, asks, held_s):
    """A ministry that asks for events again and again and never reads an answer."""
    peer = run.stack.deaf_peer(who, "moj")
    if peer is None:
        run.note("skipped: python3-zmq or protoc is missing")
        return
    for _ in range(asks):
        peer.ask()
    time.sleep(held_s)
    peer.close()


def half_open(run, who, held_s):
    """Connections that never say a word: most to the door, the rest to the HTTP port."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * HALF_OPEN)), hard))
    ports = [int(run.stack.ports[who])] * (HALF_OPEN * 7 // 10) + [int(run.stack.ports[f"{who}-http"])] * (HALF_OPEN * 3 // 10)
    peers = []
    for port in ports:
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", port))
        peers.append(s)
    time.sleep(held_s)
    for s in peers:
        s.close()


TABLE = (
    Fault("kill-redis", 6, lambda r: {"who": ["redis"], "down_s": between(r, 0, 0.3)}, kill, "SIGKILL of Redis"),
    Fault("kill-service", 10, lambda r: {"who": [r.choice(SERVICES)], "down_s": between(r, 0, 0.3)}, kill,
          "SIGKILL of one service"),
    Fault("kill-together", 5, draw_group, kill, "SIGKILL of several parts at once"),
    Fault("kill-service-at", 24,
          lambda r: {"who": r.choice(SERVICES), "point": r.choice(SERVICE_POINTS), "nth": r.randint(1, 12)}, kill_at,
          "a service killed at a point of a flow"),
    Fault("kill-ledger-at-rename", 3, lambda r: {"who": "ledger", "point": "rename", "nth": 1}, kill_at,
          "the ledger killed before a segment gets its name"),
    Fault("kill-redis-at", 14, lambda r: {"who": "redis", "point": r.choice(REDIS_POINTS), "nth": r.randint(1, 40)}, kill_at,
          "Redis killed in the middle of a batch"),
    Fault("redis-paused", 6, lambda r: {"who": "redis", "held_s": between(r, 0.7, 1.8)}, pause,
          "SIGSTOP of Redis past every time-out, then SIGCONT"),
    Fault("service-paused", 6, lambda r: {"who": r.choice(SERVICES), "held_s": between(r, 0.2, 1.5)}, pause,
          "SIGSTOP of a service, then SIGCONT"),
    Fault("connections-cut", 4, lambda r: {"times": r.randint(1, 6), "every_s": between(r, 0.01, 0.2)}, cut_connections,
          "Redis closes its connections"),
    Fault("redis-disk-full", 5, lambda r: {"who": "redis", "for_s": 2.0}, disk_full, "no space for the append-only file"),
    Fault("archive-disk-full", 3, lambda r: {"who": "ledger", "for_s": between(r, 1.2, 2.2)}, disk_full,
          "no space for the archive"),
    Fault("redis-volume-full", 3, lambda r: {"room_kib": r.choice((0, 4, 16, 64)), "starts": r.randint(1, 3)}, redis_volume_full,
          "Redis' file system is full, really"),
    Fault("archive-volume-full", 2, lambda r: {"room_kib": r.choice((0, 4, 8)), "for_s": between(r, 2, 4)}, archive_volume_full,
          "the archive's file system is full, really"),
    Fault("redis-disk-slow", 5, lambda r: {"who": "redis", "delay_ms": r.choice((20, 100, 300, 900)), "for_s": between(r, 0.5, 1.2)},
          disk_slow, "each sync of the append-only file takes long"),
    Fault("archive-disk-slow", 2, lambda r: {"who": "ledger", "delay_ms": r.choice((100, 500)), "for_s": between(r, 0.5, 1.2)},
          disk_slow, "each sync of the archive takes long"),
    Fault("clock-jump", 8, draw_clock, clock, "the time of day jumps by an hour or a day, and back"),
    Fault("clock-days", 5, draw_clock_days, clock_days, "a clock is off by two days to a month, until its service is started again"),
    Fault("older-file", 4, lambda r: {"age_s": between(r, 0.2, 0.6)}, older_file,
          "Redis comes back with an older append-only file"),
    Fault("older-file-anew", 3, lambda r: {"age_s": between(r, 0, 0.3), "first": r.choice((0, 0, 0.5))}, older_file_anew,
          "all come up at once on an older file: the ledger knows"),
    Fault("halted-recovered", 2, lambda r: {"age_s": between(r, 0, 0.3), "killed_ms": [r.randrange(5, 400) for _ in range(r.choice((0, 1, 3)))],
                                          "with_noise": r.random() < 0.5},
          halted_recovered, "the right file is lost: a halted store is recovered by a command"),
    Fault("cold-start", 3, lambda r: {"alone_s": between(r, 0, 1.0)}, cold_start, "all are down and come up, the ledger last"),
    Fault("replica-promoted", 3, lambda r: {"lasts_s": between(r, 0.2, 0.6)}, replica_promoted,
          "a replica in step takes over, and back"),
    Fault("replica-behind", 3, lambda r: {"behind_s": between(r, 0.2, 0.5)}, replica_behind, "a replica that is behind takes over"),
    Fault("poison-event", 4, lambda r: {"kind": r.choice(("CaseSubmitted", "AssessmentRecorded", "VerdictChanged"))}, poison,
          "an entry that cannot be decoded"),
    Fault("stalled-subscriber", 3,
          lambda r: {"who": r.choice(SERVICES), "asks": r.choice((50, 500, 3000)), "held_s": between(r, 0.2, 1.0)},
          stalled_subscriber, "FetchEvents sent by a peer that never reads"),
    Fault("half-open", 3, lambda r: {"who": r.choice(SERVICES), "held_s": between(r, 0.3, 1.0)}, half_open,
          "a thousand connections that say nothing"),
)
ROWS = {fault.name: fault for fault in TABLE}
