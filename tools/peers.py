"""Servers that tests and benchmarks start for themselves: on free loopback ports, in a temporary
folder, gone when the process that started them is, however it ends."""

import ctypes
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

children = []


def die_with_parent():
    """Runs in the child: the kernel ends it when this script is gone, even by SIGKILL."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def start(command, **options):
    child = subprocess.Popen(command, start_new_session=True, preexec_fn=die_with_parent,
                             stdin=subprocess.DEVNULL, **options)
    children.append(child)
    return child


def stop_group(child, number):
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def stop_all():
    for child in children:
        stop_group(child, signal.SIGINT)
    until = time.monotonic() + 3
    for child in children:
        try:
            child.wait(max(0.05, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        stop_group(child, signal.SIGKILL)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, child, log):
    until = time.monotonic() + 30
    while time.monotonic() < until and child.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{child.args[0]} does not listen\n{log.read_text()}")


def start_postgres(work):
    """PostgreSQL refuses to run as root; then it runs as its package's own user."""
    bins = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
    found = bins[-1] if bins else os.path.dirname(shutil.which("initdb") or "")
    if not found:
        sys.exit("no PostgreSQL here; run tools/bootstrap test")
    folder = work / "postgres"
    folder.mkdir()
    who = {"cwd": "/"}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        who.update(user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    subprocess.run([f"{found}/initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust",
                    "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                   check=True, stdout=subprocess.DEVNULL, **who)
    port, log = free_port(), work / "postgres.log"
    with log.open("w") as out:
        child = start([f"{found}/postgres", "-D", folder / "data", "-p", str(port),
                       "-c", "listen_addresses=127.0.0.1", "-k", str(folder),
                       "-c", "fsync=off", "-c", "synchronous_commit=off",
                       "-c", "full_page_writes=off", "-c", "max_connections=300"],
                      stdout=out, stderr=subprocess.STDOUT, **who)
    wait_for_port(port, child, log)
    until = time.monotonic() + 30
    while subprocess.run([f"{found}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode:
        if time.monotonic() > until:
            sys.exit(f"PostgreSQL is not ready\n{log.read_text()}")
        time.sleep(0.05)
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


def start_redis(work):
    port, log = free_port(), work / "redis.log"
    with log.open("w") as out:
        child = start(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                       "--appendonly", "no", "--dir", str(work)],
                      stdout=out, stderr=subprocess.STDOUT)
    wait_for_port(port, child, log)
    return f"redis://127.0.0.1:{port}/0"
