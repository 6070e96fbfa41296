#!/usr/bin/env python3
"""Prints docs/protocol-vectors.json: a whole envelope, a request hash, an attached assessment, and receipts
that share a signature. Protobuf bytes are written by hand here and Ed25519 comes from make_vectors.py, so
nothing is shared with the C code that is checked against them.

  --check FILE  compare with FILE instead of printing
"""
import hashlib
import json
import sys

from make_vectors import SEEDS, prefixed, public_of, sign


def varint(n):
    out = b""
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    data = value if isinstance(value, bytes) else value.encode()
    return varint(field << 3 | 2) + varint(len(data)) + data


def signed(domain, parts, seed):
    body = prefixed([domain.encode()] + parts)
    return {
        "domain": domain,
        "parts_hex": [p.hex() for p in parts],
        "signed_text_hex": body.hex(),
        "digest_hex": hashlib.sha256(body).hexdigest(),
        "seed_hex": seed.hex(),
        "public_hex": public_of(seed).hex(),
        "signature_hex": sign(seed, body).hex(),
    }


def digest(domain, parts):
    return hashlib.sha256(prefixed([domain.encode()] + parts)).digest()


def assessment():
    business = text(1, "Web会議") + text(2, "TB-1")
    item = (text(1, "資料案") + number(2, 2) + number(3, 2) + number(4, 1) + number(5, 1) + number(6, 1) +
            number(7, 1) + text(8, "organisations") + text(9, "公表前の資料"))
    return (text(1, "soumu") + text(2, "企画課") + text(3, "acme") + text(4, "アクメ会議室") + text(5, business) +
            text(6, item) + text(7, "総務 四郎") + text(8, "総務 さくら") + text(9, "2026-10-05"))


def envelope():
    kind = "ismap.liu.v1.SubmitAssessment"
    payload = text(1, "C-C2V1N5SS3385SV1R") + text(2, assessment())
    fields = {"version": 1, "id": "0123456789abcdef", "type": kind, "payload_hex": payload.hex(),
              "sent_at_ms": 1795377600000, "key_id": "soumu-1"}
    sender, scheme = "soumu", "ismap-liu"
    at = fields["sent_at_ms"].to_bytes(8, "big")
    made = signed("ismap-liu/v1/message", [kind.encode(), fields["id"].encode(), sender.encode(), scheme.encode(),
                                           at, hashlib.sha256(payload).digest()], SEEDS[0])
    packed = (number(1, 1) + text(2, fields["id"]) + text(3, kind) + text(4, payload) +
              number(5, fields["sent_at_ms"]) + text(8, bytes.fromhex(made["signature_hex"])) +
              text(9, fields["key_id"]))
    return {"fields": fields, "sender": sender, "scheme_instance": scheme,
            "payload_sha256_hex": hashlib.sha256(payload).hexdigest(), "signature": made,
            "request_hash_hex": digest("ismap-liu/v1/request", [kind.encode(), payload]).hex(),
            "frame_hex": packed.hex()}


def level(nodes):
    pairs = [nodes[i:i + 2] for i in range(0, len(nodes), 2)]
    return [hashlib.sha256(b"\1" + p[0] + p[1]).digest() if len(p) == 2 else p[0] for p in pairs]


def path_of(leaves, at):
    steps, nodes = [], leaves
    while len(nodes) > 1:
        if at ^ 1 < len(nodes):
            steps.append({"sibling_is_left": bool(at & 1), "hash_hex": nodes[at ^ 1].hex()})
        nodes, at = level(nodes), at // 2
    return steps


def receipts():
    """Five leaves: the last one goes up two levels alone."""
    epoch, party = "00112233445566778899aabbccddeeff", "acme"
    rows, leaves = [], []
    for i in range(5):
        r = {"epoch": epoch, "seq": 41 + i, "at_ms": 1795377600123, "party": party, "id": f"request-{i:04d}",
             "request_hash_hex": digest("ismap-liu/v1/request", [b"ismap.liu.v1.DeclareUse", bytes([i])]).hex()}
        leaf = digest("ismap-liu/v1/receipt", [epoch.encode(), r["seq"].to_bytes(8, "big"),
                                               r["at_ms"].to_bytes(8, "big"), bytes.fromhex(r["request_hash_hex"]),
                                               party.encode(), r["id"].encode()])
        r["leaf_hex"] = leaf.hex()
        leaves.append(leaf)
        rows.append(r)
    for i, r in enumerate(rows):
        r["path"] = path_of(leaves, i)
    root = leaves
    while len(root) > 1:
        root = level(root)
    return {"root_hex": root[0].hex(), "signature": signed("ismap-liu/v1/receipt", [root[0]], SEEDS[1]),
            "receipts": rows}


def main():
    sheet = assessment()
    vectors = {
        "envelope": envelope(),
        "attached_assessment": {
            "assessment_hex": sheet.hex(), "ministry": "soumu", "provider": "acme",
            "signature": signed("ismap-liu/v1/assessment", [b"soumu", b"acme", sheet], SEEDS[0])},
        "receipts": receipts(),
    }
    out = json.dumps(vectors, indent=2, ensure_ascii=False) + "\n"
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        with open(sys.argv[2], encoding="utf-8") as f:
            sys.exit(0 if f.read() == out else f"{sys.argv[2]} differs from what this program prints")
    sys.stdout.write(out)


if __name__ == "__main__":
    main()
