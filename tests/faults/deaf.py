"""A peer that sends and never reads, made of the example client (examples/python)."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
made = {}


def example():
    """(module, message classes), or None when what it needs is not installed."""
    if "client" not in made:
        sys.path.insert(0, str(ROOT / "examples/python"))
        try:
            import liu_client
            made["client"] = (liu_client, liu_client.generated())
        except (ImportError, OSError):
            made["client"] = None
    return made["client"]


class Peer:
    def __init__(self, module, types, directory, service, identity):
        config = module.fields(directory / "liuctl.yaml")
        self.client = module.Client(config, identity, types)
        self.socket = module.zmq.Context.instance().socket(module.zmq.DEALER)
        self.again = module.zmq.Again
        self.dont_wait = module.zmq.DONTWAIT
        s, keys = self.socket, self.client.keys
        s.linger, s.rcvhwm, s.rcvbuf = 0, 1, 4096
        s.curve_publickey, s.curve_secretkey = (keys[f"curve_{x}"].encode() for x in ("public", "secret"))
        s.curve_serverkey = module.fields(config[f"{service}_key"])["curve_public"].encode()
        s.connect(config[f"{service}_endpoint"])
        self.fetch = types["FetchEvents"](wait_ms=0)

    def ask(self):
        try:
            self.socket.send(self.client.envelope(self.fetch, False).SerializeToString(), self.dont_wait)
        except self.again:
            pass  # the service reads no more of us

    def close(self):
        self.socket.close()


def peer(directory, service, identity):
    found = example()
    return None if found is None else Peer(*found, directory, service, identity)
