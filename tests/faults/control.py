"""One process' switches: the struct faults of shim.h in a file that the process has mapped."""
import mmap
import os
import struct

FIELDS = ("clock_ahead_ms", "disk_full", "sync_delay_us", "point", "countdown", "seen")
POINTS = {
    name: n for n, name in enumerate((
        "never", "before-commit", "after-commit", "after-answer", "before-reply", "after-reply",
        "before-write", "torn-write", "before-sync", "after-sync", "rename"))
}


class Control:
    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(bytes(8 * len(FIELDS)))
        self.fd = os.open(path, os.O_RDWR)
        self.map = mmap.mmap(self.fd, 8 * len(FIELDS))

    def get(self, name):
        return struct.unpack_from("<q", self.map, 8 * FIELDS.index(name))[0]

    def set(self, **values):
        for name, value in values.items():
            struct.pack_into("<q", self.map, 8 * FIELDS.index(name), value)

    def kill_at(self, point, nth):
        self.set(countdown=nth, point=POINTS[point])

    def off(self):
        self.set(**{name: 0 for name in FIELDS})

    def close(self):
        self.map.close()
        os.close(self.fd)
