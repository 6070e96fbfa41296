"""What must hold after a run: every receipt present, each effect once, no gap, a rebuild without difference, services
ready, suspensions accepted, no report of a sanitizer."""
import json
import time
from collections import Counter

import noise as kept_noise
from loads import Alerts, Assessments, Cases, Registrations
from stack import FEED, Failed, until

SETTLE_S = 30
TYPE = "ismap.liu.v1."


def settled(stack):
    """Consumers have come to the head: nothing is under way any more."""
    def level():
        done = stack.ctl("status", allowed=(0, 1, 5))
        rows = [r for r in map(json.loads, done.stdout.splitlines()) if "service" in r]
        by = {r["service"]: r for r in rows}
        head = stack.head()[1]
        # a consumer's own events may lie behind its place: they move it lazily
        return len(rows) == 5 and all(int(r["headSeq"]) >= head for r in rows) and \
            all(int(by[s]["consumedSeq"]) >= head - 64 for s in ("eligibility", "audit"))
    if not until(SETTLE_S, level, 0.05):
        raise Failed(f"events are not worked off within {SETTLE_S} s")


def entries_since(stack, first):
    lines = stack.ctl("journal", "tail", "--from", str(first)).stdout.splitlines()
    return [json.loads(line) for line in lines]


def gapless(entries, first):
    want = first
    for e in entries:
        if e["seq"] != want:
            raise Failed(f"the journal has a gap: after {want - 1} comes {e['seq']}")
        want += 1


def subject(entry):
    p = entry.get("payload", {})
    return p.get("caseId") or p.get("incidentId") or p.get("number") or p.get("id")


def effects_once(entries):
    seen = Counter((e["actor"], e["cause"], e.get("type"), subject(e)) for e in entries if e["cause"])
    twice = [key for key, n in seen.items() if n > 1]
    if twice:
        raise Failed(f"{len(twice)} effects were made twice, the first: {' '.join(map(str, twice[0]))}")


def quarantine(entries, poisoned):
    """What cannot be decoded was put aside once, and nothing else was."""
    there = {e["seq"] for e in entries if e["cause"] in poisoned}
    aside = Counter(int(e["payload"]["seq"]) for e in entries if e.get("type") == TYPE + "EventQuarantined")
    if aside != Counter(there):
        raise Failed(f"of the entries {sorted(there)} that cannot be decoded {dict(aside)} were put aside")


def cases(stack, load, entries):
    submitted = {(e["actor"], e["cause"]): e["seq"] for e in entries if e.get("type") == TYPE + "CaseSubmitted"}
    for line in load.receipts.read_text().splitlines():
        sender, name, epoch, seq, _ = line.split()
        if submitted.get((sender, name)) != int(seq):
            raise Failed(f"the receipt of {sender}/{name} says {seq}, the journal {submitted.get((sender, name))}")
    with open(stack.dir / "receipts", "a", encoding="utf-8") as all_of_stack:
        all_of_stack.write(load.receipts.read_text())


def assessments(load, entries):
    of = lambda kind: {(e["cause"], e["payload"]["caseId"]) for e in entries if e.get("type") == TYPE + kind}
    submitted, recorded = of("CaseSubmitted"), of("AssessmentRecorded")
    plans = Counter(e["payload"]["caseId"] for e in entries if e.get("type") == TYPE + "PlanMade")
    decided = Counter(e["payload"]["caseId"] for e in entries if e.get("type") == TYPE + "VerdictChanged"
                      and e["payload"].get("result") == "VERDICT_RESULT_ELIGIBLE")
    for case, (submit, assess) in load.cases.items():
        for what, found in ((submit, submitted), (assess, recorded)):
            if (what, case) not in found:
                raise Failed(f"{what} was answered but is not in the journal")
        if decided[case] != 1 or plans[case] != 1:
            raise Failed(f"{case} was found eligible {decided[case]} times, with {plans[case]} plans")


def registrations(load, entries):
    there = {(e["actor"], e["cause"]) for e in entries}
    missing = [f"{sender}/{name}" for sender, name in load.acknowledged if (sender, name) not in there]
    if missing:
        raise Failed(f"{len(missing)} requests were answered and are not in the journal, the first: {missing[0]}")


def alerts(load, entries):
    for kind in ("SuspensionImposed", "SuspensionLifted"):
        found = Counter(e["payload"]["number"] for e in entries if e.get("type") == TYPE + kind)
        if found != Counter(load.suspended):
            raise Failed(f"{kind}: acknowledged {dict(Counter(load.suspended))}, in the journal {dict(found)}")


def noise(stack, load):
    """Each low alert is kept once under its number, and counted once, whatever was sent again."""
    load.lives()
    kept = kept_noise.alerts(stack, FEED)["bulk", int(load.epoch)]
    wrong = [n for n in range(1, load.low + 1) if len(kept[n]) != 1]
    if wrong:
        raise Failed(f"of {load.low} low alerts {len(wrong)} are not kept once, the first: {wrong[0]} ({len(kept[wrong[0]])} kept)")
    lane = kept_noise.lane(stack, FEED, "bulk")
    counted = stack.counted + load.low
    if lane != (int(load.epoch), load.low + 1, counted):
        raise Failed(f"{load.low} low alerts were taken in epoch {load.epoch}, {counted} in all: the lane says {lane}")
    stack.counted = counted


def rebuild(stack):
    done = stack.ctl("journal", "rebuild", "--verify", allowed=(0, 1, 4))
    report = json.loads(done.stdout.splitlines()[-1])
    if done.returncode != 0 or report["differences"] != 0:
        raise Failed(f"rebuild: {report.get('differences')} differences: {done.stdout[:400]}")
    return report


def after(run):
    """All of it, on a run whose loads have ended."""
    stack = run.stack
    for load in run.loads:
        if load.failure:
            raise Failed(load.failure)
    settled(stack)
    feed = next((l for l in run.loads if isinstance(l, Alerts)), None)
    if feed is None:
        feed = Alerts(stack, f"{run.tag}-probe", 0, run.seed)
        feed.suspend(stack.numbers[run.seed % len(stack.numbers)], 1)
    began = time.monotonic()
    planned = [l for l in run.loads if isinstance(l, Assessments)]
    while True:  # plans and verdicts follow events: they may take a moment more
        entries = entries_since(stack, run.first)
        sound = [e for e in entries if e["cause"] not in run.poisoned]
        try:
            for load in planned:
                assessments(load, sound)
            break
        except Failed:
            if time.monotonic() - began > 10:
                raise
            time.sleep(0.1)
    gapless(entries, run.first)
    effects_once(sound)
    quarantine(entries, run.poisoned)
    for load in run.loads:
        if isinstance(load, Cases):
            cases(stack, load, sound)
        elif isinstance(load, Registrations):
            registrations(load, sound)
    alerts(feed, sound)
    if feed.low > 0:
        noise(stack, feed)
        if feed.gone_back:
            run.note(f"the feed sent again {feed.gone_back} times")
    if (stack.dir / "receipts").exists():
        stack.ctl("journal", "check", str(stack.dir / "receipts"))
    rebuild(stack)
    reports = stack.reports()
    if reports:
        raise Failed(f"a sanitizer or assertion reported: {reports[0]}")
