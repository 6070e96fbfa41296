"""Draws runs from seeds, makes them on private stacks, and tells what happened."""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import checks
from loads import Alerts, Assessments, Cases, Registrations
from stack import Failed, Stack
from table import ROWS, TABLE

RUNS_A_STACK = 12  # a journal that grows makes each check slower
LOADS = ("cases", "assessments", "alerts", "registrations")


def draw(seed, only):
    """What a run will do: nothing but its seed decides."""
    rng = random.Random(seed)
    loads = rng.sample(LOADS, rng.choice((1, 1, 2, 3)))
    plan = {"seed": seed, "loads": sorted(loads), "seconds": 1, "rate": rng.choice((20, 60, 150)), "faults": []}
    rows = [f for f in TABLE if not only or f.name in only]
    for _ in range(rng.choice((1, 1, 2, 2, 3))):
        row = rng.choices(rows, [f.weight for f in rows])[0]
        plan["faults"].append({"name": row.name, "after_s": round(rng.uniform(0.05, 0.6), 3), "how": row.draw(rng)})
    return plan


def shown(fault):
    how = " ".join(f"{k}={','.join(map(str, v)) if isinstance(v, list) else v}" for k, v in fault["how"].items())
    return f"{fault['name']} ({how}, after {fault['after_s']} s)"


class Run:
    def __init__(self, stack, plan, number):
        self.stack, self.plan, self.seed = stack, plan, plan["seed"]
        self.tag = f"run-{number}-{self.seed}"
        self.notes = []
        self.loads = []
        self.poisoned = []  # causes of the entries that cannot be decoded
        self.ready_ms = 0
        self.first = 1

    def note(self, text):
        self.notes.append(text)

    def start_loads(self):
        make = {"cases": lambda tag: Cases(self.stack, tag, self.plan["seconds"], self.plan["rate"]),
                "assessments": lambda tag: Assessments(self.stack, tag, self.plan["seconds"]),
                "registrations": lambda tag: Registrations(self.stack, tag, self.plan["seconds"]),
                "alerts": lambda tag: Alerts(self.stack, tag, self.plan["seconds"], self.seed)}
        for name in self.plan["loads"]:
            self.loads.append(make[name](f"{self.tag}-{name}"))
            self.loads[-1].start()

    def make(self):
        """The loads, the faults, the checks; Failed when something is not as it must be."""
        self.first = self.stack.head()[1] + 1
        self.start_loads()
        for fault in self.plan["faults"]:
            time.sleep(fault["after_s"])
            ROWS[fault["name"]].make(self, **fault["how"])
            if self.stack.fell_over():
                raise Failed(f"after {fault['name']}: {', '.join(self.stack.fell_over())} ended by itself")
        self.ready_ms = self.stack.wait_ready()
        for load in self.loads:
            load.join()
        if self.stack.fell_over():
            raise Failed(f"{', '.join(self.stack.fell_over())} ended by itself")
        checks.after(self)


