"""What clients do while faults happen: each sends again until it is answered, and keeps what it was promised."""
import json
import re
import subprocess
import threading
import time

from stack import FEED, ROOT, Failed

PATIENCE_S = 60
TRY_AGAIN, REFUSED, INPUT = 5, 4, 3  # liuctl's exit status
CLOCKS = ("P-STALE", "P-AHEAD", "P-CLOCK")  # refusals while a clock is wrong
GAP = re.compile(r"P-LANE-GAP.*expected (\d+) in epoch (\d+)", re.DOTALL)


class Refused(Failed):
    pass


class Client(threading.Thread):
    """One user of liuctl in a thread. Its failure is kept for the runner."""

    def __init__(self, stack, tag, seconds):
        super().__init__(daemon=True)
        self.stack, self.tag = stack, tag
        self.end = time.monotonic() + seconds
        self.give_up = self.end + PATIENCE_S
        self.failure = None
        self.done = 0
        self.again = 0
        self.clocks_wrong = False  # told by the fault

    def run(self):
        try:
            n = 0
            while n == 0 or time.monotonic() < self.end:
                self.step(n)
                n += 1
        except (Failed, subprocess.TimeoutExpired, ValueError, KeyError, OSError) as e:
            self.failure = f"{type(self).__name__}: {e}"

    def ask(self, *args, identity, allowed=(0,)):
        """The answer as JSON, asked for until it comes."""
        while True:
            done = self.stack.ctl(*args, identity=identity, allowed=(*allowed, TRY_AGAIN, REFUSED, INPUT))
            wrong = self.clocks_wrong and any(rule in done.stderr + done.stdout for rule in CLOCKS)
            if done.returncode in (REFUSED, INPUT) and done.returncode not in allowed and not wrong:
                raise Refused(f"liuctl {' '.join(args)}: {(done.stderr or done.stdout).strip()[:600]}")
            if done.returncode != TRY_AGAIN and not wrong:
                return json.loads(done.stdout) if done.stdout.strip() else {}
            self.again += 1
            if time.monotonic() > self.give_up:
                raise Failed(f"liuctl {' '.join(args)}: no answer in {PATIENCE_S} s: {done.stderr.strip()[:200]}")
            time.sleep(0.05)

    def write(self, name, value):
        path = self.stack.dir / "sent" / f"{self.tag}-{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(value))
        return str(path)


class Assessments(Client):
    """A ministry's gateway: a pre-application, its assessment, the verdict; the plan follows."""

    def __init__(self, stack, tag, seconds):
        super().__init__(stack, tag, seconds)
        self.cases = {}  # case id -> (id of the submission, id of the assessment)

    def step(self, n):
        sheet = json.loads((ROOT / "examples/assessments/tb4-moj.json").read_text())
        sheet["provider"] = "acme"
        submit, assess = f"{self.tag}-submit-{n}", f"{self.tag}-assess-{n}"
        case = self.ask("--request-id", submit, "submit", f"{ROOT}/examples/cases/tb4.json", identity="acme")["caseId"]
        self.ask("--request-id", assess, "assess", case, self.write("sheet", sheet), identity="moj")
        self.cases[case] = (submit, assess)
        self.done += 2


class Registrations(Client):
    """A service on its way to the end: case, sheet, main application, decision, use, results of its audit."""

    def __init__(self, stack, tag, seconds):
        super().__init__(stack, tag, seconds)
        self.acknowledged = []  # (sender, id of the request)

    def signed(self, name, *args, identity, allowed=(0,)):
        answer = self.ask("--request-id", name, *args, identity=identity, allowed=allowed)
        self.acknowledged.append((identity, name))
        self.done += 1
        return answer

    def wait_for(self, what, ready):
        while not ready():
            if time.monotonic() > self.give_up:
                raise Failed(f"{what} does not come")
            time.sleep(0.05)

    def step(self, n):
        name = lambda what: f"{self.tag}-{what}-{n}"
        sheet = json.loads((ROOT / "examples/assessments/tb4-moj.json").read_text())
        sheet["provider"] = "acme"
        case = json.loads((ROOT / "examples/cases/tb4.json").read_text())
        case["service"]["name"] = sheet["serviceName"] = name("service")  # one main application each
        case = self.signed(name("submit"), "submit", self.write("case", case), identity="acme")["caseId"]
        self.signed(name("assess"), "assess", case, self.write("sheet", sheet), identity="moj")
        self.wait_for(f"the plan of {case}", lambda: self.ask("plan", "show", case, identity="acme", allowed=(0, 1, REFUSED)).get("caseId"))
        number = self.signed(name("register"), "register", f"{ROOT}/examples/registrations/tb1.json", "--case", case,
                             identity="acme")["number"]
        state = self.signed(name("decide"), "registry", "decide", number, "--date", "2026-11-22", "--reference", "2026-4",
                            identity="operator")["state"]
        if state != "LISTING_STATE_REGISTERED":
            raise Failed(f"{number} is {state} after the committee's decision")
        self.signed(name("use"), "use", "declare", f"{ROOT}/examples/uses/moj.json", "--number", number, identity="moj")
        report = self.write("report", self.ask("audit", "draft", case, identity="minato-audit"))
        self.signed(name("audit"), "audit", "submit", report, identity="minato-audit", allowed=(0, 1))


