"""Telegraf, writing as to InfluxDB 1, 2 and 3 at once, to a server that is killed, stopped, overloaded and
whose disk is full: in the end every metric is there, once.

The server is one of its own, as the others' must not be killed. Its data directory is a small volume where the
machine allows that; where it does not, the disk is not filled, and the output says so.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import kit

HERE = Path(__file__).resolve().parent
BINARY, TELEGRAF = os.environ["TIDEMILL_BINARY"], os.environ["TELEGRAF"]
TOKEN = "telegraf-kit-token"
DATABASES = ["by v1", "by v2", "by_v3"]
NAMESPACE = ["unshare", "--map-root-user", "--mount"]
HAS_VOLUME = "TELEGRAF_KIT_HAS_VOLUME"
PATIENCE = 90
# Less than what a body may be at most, so that one request can take all of it.
IN_FLIGHT = 1 << 20


class Server:
    """The server, whose address stays the same however often it is started."""

    def __init__(self, folder):
        self.folder, self.data = folder, folder / "data"
        self.data.mkdir()
        if os.environ.get(HAS_VOLUME):
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", self.data], check=True)
        self.binds = ["127.0.0.1:0", "127.0.0.1:0"]
        self.start()

    def start(self):
        settings = ["wal.segment_size=1MiB", "wal.quota=8MiB", f"server.bodies.in_flight_bytes_max={IN_FLIGHT}"]
        command = [BINARY, "serve", "--data-dir", self.data, "--http-bind", self.binds[0], "--v3-bind", self.binds[1]]
        command += [word for setting in settings for word in ("--set", setting)]
        environment = os.environ | {"TIDEMILL_INIT_ADMIN_TOKEN": TOKEN, "TIDEMILL_INIT_BUCKET": "by v2"}
        with open(self.folder / "server.log", "a") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        kit.wait_for("the server is ready", self.is_ready, PATIENCE)

    def is_ready(self):
        assert self.process.poll() is None, "the server ended"
        try:
            found = json.loads((self.data / "endpoints.json").read_text())
            self.binds = [found["http"], found["v3"]]
            kit.URL = f"http://{self.binds[0]}"
            kit.call("GET", "/ready", token=TOKEN)
            return True
        except (OSError, ValueError, KeyError):
            return False

    def said(self):
        """How long its log is."""
        return len((self.folder / "server.log").read_text())

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(PATIENCE)
        # The next one writes its own.
        (self.data / "endpoints.json").unlink(missing_ok=True)


class Metrics:
    """What Telegraf is given to send, numbered."""

    def __init__(self, folder):
        self.path = folder / "metrics.lp"
        self.path.touch()
        self.given = 0

    def give(self, count=300):
        with open(self.path, "a") as file:
            for n in range(self.given, self.given + count):
                file.write(f"m,asset=a{n % 7} n={n}i,v={n / 8} {kit.BASE + n}\n")
        self.given += count

    def give_one_of_another_type(self):
        with open(self.path, "a") as file:
            file.write(f'm,asset=bad n="text" {kit.BASE}\n')

    def arrived(self, database):
        """How many metrics have arrived; fails if one has arrived as another."""
        query = {"db": database, "q": "SELECT count(*) AS n, sum(n) AS total, count(DISTINCT n) AS kinds FROM m", "format": "json"}
        try:
            found = kit.call("POST", "/api/v3/query_sql", query, TOKEN)[0]
        except OSError:
            return 0  # the table is not there yet, or the server is not
        assert found["n"] == found["kinds"], f"{database}: {found}"
        return found["n"]

    def all_arrive(self):
        def have_arrived():
            found = {database: self.arrived(database) for database in DATABASES}
            assert max(found.values()) <= self.given, f"{found} of {self.given}"
            return set(found.values()) == {self.given}

        try:
            kit.wait_for(f"{self.given} metrics are there", have_arrived, PATIENCE)
        except AssertionError as error:
            found = {database: self.arrived(database) for database in DATABASES}
            raise AssertionError(f"{error}: {found}") from error


def is_refused(server, reason, start):
    """Waits until the server says, after this place in its log, that it has refused a write."""
    log, text = server.folder / "server.log", f'reason="{reason}"'
    kit.wait_for(f"a write is refused: {reason}", lambda: text in log.read_text()[start:], PATIENCE)


def sends_everything(server, metrics):
    metrics.give()
    metrics.all_arrive()


def survives_a_kill(server, metrics):
    metrics.give(100)
    server.end(signal.SIGKILL)
    metrics.give()
    server.start()
    metrics.give(100)
    metrics.all_arrive()


def survives_a_restart(server, metrics):
    metrics.give(100)
    server.end(signal.SIGTERM)
    metrics.give()
    server.start()
    metrics.all_arrive()


def survives_an_overload(server, metrics):
    host, port = server.binds[0].split(":")
    with socket.create_connection((host, int(port))) as hog:
        # A body that takes all the memory that bodies may take, for as long as its last byte does not come.
        head = f"POST /api/v2/write?bucket=by+v2 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Token {TOKEN}\r\n"
        hog.sendall(f"{head}Content-Length: {IN_FLIGHT}\r\n\r\n".encode() + b"#" * (IN_FLIGHT - 1))
        start = server.said()
        metrics.give()
        is_refused(server, "overloaded", start)
    metrics.all_arrive()


def survives_a_full_disk(server, metrics):
    if not os.environ.get(HAS_VOLUME):
        print("SKIPPED: this machine lets nobody mount a volume in a namespace", flush=True)
        return
    filler = server.data / "filler"
    # Its table is there before: making it takes room of another kind than the log's.
    assert took("filling s=\"x\" 0")
    with open(filler, "wb", buffering=0) as file:
        for size in [1 << 20, 1 << 12, 1]:
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    # What is reserved in the log's segment is used up by lines that are nobody's.
    lines = (f'filling s="{"x" * 20_000}" {n + 1}' for n in range(200))
    assert not all(took(line) for line in lines), "the volume does not run full"
    start = server.said()
    metrics.give()
    is_refused(server, "storage_full", start)
    filler.unlink()
    metrics.all_arrive()


def took(line):
    """Writes a line; whether the server had room for it."""
    url = f"{kit.URL}/api/v3/write_lp?db=filling"
    request = urllib.request.Request(url, data=line.encode(), headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        urllib.request.urlopen(request).read()
        return True
    except urllib.error.HTTPError as error:
        assert error.code == 507, error.read()
        return False


def loses_nothing_beside_a_bad_metric(server, metrics):
    metrics.give(60)
    metrics.give_one_of_another_type()
    metrics.give(60)
    metrics.all_arrive()


def all_checks(folder):
    server, metrics = Server(folder), Metrics(folder)
    config = (HERE / "telegraf.conf").read_text()
    for name, value in {"FILE": metrics.path, "URL": f"http://{server.binds[0]}", "V3": f"http://{server.binds[1]}", "TOKEN": TOKEN, "ORG": "default"}.items():
        config = config.replace(f'"{name}"', f'"{value}"')
    (folder / "telegraf.conf").write_text(config)
    log = folder / "telegraf.log"
    with open(log, "w") as output:
        telegraf = subprocess.Popen([TELEGRAF, "--config", folder / "telegraf.conf"], stdout=output, stderr=output)

    def checked(check):
        def run():
            assert telegraf.poll() is None, f"Telegraf ended:\n{log.read_text()[-2000:]}"
            try:
                check(server, metrics)
            except BaseException:
                print(f"--- Telegraf\n{log.read_text()[-3000:]}\n--- server\n{(folder / 'server.log').read_text()[-3000:]}")
                raise

        run.__name__ = check.__name__
        return run

    checks = [sends_everything, survives_a_kill, survives_a_restart, survives_an_overload, loses_nothing_beside_a_bad_metric, survives_a_full_disk]
    try:
        kit.main([checked(check) for check in checks])
    finally:
        telegraf.kill()
        server.process.kill()
        telegraf.wait()
        server.process.wait()
        if os.environ.get(HAS_VOLUME):
            subprocess.run(["umount", server.data], check=True)


if __name__ == "__main__":
    probe = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if HAS_VOLUME not in os.environ and subprocess.run(probe, capture_output=True).returncode == 0:
        os.environ[HAS_VOLUME] = "yes"
        os.execvp(NAMESPACE[0], [*NAMESPACE, sys.executable, __file__])
    with tempfile.TemporaryDirectory(prefix="tidemill-telegraf-") as folder:
        all_checks(Path(folder))
