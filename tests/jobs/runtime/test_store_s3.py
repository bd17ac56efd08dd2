import http.client
import http.server
import threading
import time

import pytest
from botocore.parsers import ResponseParserError
from botocore.retries.standard import ExponentialBackoff

from corpusmill.jobs.runtime import store_s3
from corpusmill.jobs.runtime.store import StoreOptions, open_store, preflight
from corpusmill.jobs.runtime.store_s3_client import client, explained, forget_clients
from corpusmill.operators.errors import Corrupt, Missing, StoreError

pytestmark = pytest.mark.s3


class Relay(http.server.ThreadingHTTPServer):
    """Passes requests on to a server, but has the next fault happen to each request whose method it is for."""

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), RelayHandler)
        self.target = target.removeprefix("http://")
        self.faults = []
        self.seen = []

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"


class RelayHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # else boto3 waits a second for "100 Continue" before each body

    def relay(self):
        self.server.seen.append((self.command, self.path))
        faults = self.server.faults
        fault = faults.pop(0)[1] if faults and faults[0][0] == self.command else None
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if fault and fault.isdigit():
            return self.answer(int(fault), {}, b"")
        if fault and fault[0].isupper():
            return self.answer(int(fault[-3:]), {}, f"<Error><Code>{fault[:-3]}</Code></Error>".encode())
        if fault == "damage":
            body = b"?" + body[1:]
        upstream = http.client.HTTPConnection(self.server.target)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if fault == "lost":
            self.close_connection = True
            return None
        return self.answer(answer.status, dict(answer.getheaders()), content, cut=fault == "cut")

    def answer(self, status, headers, content, cut=False):
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", headers.get("Content-Length", str(len(content))))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = relay  # noqa: N815

    def log_message(self, *args):
        pass


@pytest.fixture
def relay(s3_server):
    with Relay(s3_server) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def store(relay, s3_store, monkeypatch):
    """A store behind the relay; waits between attempts are skipped."""
    monkeypatch.setattr(store_s3.random, "random", lambda: 0.0)
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda self, context: 0.0)
    return open_store(s3_store.root, StoreOptions(endpoint=relay.endpoint, attempts=3))


@pytest.fixture
def no_clients():
    """Credentials are read anew at the test's beginning and after its end."""
    forget_clients()
    yield
    forget_clients()


@pytest.mark.parametrize("fault", ["lost", "503", "500", "SlowDown503"])
def test_passing_faults_are_retried(store, relay, fault):
    relay.faults = [("PUT", fault), ("PUT", fault)]
    store.write("x", b"content")
    relay.faults = [("GET", fault)]
    assert store.read("x") == b"content"
    assert relay.faults == []


@pytest.mark.parametrize("condition", ["absent", "version"])
def test_a_conditional_put_whose_answer_was_lost_is_won(store, relay, condition):
    """The retry is refused, for the object of the first attempt is there: it must be known as our own."""
    expected = None
    if condition == "version":
        store.write("x", b"before")
        expected = store.version("x")
    relay.faults = [("PUT", "lost")]
    assert store.replace("x", b"content", expected) is True
    assert [method for method, _ in relay.seen].count("PUT") >= 2
    assert store.replace("x", b"content", expected) is False


def test_the_same_bytes_of_another_writer_do_not_win(store, relay, s3_store):
    s3_store.put_if_absent("x", b"same")
    relay.faults = [("PUT", "503")]
    assert store.put_if_absent("x", b"same") is False


def test_a_conflict_between_conditional_puts_is_tried_again(store, relay):
    relay.faults = [("PUT", "ConditionalRequestConflict409")] * 2
    assert store.put_if_absent("x", b"content") is True
    relay.faults = [("PUT", "ConditionalRequestConflict409")] * 3
    with pytest.raises(StoreError, match="ConditionalRequestConflict"):
        store.put_if_absent("y", b"content")


def test_a_body_that_breaks_off_is_read_again(store, relay):
    store.write("x", b"0123456789")
    relay.faults = [("GET", "cut"), ("GET", "cut")]
    assert store.read("x") == b"0123456789"
    relay.faults = [("GET", "cut")] * 3
    with pytest.raises(StoreError, match="some/prefix/x at http:"):
        store.read("x")


def test_damage_on_the_way_is_found(store, relay):
    """moto does not compare Content-MD5, so here it is the ETag that tells."""
    relay.faults = [("PUT", "damage")]
    with pytest.raises(Corrupt, match="arrived damaged"):
        store.write("x", b"content")


def test_damage_on_the_way_is_refused_by_a_real_store(radosgw, new_store):
    """Content-MD5 keeps damaged bytes from ever being seen."""
    behind = new_store(radosgw)
    with Relay(radosgw) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        server.faults = [("PUT", "damage")]
        with pytest.raises(StoreError, match=r"BadDigest|XAmzContentSHA256Mismatch|SignatureDoesNotMatch"):
            open_store(behind.root, StoreOptions(endpoint=server.endpoint)).write("x", b"content")
        server.shutdown()
        thread.join()
    assert not behind.exists("x")


