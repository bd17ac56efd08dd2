"""Clients for S3-compatible stores, and what their errors mean to a user."""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from boto3.session import Session
from botocore import UNSIGNED, exceptions
from botocore.config import Config
from botocore.parsers import ResponseParserError

from corpusmill.jobs.runtime.store import StoreOptions
from corpusmill.operators.errors import Missing, StoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONNECTIONS = 32
_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the machine a role"
_REASONS = {
    "NoSuchBucket": "there is no such bucket: create it, or correct the root, the endpoint or the region",
    "AccessDenied": "access denied: these credentials may not do this here",
    "403": "refused: wrong credentials, or they may not do this here (nor see that an object is missing)",
    "400": "refused as malformed: check the region and whether a session token has expired",
    "SignatureDoesNotMatch": "the secret access key does not belong to the access key id",
    "InvalidAccessKeyId": "the store does not know this access key id",
    "InvalidToken": "the session token is not valid",
    "ExpiredToken": "the credentials have expired: renew them and run the same command again",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "PermanentRedirect": "the bucket is in another region: set the store's region",
    "301": "the bucket is in another region: set the store's region",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set the store's region",
    "InvalidBucketName": "this is not a bucket's name",
    "QuotaExceeded": "the quota is used up",
    "SlowDown": "the store is overloaded; all attempts were throttled: use fewer workers or more attempts",
    "ServiceUnavailable": "the store is not available; all attempts failed",
}
_UNREACHABLE = (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyConnectionError)
_NO_CREDENTIALS = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound,
                   exceptions.CredentialRetrievalError)

_lock = threading.Lock()
_clients: dict[StoreOptions, "S3Client"] = {}


def client(options: StoreOptions) -> "S3Client":
    """This process's client for these settings; safe to use from many threads."""
    with _lock:
        if options not in _clients:
            _clients[options] = _connect(options)
        return _clients[options]


def forget_clients() -> None:
    """Have new clients made, which read the credentials anew; a forked child must not use its parent's connections."""
    global _lock
    _lock = threading.Lock()
    _clients.clear()


os.register_at_fork(after_in_child=forget_clients)


def code(error: exceptions.ClientError) -> str:
    """The store's name for an error; for answers without a body, the HTTP status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def etag(answer: Any) -> str:
    """The ETag of an answer, without its quotes."""
    return str(answer.get("ETag", "")).strip('"')


def md5_etag(answer: Any) -> bool:
    """Whether the ETag is made of MD5s; it is not where the store encrypts with KMS or customer keys."""
    return answer.get("ServerSideEncryption", "AES256") == "AES256" and "SSECustomerAlgorithm" not in answer


@contextlib.contextmanager
def explained(uri: str, options: StoreOptions) -> Iterator[None]:
    """Turn what boto3 raises into Missing or a StoreError that names the object, the endpoint and the reason."""
    try:
        yield
    except (exceptions.ClientError, exceptions.BotoCoreError, ResponseParserError, ValueError) as error:
        if isinstance(error, exceptions.ClientError) and code(error) in ("NoSuchKey", "404"):
            raise Missing(f"no object at {uri}") from error
        where = f"{uri} at {options.endpoint}" if options.endpoint else uri
        raise StoreError(f"{where}: {_reason(error, options)}") from error


def _reason(error: Exception, options: StoreOptions) -> str:
    if isinstance(error, exceptions.ClientError):
        name = code(error)
        told = error.response.get("Error", {}).get("Message") or str(error)
        return f"{_REASONS.get(name, told)} ({name} on {error.operation_name})"
    if isinstance(error, _UNREACHABLE):
        return f"the endpoint cannot be reached in {options.attempts} attempts: is it right, does it run? ({error})"
    if isinstance(error, _NO_CREDENTIALS):
        return f"no credentials: {_CREDENTIALS} ({error})"
    if isinstance(error, ResponseParserError):
        return f"the endpoint does not answer like an S3 store ({error})"
    return str(error)


def _connect(options: StoreOptions) -> "S3Client":
    session = Session()
    config = Config(
        retries={"mode": "standard", "total_max_attempts": options.attempts},
        connect_timeout=options.connect_timeout,
        read_timeout=options.read_timeout,
        max_pool_connections=_CONNECTIONS,
        # Gateways older than 2025 refuse the checksums that boto3 adds by itself; what we send carries Content-MD5.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        signature_version=UNSIGNED if options.anonymous else None,
    )
    region = options.region or session.region_name or "us-east-1"
    return session.client("s3", endpoint_url=options.endpoint, region_name=region, config=config)
