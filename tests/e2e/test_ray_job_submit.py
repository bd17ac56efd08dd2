"""The main job, submitted to a Ray cluster that asks for a token."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.e2e]
BIN = Path(sys.executable).parent
SETTINGS = ["corpus.max_bytes=1MB", "mix.budget=5e4"]
STAGES = {"documents", "annotations", "decisions", "signatures", "duplicates", "domains", "counts", "proportions",
          "mixture"}


@pytest.fixture(scope="module")
def folder():
    """A short path: Ray's sockets lie below it, and a socket's path holds 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="cm-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def environment(folder):
    """What every process of these tests sees; HOME is empty, so that no token lies there."""
    (folder / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    loopback = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # else Ray takes the address of a network card for 127.0.0.1
    return kept | loopback | {"HOME": str(folder / "home"), "RAY_AUTH_MODE": "token",
                              "PATH": f"{BIN}:{os.environ['PATH']}",
                              "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")}


@pytest.fixture(scope="module")
def cluster(folder, environment):
    """The dashboard's address, and the environment with the token of a cluster on loopback."""
    environment = environment | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    gcs, dashboard, client = _free_ports(3)
    command = [BIN / "ray", "start", "--head", "--block", f"--port={gcs}", "--node-ip-address=127.0.0.1",
               "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}",
               "--num-cpus=2", "--object-store-memory=134217728", f"--temp-dir={folder / 'ray'}",
               "--disable-usage-stats"]
    with (folder / "ray.log").open("wb") as log:
        head = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield _answering(f"http://127.0.0.1:{dashboard}", environment, head, folder / "ray.log"), environment
    finally:
        _end(head)


def test_a_submitted_build_gives_the_digests_of_an_inline_build(cluster, folder, environment):
    """Job, cluster and token end to end; the last line that the job prints is its manifest."""
    address, with_token = cluster
    remote, inline = folder / "remote", folder / "inline"
    build = [BIN / "corpusmill", "build", "recipe=demo", *SETTINGS]
    submitted = _submit([BIN / "ray", "job", "submit", "--address", address, "--", *build, "engine=ray",
                         f"store.root={remote}"], with_token)
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    assert "succeeded" in submitted.stdout
    named = [line for line in submitted.stdout.splitlines() if line.startswith("manifest: ")]
    assert len(named) == 1
    manifest = Path(named[0].removeprefix("manifest: "))
    assert manifest.is_relative_to(remote)
    assert json.loads(manifest.read_bytes())["stage"] == "mixture"

    alone = _run([*build, "engine=inline", f"store.root={inline}"], environment)
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.splitlines()[-1].startswith("manifest: ")
    assert _digests(remote) == _digests(inline)
    assert {stage for stage, _ in _digests(remote)} >= STAGES


@pytest.mark.parametrize(("token", "status"), [(None, 401), (secrets.token_hex(32), 403)], ids=["none", "another"])
def test_a_request_without_the_token_is_refused(cluster, token, status):
    """Whoever can reach the port could otherwise run any code here."""
    address, _ = cluster
    request = urllib.request.Request(f"{address}/api/jobs/", data=b'{"entrypoint": "true"}', method="POST")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as answer:
        assert answer.code == status


def test_a_submission_without_the_token_is_refused(cluster, environment):
    """The same by the command that users type."""
    address, _ = cluster
    refused = _run([BIN / "ray", "job", "submit", "--address", address, "--", "true"], environment)
    assert refused.returncode != 0
    assert "token" in refused.stderr


def _run(command, environment):
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)


def _submit(command, environment):
    """The dashboard answers before the agent that takes jobs is there: on a busy machine it says so, and asks to try again."""
    for _ in range(30):
        submitted = _run(command, environment)
        if "No available agent" not in submitted.stderr:
            break
    return submitted


def _digests(root):
    """Stage and key → content digest, of every dataset under a root."""
    found = {}
    for path in root.glob("*/*/manifest.json"):
        manifest = json.loads(path.read_bytes())
        found[manifest["stage"], manifest["key"]] = manifest["digest"]
    return found


def _answering(address, environment, head, log):
    request = urllib.request.Request(f"{address}/api/jobs/",
                                     headers={"Authorization": f"Bearer {environment['RAY_AUTH_TOKEN']}"})
    for _ in range(120):
        if head.poll() is not None:
            break
        with suppress(OSError), urllib.request.urlopen(request, timeout=5):
            return address
        with suppress(subprocess.TimeoutExpired):
            head.wait(0.5)
    pytest.fail(f"the cluster did not start:\n{log.read_text()}")


def _end(head):
    """The head ends its children when asked; what outlives it is of its process group."""
    head.terminate()
    with suppress(subprocess.TimeoutExpired):
        head.wait(45)
    with suppress(ProcessLookupError):
        os.killpg(head.pid, signal.SIGKILL)
    head.wait()


def _free_ports(count):
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
