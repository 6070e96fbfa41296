#!/usr/bin/python3
"""A client of ISMAP-LIU (docs/protocol.md): python3-zmq, python3-protobuf, python3-nacl, protobuf-compiler.

usage: liu_client.py LIUCTL.yaml PROVIDER CASE.json [MINISTRY SHEET.json]

The provider submits the pre-application; the ministry, when given, sends its assessment, signed. Then the
provider's events are followed until the verdict; its signature and the receipts are verified.
Exit status: 0 eligible, 1 another verdict, 2 wrong usage, 3 refused or no answer.
"""
import base64, hashlib, json, secrets, subprocess, sys, tempfile, time
from pathlib import Path
import zmq
from google.protobuf import json_format
from nacl.signing import SigningKey, VerifyKey
PROTO = Path(__file__).resolve().parents[2] / "proto"
PACKAGE, AGAIN_MS, GIVE_UP_MS, WAIT_MS = "ismap.liu.v1.", 2000, 15000, 10000


def generated():
    """The message classes, compiled from proto/ at run time; returns name -> class."""
    files = [str(p) for p in PROTO.glob("ismap/liu/v1/*.proto")]
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(["protoc", f"-I{PROTO}", f"--python_out={out}", *files], check=True)
        sys.path.insert(0, out)
        modules = [__import__(f"ismap.liu.v1.{Path(f).stem}_pb2", fromlist=["x"]) for f in files]
    return {n: getattr(m, n) for m in modules for n in m.DESCRIPTOR.message_types_by_name}


def fields(path):
    """Key files and liuctl.yaml alike: a name, perhaps a colon, and the rest of the line."""
    lines = (l.split(None, 1) for l in Path(path).read_text().splitlines() if l and l[0] != "#")
    return {l[0].rstrip(":"): l[1].strip() for l in lines if len(l) == 2}


def prefixed(domain, *parts):
    """What is signed: the domain and each part behind its length (4 bytes, big-endian)."""
    return b"".join(len(p).to_bytes(4, "big") + p for p in (domain.encode(), *parts))


class Refused(Exception):
    """In words: a refusal, no answer, or an answer that does not verify."""


