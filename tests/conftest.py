"""Stores that the tests start on loopback."""

import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from hypothesis import settings

from corpusmill.jobs.runtime.store import Store, StoreOptions, open_store

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "support"))  # what test folders share: builds.py, verify.py
# Machines that run tests are shared and kernels compile on first use: an example's time says nothing.
settings.register_profile("corpusmill", deadline=None)
settings.load_profile("corpusmill")

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "corpusmill", "AWS_SECRET_ACCESS_KEY": "corpusmill-secret"}


@pytest.fixture(scope="session")
def aws_credentials():
    """The process (and what it starts) has these credentials and no others, whatever the machine is set up for."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        settings = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull,
                    "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        for name, value in (CREDENTIALS | settings).items():
            patch.setenv(name, value)
        yield CREDENTIALS


@pytest.fixture(scope="session")
def s3_server(aws_credentials):
    """The endpoint of an S3 server that keeps its objects in memory."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    dispatch, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def one_at_a_time(environ, start_response):
        # moto checks a condition and stores the object in two steps, between which another thread may come.
        with lock:
            return dispatch(environ, start_response)

    server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def radosgw(aws_credentials):
    """The endpoint of a Ceph object gateway, where Debian's packages for one are installed."""
    if shutil.which("radosgw") is None or shutil.which("ceph-osd") is None:
        pytest.skip("no radosgw here: apt-get install ceph-mon ceph-osd ceph-common radosgw")
    script = ROOT / "deploy" / "dev" / "radosgw.sh"
    process = subprocess.Popen([script, str(_free_port())], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        first = process.stdout.readline()
        if not first.startswith("ready "):
            pytest.fail(f"the Ceph gateway did not start: {first}{process.stderr.read()}")
        yield first.split()[1]
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="session")
def new_store():
    """A function that opens an empty store in a bucket of its own at an endpoint."""
    from corpusmill.jobs.runtime.store_s3_client import client

    def make(endpoint: str) -> Store:
        options = StoreOptions(endpoint=endpoint)
        bucket = f"test-{uuid.uuid4().hex[:12]}"
        client(options).create_bucket(Bucket=bucket)
        return open_store(f"s3://{bucket}/some/prefix", options)

    return make


@pytest.fixture
def s3_store(s3_server, new_store) -> Store:
    """An empty store on the in-memory server."""
    return new_store(s3_server)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
