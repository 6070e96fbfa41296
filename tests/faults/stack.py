"""A private stack (scripts/lib.sh) with the shim inside its processes."""
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import deaf
from control import Control

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("intake", "eligibility", "audit", "monitor", "ledger")
PARTS = ("redis", *SERVICES)
PARTIES = ("acme", "blossom", "moj", "minato-audit")
FEED = "jp-csirt"
REDIS_TIMEOUT_MS = 600
PORTS_A_JOB = 1500  # stacks side by side never take a port whose service is down just now
JOBS_MAX = 8
READY_S = 30
REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:|Assertion .* failed|free\(\): |"
                    r"corrupted|=== REDIS BUG REPORT")


class Failed(Exception):
    """What is not as it must be, in one line."""


def alive(pid):
    """While any of its threads ends, a killed process still holds its ports, whatever its first thread's state says."""
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            state = stat.read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            return True
    return False


def until(seconds, what, pause_s=0.02):
    """The first true answer of what(), or None when the time is up."""
    end = time.monotonic() + seconds
    while True:
        answer = what()
        if answer or time.monotonic() > end:
            return answer or None
        time.sleep(pause_s)


class Stack:
    def __init__(self, directory, programs, job):
        self.dir = Path(directory)
        self.bin = Path(programs)
        self.reports_seen = 0
        self.expected_down = set()
        self.numbers = []
        self.alert_epoch = 1
        self.counted = 0  # low alerts of all runs before
        (self.dir / "faults").mkdir(parents=True)
        self.controls = {p: Control(self.dir / "faults" / f"{self.program(p)}.faults") for p in PARTS}
        self.env = {**os.environ, "LIU_BIN": str(self.bin), "LANG": "C", "LIU_SEGMENT_S": "1",
                    "LIU_PORTS_FROM": str(20000 + job * PORTS_A_JOB), "LIU_PORTS": str(PORTS_A_JOB),
                    "LIU_RULEBOOK": str(self.dir / "rulebook.yaml"), "LIUCTL_CONFIG": str(self.dir / "liuctl.yaml"),
                    "LSAN_OPTIONS": f"suppressions={ROOT}/cmake/lsan.supp:print_suppressions=0"}
        self.env.pop("LC_ALL", None)

    @staticmethod
    def program(part):
        return "redis-server" if part == "redis" else f"liu-{part}"

    # ---- making and starting

    def shell(self, script, timeout_s=90):
        """Functions of scripts/lib.sh; what they start has the shim inside."""
        env = {**self.env, "LIU_FAULTS": str(self.dir / "faults"), "LD_PRELOAD": str(self.bin / "fault_shim.so"),
               "ASAN_OPTIONS": "verify_asan_link_order=0"}
        with open(self.dir / "shell.log", "ab") as log:
            done = subprocess.run(["bash", "-uo", "pipefail", "-c", f". {ROOT}/scripts/lib.sh; d={shlex.quote(str(self.dir))}; {script}"],
                                  env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL, timeout=timeout_s, check=False)
        if done.returncode != 0:
            raise Failed(f"{script}: status {done.returncode}, see shell.log")

    def create(self):
        book = (ROOT / "rules/regime-a.yaml").read_text()
        (self.dir / "rulebook.yaml").write_text(re.sub(r"brake_suspensions: \d+", "brake_suspensions: 10000", book))
        self.shell("stack_create $d")
        for name in SERVICES:
            with open(self.dir / "conf" / f"{name}.yaml", "a") as f:
                f.write(f"redis_timeout_ms: {REDIS_TIMEOUT_MS}\n")
                if name == "ledger":
                    f.write("keep_entries: 3000\ntrim_seconds: 1\n")
        settings = (self.dir / "liuctl.yaml").read_text()
        (self.dir / "patient.yaml").write_text(settings)
        (self.dir / "liuctl.yaml").write_text(settings.replace("timeout_ms: 15000", "timeout_ms: 1000"))
        self.ports = dict(line.split() for line in (self.dir / "ports").read_text().splitlines())
        self.up()
        self.wait_ready()
        for name in (*PARTIES, FEED):
            self.ctl("keygen", name, "--dir", str(self.dir / "keys"))
        for name in PARTIES:
            self.ctl("party", "add", f"{ROOT}/examples/parties/{name}.json", "--keys", f"{self.dir}/keys/{name}.json")
        self.ctl("feed", "add", self.feed(), "--keys", f"{self.dir}/keys/{FEED}.json")
        numbers = self.dir / "numbers"
        self.run("liu-drive", "--config", str(self.dir / "patient.yaml"), "prepare", "--numbers", str(numbers), "--provider",
                 "acme", "--ministry", "moj", "--auditor", "minato-audit", "--operator", "operator", "--count", "4")
        self.numbers = numbers.read_text().split()

    def feed(self):
        feed = json.loads((ROOT / "examples/feeds/jp-csirt.json").read_text())
        feed["urgentPerMinute"] = 60000
        path = self.dir / "feed.json"
        path.write_text(json.dumps(feed))
        return str(path)

    def up(self, parts=PARTS):
        """Starts what is down. Redis answers afterwards; services may not be ready yet."""
        redis = "stack_run $d redis && stack_wait $d redis || exit 1; " if "redis" in parts else ""
        self.shell(redis + "".join(f"stack_run $d {name}; " for name in parts if name != "redis") + "true")
        self.expected_down -= set(parts)

    # ---- processes

    def pid(self, part):
        try:
            pid = int((self.dir / "run" / f"{part}.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if alive(pid) else None

    def signal(self, part, number):
        pid = self.pid(part)
        if pid is not None:
            os.kill(pid, number)

    def kill(self, parts):
        pids = [p for p in map(self.pid, parts) if p is not None]
        self.expected_down |= set(parts)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            if not until(10, lambda p=pid: not alive(p), 0.005):
                raise Failed(f"pid {pid} outlives SIGKILL")

    def died(self, part, seconds):
        """True when a process that was told to die did so; it is then known to be down."""
        gone = until(seconds, lambda: self.pid(part) is None, 0.01) is not None
        if gone:
            self.expected_down.add(part)
        return gone

    def fell_over(self):
        return [p for p in PARTS if p not in self.expected_down and self.pid(p) is None]

    def ready(self, service):
        try:
            with socket.create_connection(("127.0.0.1", int(self.ports[f"{service}-http"])), 1) as s:
                s.settimeout(1)
                s.sendall(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
                return s.recv(64).split()[1:2] == [b"200"]
        except OSError:
            return False

    def wait_ready(self, bound_s=READY_S):
        """Milliseconds until all services were ready."""
        began = time.monotonic()
        for name in SERVICES:
            if not until(max(0.1, bound_s - (time.monotonic() - began)), lambda n=name: self.ready(n)):
                raise Failed(f"{name} is not ready after {bound_s} s" + ("" if self.pid(name) else " (it is gone)"))
        return int((time.monotonic() - began) * 1000)

    def redis(self, *words, sock=None):
        return subprocess.run(["redis-cli", "-s", str(sock or self.dir / "redis/redis.sock"), *words], capture_output=True,
                              text=True, timeout=20, check=False).stdout.strip()

    def head(self):
        """(epoch, sequence) that Redis holds, asked directly."""
        words = self.redis("get", "{p0}:head").split()
        return (words[0], int(words[1])) if len(words) > 1 else (None, 0)

    # ---- the programs of a user

    def run(self, program, *args, allowed=(0,), timeout_s=120):
        done = subprocess.run([str(self.bin / program), *args], env=self.env, cwd=ROOT, capture_output=True, text=True,
                              timeout=timeout_s, stdin=subprocess.DEVNULL, check=False)
        if done.returncode not in allowed:
            raise Failed(f"{program} {' '.join(args)}: status {done.returncode}: {(done.stderr or done.stdout).strip()[:400]}")
        return done

    def interrupted(self, program, *args, after_s):
        """Started, and killed after a while if it is still there."""
        with subprocess.Popen([str(self.bin / program), *args], env=self.env, cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
            try:
                p.wait(after_s)
            except subprocess.TimeoutExpired:
                p.kill()

    def ctl(self, *args, identity=None, allowed=(0,)):
        who = ("--as", identity) if identity else ()
        return self.run("liuctl", "--quiet", "--yes", "--json", *who, *args, allowed=allowed)

    def deaf_peer(self, service, identity):
        return deaf.peer(self.dir, service, identity)

    def reports(self):
        """New lines of sanitizers and failed assertions in the logs."""
        found = [f"{p.name}: {line.strip()}" for p in sorted((self.dir / "log").iterdir())
                 for line in p.read_text(errors="replace").splitlines() if REPORT.search(line)]
        fresh, self.reports_seen = found[self.reports_seen:], len(found)
        return fresh

    def stop(self):
        for control in self.controls.values():
            control.off()
        for part in PARTS:
            self.signal(part, signal.SIGCONT)
        self.shell("stack_stop $d")

    def remove(self):
        for control in self.controls.values():
            control.close()
        shutil.rmtree(self.dir, ignore_errors=True)