class Client:
    def __init__(self, config, identity, types):
        self.conf, self.me, self.types, self.doors = config, identity, types, {}
        self.scheme = config.get("scheme_instance", "ismap-liu")
        self.keys, self.sign_key = (fields(f"{config['key_dir']}/{identity}.{x}") for x in ("curve", "sign"))

    def ways(self, service):
        """One socket; two while the service's key is changed, that of the newer key file first."""
        ways = [(Path(self.conf.get(f"{service}{w}_key", "")), f"{service}{w}_endpoint") for w in ("", "_second")]
        for file, endpoint in sorted((w for w in ways if w[0].is_file()), key=lambda w: -w[0].stat().st_mtime):
            if endpoint not in self.doors:
                self.doors[endpoint] = s = zmq.Context.instance().socket(zmq.DEALER)
                s.linger, s.immediate = 0, 1  # ready to send means connected
                s.curve_publickey, s.curve_secretkey = (self.keys[f"curve_{x}"].encode() for x in ("public", "secret"))
                s.curve_serverkey = fields(file)["curve_public"].encode()
                s.connect(self.conf[endpoint])
            yield self.doors[endpoint]

    def envelope(self, message, sign):
        env = self.types["Envelope"](version=1, id=secrets.token_hex(16), sent_at_ms=time.time_ns() // 10**6,
                                     type=message.DESCRIPTOR.full_name, payload=message.SerializeToString())
        if sign:
            text = prefixed("ismap-liu/v1/message", *(x.encode() for x in (env.type, env.id, self.me, self.scheme)),
                            env.sent_at_ms.to_bytes(8, "big"), hashlib.sha256(env.payload).digest())
            env.key_id = self.sign_key["key_id"]
            env.signature = SigningKey(bytes.fromhex(self.sign_key["ed25519_secret"])).sign(text).signature
        return env

    def ask(self, service, message, sign=False, wait_ms=0):
        """Sends until answered, always the same bytes: the service makes the effect once."""
        env = self.envelope(message, sign)
        data, until = env.SerializeToString(), time.monotonic() + (GIVE_UP_MS + wait_ms) / 1000
        while time.monotonic() < until:
            if not (door := next((w for w in self.ways(service) if w.poll(1000, zmq.POLLOUT)), None)):
                continue
            door.send(data)
            again = time.monotonic() + (AGAIN_MS + wait_ms) / 1000
            while (left := again - time.monotonic()) > 0 and door.poll(int(left * 1000) + 1):
                reply = self.types["Reply"].FromString(door.recv())
                if reply.request_id not in (env.id, ""):
                    continue  # the answer to an earlier request
                if begins := next((d.number for d in reply.details if d.rule == "P-FIRST"), 0):
                    message.after_seq = begins - 1  # what came before is kept no more
                    return self.ask(service, message, sign, wait_ms)
                if service != "ledger" and any(d.rule == "P-ARCHIVED" for d in reply.details):
                    return self.ask("ledger", message, sign, wait_ms)  # these events have left Redis
                if reply.status not in (8, 10, 14):  # RESOURCE_EXHAUSTED, ABORTED, UNAVAILABLE
                    return self.answer(reply, env)
                time.sleep(max(reply.retry_after_ms, 50) / 1000)
                break
        raise Refused(f"{service}: no answer, or only requests to come again")

    def answer(self, reply, env):
        if reply.status != 0:
            name = reply.DESCRIPTOR.fields_by_name["status"].enum_type.values_by_number[reply.status].name
            raise Refused("\n  ".join([name] + [f"{d.field} [{d.rule}] {d.message_en}" for d in reply.details]))
        if reply.receipt.key_id:  # numbered alerts have none
            self.check_receipt(reply.receipt, env)
        return self.types[reply.type[len(PACKAGE):]].FromString(reply.payload)

    def scheme_verify(self, key_id, text, signature):
        keys = json.loads(Path(self.conf["key_dir"], "scheme.json").read_text())["signing"]
        VerifyKey(base64.b64decode(next(k["publicKey"] for k in keys if k["keyId"] == key_id))).verify(text, signature)

    def check_receipt(self, r, env):
        want = hashlib.sha256(prefixed("ismap-liu/v1/request", env.type.encode(), env.payload)).digest()
        if r.request_hash != want:
            raise Refused("the receipt is for another request")
        leaf = (r.epoch.encode(), *(n.to_bytes(8, "big") for n in (r.seq, r.at_ms)), want, self.me.encode(), env.id.encode())
        node = hashlib.sha256(prefixed("ismap-liu/v1/receipt", *leaf)).digest()
        for step in r.path:
            node = hashlib.sha256(b"\1" + (step.hash + node if step.sibling_is_left else node + step.hash)).digest()
        self.scheme_verify(r.key_id, prefixed("ismap-liu/v1/receipt", node), r.signature)
        print(f"receipt verified: {env.type[len(PACKAGE):]} seq {r.seq} path {len(r.path)}")

    def follow(self):
        """Every event of this party, once and in order. A client that lives on keeps epoch and next_seq."""
        ask = self.types["FetchEvents"](wait_ms=WAIT_MS)
        while True:
            got = self.ask("intake", ask, wait_ms=WAIT_MS)
            for e in got.events:
                yield e, self.types[e.type[len(PACKAGE):]].FromString(e.payload)
            ask.epoch, ask.after_seq = got.epoch, got.next_seq


def main(argv):
    if len(argv) not in (4, 6):
        sys.exit(print(__doc__, file=sys.stderr) or 2)
    types, config = generated(), fields(argv[1])
    load = lambda name, path: json_format.Parse(Path(path).read_text(), types[name]())
    provider = Client(config, argv[2], types)
    case = load("SubmitPreApplication", argv[3])
    case.asked_ministries.extend(argv[4:5])
    case_id = provider.ask("intake", case).case_id
    if len(argv) == 6:
        sheet = types["SubmitAssessment"](case_id=case_id, assessment=load("Assessment", argv[5]))
        Client(config, argv[4], types).ask("intake", sheet, sign=True)
    for event, m in (x for x in provider.follow() if getattr(x[1], "case_id", None) == case_id):
        print(f"case {case_id} seq {event.seq} {event.type[len(PACKAGE):]}", flush=True)
        if event.type == PACKAGE + "VerdictChanged" and m.state == 4:  # JUDGMENT_STATE_DECIDED
            provider.scheme_verify(m.key_id, prefixed("ismap-liu/v1/verdict", case_id.encode(), m.verdict), m.signature)
            print("verdict", "ELIGIBLE" if m.result == 1 else "other", m.matched_code)
            return 0 if m.result == 1 else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv))
    except Refused as e:
        sys.exit(print(f"refused: {e}", file=sys.stderr) or 3)