class Alerts(Client):
    """A feed: low alerts in the bulk lane, critical ones in the urgent lane, each suspension lifted by the operator."""
    LOW = 32

    def __init__(self, stack, tag, seconds, run):
        super().__init__(stack, tag, seconds)
        self.epoch = str(stack.alert_epoch)
        stack.alert_epoch += 1
        self.run_number = run
        self.suspended = []  # numbers, in order; one entry each suspension acknowledged
        self.low = 0
        self.bulk = []  # (first number, alerts), as sent: a feed keeps them until it knows better
        self.gone_back = 0

    def alert(self, number, critical, n):
        effect = "GRAVE" if critical else "LIMITED"
        cia = {"confidentiality": f"EFFECT_LEVEL_{effect if critical else 'NONE'}", "integrity": "EFFECT_LEVEL_NONE",
               "availability": f"EFFECT_LEVEL_{effect}"}
        return {"alertId": f"{self.tag}-{n}", "observedAtMs": str(int(time.time() * 1000)), "service": {"number": number},
                "summary": "a drill", "dataClass": 2, "agencies": 5 if critical else 1, "actual": cia, "potential": cia}

    def push(self, lane, first, alerts):
        path = self.write(lane, {"epoch": self.epoch, "lane": f"LANE_{lane.upper()}", "firstSeq": str(first), "alerts": alerts})
        try:
            answer = self.ask("alert", "push", path, "--lane", lane, identity=FEED)
        except Refused as e:
            gap = GAP.search(str(e)) if lane == "bulk" else None  # alerts of the urgent lane have entries
            if gap is None or gap[2] != self.epoch or int(gap[1]) >= first:
                raise
            return self.send_from(int(gap[1]))
        if int(answer["nextSeq"]) != first + len(alerts):
            raise Failed(f"{lane}: pushed {first}..{first + len(alerts) - 1}, the lane expects {answer['nextSeq']}")
        self.done += 1
        return answer

    def send_from(self, number):
        """As the protocol says: noise that a recovered store has lost is sent again, under its numbers."""
        self.gone_back += 1
        self.again += 1
        for first, alerts in self.bulk:
            if first + len(alerts) > number:
                answer = self.push("bulk", first, alerts)
        return answer

    def lives(self):
        """A feed repeats its last message to say that it lives; so it also hears what a store has lost meanwhile."""
        if self.bulk:
            self.push("bulk", *self.bulk[-1])

    def step(self, n):
        number = self.stack.numbers[n % len(self.stack.numbers)]
        self.bulk.append((1 + n * self.LOW, [self.alert(number, False, f"low-{n}-{i}") for i in range(self.LOW)]))
        self.push("bulk", *self.bulk[-1])
        self.low += self.LOW
        self.suspend(number, n + 1)

    def suspend(self, number, first):
        answer = self.push("urgent", first, [self.alert(number, True, f"critical-{first}")])
        verdict = [o["verdict"] for o in answer.get("outcomes", [])]
        if verdict not in ([], ["ALERT_VERDICT_SUSPENDED"]):  # none: it was taken before, the answer got lost
            raise Failed(f"a critical alert for {number} was answered {verdict}")
        self.suspended.append(number)
        state = self.ask("registry", "show", number, identity="operator")["entries"][0]["state"]
        if state != "EFFECTIVE_STATE_SUSPENDED":
            raise Failed(f"{number} is {state} after its suspension was acknowledged")
        self.ask("--request-id", f"{self.tag}-lift-{first}", "incident", "lift", number, "--reason", "a drill", "--basis",
                 "drill", "--date", "2026-11-22", identity="operator")


class Cases:
    """liu-drive stream: pre-applications of two providers, whose receipts it logs itself."""

    def __init__(self, stack, tag, seconds, rate):
        self.receipts = stack.dir / "sent" / f"{tag}.receipts"
        self.receipts.parent.mkdir(exist_ok=True)
        self.report = stack.dir / "sent" / f"{tag}.stream"
        self.failure = None
        self.clocks_wrong = False
        self.args = [str(stack.bin / "liu-drive"), "stream", "--as-list", "acme,blossom", "--rate", str(rate), "--seconds",
                     str(seconds), "--patience-s", str(PATIENCE_S), "--receipts", str(self.receipts), "--out", str(self.report)]
        self.env = stack.env
        self.process = None
        self.done = self.again = 0

    def start(self):
        self.process = subprocess.Popen(self.args, env=self.env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)

    def join(self):
        out, _ = self.process.communicate(timeout=2 * PATIENCE_S)
        if self.process.returncode != 0:
            self.failure = f"liu-drive stream: status {self.process.returncode}: {out.strip()[:300]}"
            return
        report = json.loads(self.report.read_text())
        self.done, self.again = report["acknowledged"], report["sentAgain"]
        lines = len(self.receipts.read_text().splitlines())
        if report["unanswered"] or report["refused"] or lines != report["sent"]:
            self.failure = f"of {report['sent']} pre-applications {report['unanswered']} had no answer, " \
                           f"{report['refused']} were refused, {lines} receipts were logged"
