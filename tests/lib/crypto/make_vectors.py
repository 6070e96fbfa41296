#!/usr/bin/env python3
"""Prints docs/test-vectors.json.

Ed25519 is computed here from the formulas of RFC 8032 section 5.1, without OpenSSL, so that the
vectors check the C code against something that shares nothing with it. The three first vectors of
section 7.1 are checked before anything is printed.
"""
import hashlib
import json

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * SQRT_M1 % P
    return P - x if x & 1 != sign else x


GY = 4 * pow(5, P - 2, P) % P
GX = recover_x(GY, 0)
G = (GX, GY, 1, GX * GY % P)


def add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return (w * x % P, y * z % P, x * y % P, w * z % P)


def mul(s, a):
    r = (0, 1, 1, 0)
    while s:
        if s & 1:
            r = add(r, a)
        a = add(a, a)
        s >>= 1
    return r


def compress(a):
    z = pow(a[2], P - 2, P)
    x, y = a[0] * z % P, a[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def number(data):
    return int.from_bytes(hashlib.sha512(data).digest(), "little") % Q


def expand(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little")
    return a & (1 << 254) - 8 | 1 << 254, h[32:]


def public_of(seed):
    return compress(mul(expand(seed)[0], G))


def sign(seed, text):
    a, prefix = expand(seed)
    public = compress(mul(a, G))
    r = number(prefix + text)
    point = compress(mul(r, G))
    s = (r + number(point + public + text) * a) % Q
    return point + s.to_bytes(32, "little")


RFC8032 = [
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
]

SEEDS = [bytes.fromhex(v[0]) for v in RFC8032]


def prefixed(parts):
    return b"".join(len(p).to_bytes(4, "big") + p for p in parts)


def vector(name, domain, parts, seed, **changes):
    text = prefixed([domain.encode()] + parts)
    v = {
        "name": name,
        "valid": not changes,
        "domain": domain,
        "parts_hex": [p.hex() for p in parts],
        "digest_hex": hashlib.sha256(text).hexdigest(),
        "seed_hex": seed.hex(),
        "public_hex": public_of(seed).hex(),
        "signature_hex": sign(seed, text).hex(),
    }
    v.update(changes)
    return v


def main():
    for seed, public, message, signature in RFC8032:
        assert public_of(bytes.fromhex(seed)).hex() == public
        assert sign(bytes.fromhex(seed), bytes.fromhex(message)).hex() == signature

    message = "ismap-liu/v1/message"
    parts = [b"ismap.liu.v1.SubmitAssessment", b"0001", b"ministry-a",
             hashlib.sha256(b"payload").digest()]
    text = prefixed([message.encode()] + parts)
    flipped = bytearray(sign(SEEDS[0], text))
    flipped[40] ^= 1
    s = int.from_bytes(sign(SEEDS[0], text)[32:], "little")
    malleable = sign(SEEDS[0], text)[:32] + (s + Q).to_bytes(32, "little")
    other = prefixed([b"ismap-liu/v1/receipt"] + parts)
    unprefixed = message.encode() + b"".join(parts)
    vectors = [
        vector("domain alone", message, [], SEEDS[0]),
        vector("one empty part", message, [b""], SEEDS[0]),
        vector("a message", message, parts, SEEDS[0]),
        vector("the same parts as a receipt", "ismap-liu/v1/receipt", parts, SEEDS[0]),
        vector("parts ab and c", "ismap-liu/v1/request", [b"ab", b"c"], SEEDS[1]),
        vector("parts a and bc", "ismap-liu/v1/request", [b"a", b"bc"], SEEDS[1]),
        vector("a part of 300 bytes", "ismap-liu/v1/notice", [bytes(range(256)) + bytes(44)],
               SEEDS[2]),
        vector("Japanese text", "ismap-liu/v1/verdict", ["影響度評価".encode(), "低".encode()],
               SEEDS[2]),
        vector("altered byte in a part", message, parts[:3] + [parts[3][:-1] + b"\0"], SEEDS[0],
               valid=False, signature_hex=sign(SEEDS[0], text).hex()),
        vector("altered byte in the signature", message, parts, SEEDS[0],
               valid=False, signature_hex=bytes(flipped).hex()),
        vector("S raised by the group order", message, parts, SEEDS[0],
               valid=False, signature_hex=malleable.hex()),
        vector("signature of another key", message, parts, SEEDS[0],
               valid=False, signature_hex=sign(SEEDS[1], text).hex()),
        vector("signature under another domain", message, parts, SEEDS[0],
               valid=False, signature_hex=sign(SEEDS[0], other).hex()),
        vector("signature without length prefixes", message, parts, SEEDS[0],
               valid=False, signature_hex=sign(SEEDS[0], unprefixed).hex()),
        vector("parts cut elsewhere", message, [parts[0] + parts[1][:1], parts[1][1:]] + parts[2:],
               SEEDS[0], valid=False, signature_hex=sign(SEEDS[0], text).hex()),
        vector("all zero signature", message, parts, SEEDS[0],
               valid=False, signature_hex="00" * 64),
        vector("public key of order 1, signature of nothing", message, parts, SEEDS[0],
               valid=False, public_hex="01" + "00" * 31,
               signature_hex="01" + "00" * 31 + "00" * 32),
        vector("public key of order 1 written as p + 1", message, parts, SEEDS[0],
               valid=False, public_hex="ee" + "ff" * 30 + "7f",
               signature_hex="01" + "00" * 31 + "00" * 32),
    ]
    print(json.dumps(vectors, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
