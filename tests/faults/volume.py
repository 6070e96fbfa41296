"""Small file systems in the place of a directory, so that a disk is really full.

The runner starts itself again in mounts of its own (unshare), as root or in a user namespace: what is mounted there
nobody else sees, and it is gone with the last process. Where that is not allowed, rows that need it are left out aloud.
"""
import os
import shutil
import subprocess
import sys
import tempfile

INSIDE = "LIU_FAULTS_MOUNTS"
WAYS = (("unshare", "--mount", "--propagation", "private"),
        ("unshare", "--user", "--map-root-user", "--mount", "--propagation", "private"))
BLOCK = 4096


def allowed():
    return os.environ.get(INSIDE) == "yes"


def enter():
    """Does not return when mounts are allowed and we are not inside yet."""
    if INSIDE in os.environ:
        return
    with tempfile.TemporaryDirectory() as place:
        for way in WAYS:
            try:
                tried = subprocess.run([*way, "mount", "-t", "tmpfs", "-o", "size=64k", "liu-faults", place],
                                       capture_output=True, check=False, timeout=20)
            except (OSError, subprocess.TimeoutExpired):
                continue
            if tried.returncode == 0:
                break
        else:
            print("SKIPPED: no mounts of our own here, so no disk is really full", file=sys.stderr)
            os.environ[INSIDE] = "no"
            return
    os.environ[INSIDE] = "yes"
    os.execvp(way[0], [*way, sys.executable, *sys.argv])


def mount(*words):
    subprocess.run(["mount", *words], check=True, capture_output=True, timeout=20)


def used(directory):
    """Bytes that its files take in a tmpfs, with a block for each name."""
    total = 0
    for base, dirs, files in os.walk(directory):
        total += BLOCK * (1 + len(dirs))
        for name in files:
            path = os.path.join(base, name)
            if os.path.isfile(path):
                total += BLOCK * (1 + -(-os.path.getsize(path) // BLOCK))
    return total


class Volume:
    """`directory` with all that is in it, on a file system with `room` bytes more. Nobody may have it open at its
    beginning and at its end."""

    def __init__(self, directory, room):
        self.dir = directory
        below = directory.with_name(directory.name + ".below")
        shutil.copytree(directory, below, ignore=lambda d, names: [n for n in names if n.endswith(".sock")])
        mount("-t", "tmpfs", "-o", f"size={used(below) + 64 * BLOCK},mode=700", "liu-faults", str(directory))
        shutil.copytree(below, directory, dirs_exist_ok=True)
        shutil.rmtree(below)
        self.leave(room)

    def leave(self, room):
        """So many bytes are free from now on."""
        at = os.statvfs(self.dir)
        taken = (at.f_blocks - at.f_bfree) * at.f_frsize
        mount("-o", f"remount,size={taken + room}", str(self.dir))

    def free(self):
        at = os.statvfs(self.dir)
        return at.f_bavail * at.f_frsize

    def end(self):
        above = self.dir.with_name(self.dir.name + ".above")
        shutil.copytree(self.dir, above, ignore=lambda d, names: [n for n in names if n.endswith(".sock")])
        subprocess.run(["umount", str(self.dir)], check=True, capture_output=True, timeout=20)
        shutil.rmtree(self.dir)
        above.rename(self.dir)
