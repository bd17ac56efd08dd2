"""Builds in an S3-compatible store: the content of local ones, whatever is killed, and errors that say what is wrong."""

import os
import socket

import builds
import pytest
import verify

pytestmark = [pytest.mark.s3, pytest.mark.e2e]
FEW = ("ingest.shard_bytes=1MB",)  # a shard per file: Ceph takes 0.1 s to put an object


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """About 100 documents in six files, bad rows among them."""
    return builds.write_corpus(tmp_path_factory.mktemp("corpus"), 100)


@pytest.fixture(scope="module")
def plain(corpus, tmp_path_factory):
    """The root of a local build."""
    root = str(tmp_path_factory.mktemp("plain"))
    assert builds.build(root, corpus, *FEW).code == 0
    return root


@pytest.mark.parametrize(("server", "engine"), [
    ("s3_server", "inline"), pytest.param("radosgw", "ray", marks=pytest.mark.ray),
])
def test_a_build_in_a_bucket_has_the_content_of_a_local_one(server, engine, corpus, plain, new_store, request):
    """The same paths and the same bytes; a second run finds all of it."""
    endpoint = request.getfixturevalue(server)
    store = new_store(endpoint)
    ended = builds.build(store.root, corpus, *_at(endpoint), engine=engine)
    assert ended.code == 0, ended.err
    assert ended.uri.startswith(f"{store.root}/mixture/")
    assert builds.digests(store) == builds.digests(plain)
    assert builds.objects(store) == builds.objects(plain)
    assert verify.verify_store(store).orphans == set()
    again = builds.build(store.root, corpus, *_at(endpoint), engine=engine)
    assert again.uri == ended.uri
    assert again.seconds < 20
    assert " tasks, " not in again.err


@pytest.mark.faults
@pytest.mark.parametrize(("server", "moments"), [("s3_server", (0.1, 0.4, 0.7)), ("radosgw", (0.5,))])
def test_a_build_killed_while_it_writes_to_a_bucket_goes_on(server, moments, corpus, plain, new_store, request):
    """Each kill is further than the one before: a bucket never shows part of an object."""
    endpoint = request.getfixturevalue(server)
    store = new_store(endpoint)
    total = len(builds.objects(plain))
    for share in moments:
        running = builds.Running(builds.command(store.root, corpus, *_at(endpoint)))
        assert running.until(lambda share=share: sum(1 for _ in store.list()) > share * total)
        running.kill()
        verify.verify_store(store)
    ended = builds.build(store.root, corpus, *_at(endpoint))
    assert ended.code == 0, ended.err
    assert builds.objects(store) == builds.objects(plain)
    assert verify.verify_store(store).orphans == set()


@pytest.mark.parametrize(("changed", "said"), [
    ({"AWS_SECRET_ACCESS_KEY": "another"}, "the secret access key does not belong to the access key id"),
    ({"AWS_ACCESS_KEY_ID": "nobody"}, "the store does not know this access key id"),
    ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "no credentials: set AWS_ACCESS_KEY_ID"),
])
def test_wrong_credentials_are_called_so(changed, said, corpus, radosgw, new_store):
    """At once, and before anything is read."""
    given = os.environ | changed
    environment = {name: value for name, value in given.items() if value is not None}
    _refused(builds.build(new_store(radosgw).root, corpus, *_at(radosgw), environment=environment), said)


@pytest.mark.parametrize("server", ["s3_server", "radosgw"])
def test_a_bucket_that_is_not_there_is_called_so(server, corpus, request):
    """Buckets are not made by the way: a misspelt name would hide."""
    endpoint = request.getfixturevalue(server)
    _refused(builds.build("s3://not-there/prefix", corpus, *_at(endpoint)), "there is no such bucket")


def test_an_endpoint_that_does_not_answer_is_called_so(corpus, aws_credentials):
    """Nobody listens on the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
        _refused(builds.build("s3://bucket/prefix", corpus, *_at(endpoint)), "the endpoint cannot be reached")


def _at(endpoint):
    return *FEW, "store=s3", f"store.endpoint={endpoint}"


def _refused(ended, said):
    assert ended.code == 1
    assert ended.seconds < 30
    lines = ended.err.strip().splitlines()
    assert len(lines) == 1, ended.err
    assert lines[0].startswith("error: s3://")
    assert said in lines[0]