def _uploads(store):
    return client(store.options).list_multipart_uploads(Bucket=store.bucket).get("Uploads", [])


@pytest.mark.parametrize("fault", ["AccessDenied403", "damage"])
def test_a_failed_upload_in_parts_leaves_nothing(store, relay, s3_store, fault):
    relay.faults = [("PUT", fault)]
    with pytest.raises(StoreError, match="big"):
        store.write("big", bytes(64 << 20))
    assert not s3_store.exists("big")
    assert _uploads(s3_store) == []


def test_a_lost_answer_to_the_last_request_of_an_upload_is_no_failure(store, relay, s3_store):
    """The upload is gone and the object is there."""
    relay.faults = [("POST", ""), ("POST", "lost")]
    store.write("big", bytes(64 << 20))
    assert s3_store.stat("big").size == 64 << 20


def test_a_file_that_shrinks_while_it_is_uploaded_is_refused(s3_store, tmp_path, monkeypatch):
    (tmp_path / "big").write_bytes(bytes(65 << 20))
    monkeypatch.setattr(store_s3.os, "pread", lambda fd, n, at: b"short")
    with pytest.raises(StoreError, match="changed its size"):
        s3_store.upload("big", tmp_path / "big")
    assert _uploads(s3_store) == []
    assert not s3_store.exists("big")


def test_an_object_that_changes_while_it_is_read_is_refused(s3_store):
    """Columns of two versions must not meet in one table."""
    s3_store.write("x", bytes(1000))
    with s3_store.open("x") as file:
        assert file.read(10) == bytes(10)
        s3_store.write("x", bytes(999) + b"1")
        file.seek(500)
        assert file.read(10) == bytes(10)
    with s3_store.open("x") as file:
        s3_store.write("x", bytes(998) + b"22")
        with pytest.raises(Corrupt, match="changed while it was being read"):
            file.read(10)


@pytest.mark.parametrize(("fault", "message"), [
    ("AccessDenied403", "access denied"),
    ("SignatureDoesNotMatch403", "secret access key does not belong"),
    ("InvalidAccessKeyId403", "does not know this access key id"),
    ("ExpiredToken400", "have expired"),
    ("RequestTimeTooSkewed403", "clock is wrong"),
    ("AuthorizationHeaderMalformed400", "another region"),
    ("QuotaExceeded403", "quota is used up"),
    ("EntityTooLarge400", "EntityTooLarge"),
])
def test_refusals_are_explained(store, relay, fault, message):
    relay.faults = [("PUT", fault)]
    with pytest.raises(StoreError, match=f"s3://{store.bucket}/some/prefix/x at {relay.endpoint}: .*{message}"):
        store.write("x", b"content")


def test_a_missing_bucket_is_told_from_a_missing_object(s3_server, s3_store):
    nowhere = open_store("s3://no-such-bucket", StoreOptions(endpoint=s3_server))
    writing, listing = (lambda path: nowhere.write(path, b"")), (lambda path: list(nowhere.list(path)))
    for use in (nowhere.read, nowhere.stat, nowhere.open, writing, listing):
        with pytest.raises(StoreError, match="there is no such bucket") as caught:
            use("x")
        assert not isinstance(caught.value, Missing)


def test_a_wrong_secret_and_a_wrong_key_are_told_apart(radosgw, new_store, no_clients, monkeypatch):
    store = new_store(radosgw)
    forget_clients()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreError, match="secret access key does not belong"):
        preflight(store)
    forget_clients()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unknown")
    with pytest.raises(StoreError, match="does not know this access key id"):
        preflight(store)


def test_missing_credentials_are_explained(aws_credentials, no_clients, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    store = open_store("s3://bucket", StoreOptions(endpoint="http://127.0.0.1:9"))
    with pytest.raises(StoreError, match="no credentials: set AWS_ACCESS_KEY_ID"):
        store.write("x", b"")
    forget_clients()
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreError, match=r"no credentials: .*nobody"):
        store.read("x")


def test_public_buckets_need_no_credentials(s3_store, s3_server, no_clients, monkeypatch):
    s3_store.write("x", b"public")
    client(s3_store.options).put_object_acl(Bucket=s3_store.bucket, Key="some/prefix/x", ACL="public-read")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert open_store(s3_store.root, StoreOptions(endpoint=s3_server, anonymous=True)).read("x") == b"public"


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_an_endpoint_that_does_not_answer_fails_within_seconds(aws_credentials, endpoint):
    store = open_store("s3://bucket", StoreOptions(endpoint=endpoint, attempts=2, connect_timeout=1))
    start = time.monotonic()
    with pytest.raises(StoreError, match=f"{endpoint}: the endpoint cannot be reached in 2 attempts"):
        store.write("x", b"")
    assert time.monotonic() - start < 10


def test_something_that_is_no_store_is_told():
    options = StoreOptions(endpoint="http://e")
    with pytest.raises(StoreError, match="x at http://e: the endpoint does not answer like"), explained("x", options):
        raise ResponseParserError("no XML")


def test_clients_are_shared_within_a_process(s3_store):
    assert client(s3_store.options) is client(StoreOptions(endpoint=s3_store.options.endpoint))