class Report:
    def __init__(self):
        self.faults = Counter()
        self.notes = Counter()
        self.failed = []
        self.runs = self.messages = self.again = 0
        self.ready_ms = []
        self.began = time.monotonic()

    def add(self, run, failure, where):
        self.runs += 1
        self.ready_ms.append(run.ready_ms)
        self.messages += sum(l.done for l in run.loads)
        self.again += sum(l.again for l in run.loads)
        self.faults.update(f["name"] for f in run.plan["faults"])
        if failure:
            self.failed.append({"seed": run.seed, "why": failure, "loads": run.plan["loads"],
                                "faults": [shown(f) for f in run.plan["faults"]], "logs": where})

    def as_json(self):
        ready = sorted(self.ready_ms) or [0]
        return {"runs": self.runs, "failed": self.failed, "faults": dict(self.faults.most_common()),
                "faultsMade": sum(self.faults.values()), "messagesAcknowledged": self.messages, "sentAgain": self.again,
                "readyMs": {"median": ready[len(ready) // 2], "max": ready[-1]},
                "seconds": round(time.monotonic() - self.began, 1)}

    def print(self):
        j = self.as_json()
        print(f"\n{'fault':24} {'made':>6}  what it is")
        for row in TABLE:
            if self.faults[row.name]:
                print(f"{row.name:24} {self.faults[row.name]:6}  {row.what}")
        print(f"\n{j['runs']} runs, {j['faultsMade']} faults, {j['messagesAcknowledged']} messages acknowledged "
              f"({j['sentAgain']} sent again), ready again in {j['readyMs']['median']} ms (median), "
              f"{j['readyMs']['max']} ms (slowest), {j['seconds']} s")
        print(f"{len(self.failed)} failed" + ("" if self.failed else ": every receipt present, each effect once, no gap, "
                                              "0 differences, all ready, suspensions accepted"))


def progress(text, last=False):
    if sys.stderr.isatty():
        print(f"\r\033[K{text[:150]}", end="\n" if last else "", file=sys.stderr, flush=True)
    elif last:
        print(text, file=sys.stderr, flush=True)


def tell_failure(run, why, where, args):
    print(f"\nFAILED seed {run.seed}: {why}")
    print(f"  loads: {', '.join(run.plan['loads'])}, rate {run.plan['rate']}")
    for fault in run.plan["faults"]:
        print(f"  fault: {shown(fault)}")
    print(f"  notes: {'; '.join(run.notes) or 'none'}")
    print(f"  logs: {where}")
    extra = "".join(f" --only {name}" for name in args.only)
    print(f"  again: scripts/faults --seed {run.seed} --runs 1{extra} --keep", flush=True)


class Stacks:
    """One stack for a few runs; after a failure its directory stays."""

    def __init__(self, args, home, job):
        self.args, self.home, self.job = args, home, job
        self.stack = None
        self.made = self.used = 0

    def get(self):
        if self.stack is not None and self.used >= RUNS_A_STACK:
            self.end(keep=False)
        if self.stack is None:
            self.made += 1
            self.used = 0
            self.stack = Stack(self.home / f"{self.job}-{self.made}", self.args.bin, self.job)
            self.stack.create()
        self.used += 1
        return self.stack

    def end(self, keep):
        if self.stack is None:
            return
        stack, self.stack = self.stack, None
        stack.stop()
        reports = stack.reports()
        if not keep and not reports:
            stack.remove()
        if reports:
            raise Failed(f"at the end a sanitizer reported: {reports[0]}, logs: {stack.dir}")


def leave(stacks):
    """Ends a stack on which something went wrong; what it still says does not matter any more."""
    try:
        stacks.end(keep=True)
    except (Failed, OSError, subprocess.SubprocessError):
        pass


class Work:
    """The runs, shared out to threads that each have a stack of their own."""

    def __init__(self, args):
        self.args = args
        self.home = Path(tempfile.mkdtemp(prefix="liu-faults-", dir=os.environ.get("TMPDIR", "/tmp")))
        self.report = Report()
        self.lock = threading.Lock()
        self.next = 0
        self.stopped = False
        self.kept = None

    def take(self):
        with self.lock:
            if self.stopped or self.next >= self.args.runs:
                return None
            self.next += 1
            return self.next

    def told(self, plan):
        clean = self.report.runs - len(self.report.failed)
        progress(f"run {self.next}/{self.args.runs} seed {plan['seed']}: {' + '.join(f['name'] for f in plan['faults'])}; "
                 f"{clean} clean, {len(self.report.failed)} failed")

    def one(self, stacks, number):
        plan = draw(self.args.seed + number - 1, self.args.only)
        self.told(plan)
        run = Run(None, plan, number)
        why = None
        try:
            run.stack = stacks.get()
            run.make()
        except (Failed, OSError, subprocess.SubprocessError, ValueError, KeyError, IndexError) as e:
            why = f"{e}" if isinstance(e, Failed) else f"{type(e).__name__}: {e}"
        where = str(run.stack.dir) if run.stack else str(self.home)
        with self.lock:
            self.report.add(run, why, where)
            if why:
                tell_failure(run, why, where, self.args)
                self.stopped = self.stopped or self.args.keep or len(self.report.failed) >= self.args.failures
            elif self.report.runs % 25 == 0 and not sys.stderr.isatty():
                progress(f"{self.report.runs}/{self.args.runs} runs, {len(self.report.failed)} failed", last=True)
        if why:
            for load in run.loads:
                if getattr(load, "process", None) and load.process.poll() is None:
                    load.process.kill()
            if self.args.keep:
                self.kept, stacks.stack = stacks.stack, None
            else:
                leave(stacks)

    def worker(self, job):
        stacks = Stacks(self.args, self.home, job)
        number = self.take()
        while number is not None:
            self.one(stacks, number)
            number = self.take()
        try:
            stacks.end(keep=False)
        except Failed as e:
            with self.lock:
                print(f"FAILED: {e}", flush=True)
                self.report.failed.append({"seed": None, "why": str(e)})


def perform(args):
    work = Work(args)
    threads = [threading.Thread(target=work.worker, args=(job,)) for job in range(min(args.jobs, args.runs))]
    for thread in threads:
        thread.start()
    status = 0
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        work.stopped = True  # what is under way comes to its end
        status = 130
        for thread in threads:
            thread.join()
    progress("", last=True)
    if work.kept is not None:
        print(f"\nthe stack stays: export LIUCTL_CONFIG={work.kept.dir}/liuctl.yaml; "
              f"LIU_BIN={args.bin} scripts/stack remove {work.kept.dir}")
    elif not any(work.home.iterdir()):
        shutil.rmtree(work.home)
    work.report.print()
    if args.json:
        Path(args.json).write_text(json.dumps(work.report.as_json(), indent=2) + "\n")
    return 1 if work.report.failed else status
