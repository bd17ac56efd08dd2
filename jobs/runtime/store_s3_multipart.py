"""Large objects in parts: invisible before all are there and verified, and gone after a failure."""

import contextlib
import hashlib
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore import exceptions

from corpusmill.jobs.runtime.store_s3_client import etag, md5_etag
from corpusmill.operators.errors import Corrupt, StoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_PART = 16 << 20
_MAX_PARTS = 10_000
_THREADS = 4


def put_parts(s3: "S3Client", bucket: str, key: str, size: int, read_at: Callable[[int, int], bytes]) -> None:
    """Upload ``size`` bytes that ``read_at(offset, length)`` gives; four parts of 16 MiB or more are in memory."""
    step = max(_PART, -(-size // _MAX_PARTS))
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]

    def send(start: int) -> "CompletedPartTypeDef":
        data = read_at(start, step)
        if len(data) != min(step, size - start):
            raise StoreError(f"the source of s3://{bucket}/{key} changed its size while it was being uploaded")
        md5 = hashlib.md5(data, usedforsecurity=False)
        checksum = b64encode(md5.digest()).decode()
        number = start // step + 1
        answer = s3.upload_part(
            Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=data, ContentMD5=checksum)
        if md5_etag(answer) and etag(answer) != md5.hexdigest():
            raise Corrupt(f"part {number} of s3://{bucket}/{key} arrived damaged: upload it again")
        return {"PartNumber": number, "ETag": answer["ETag"]}

    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            parts = list(pool.map(send, range(0, size, step)))
        # The answer to a first attempt may have been lost: then the upload is gone, and what is there decides.
        with contextlib.suppress(s3.exceptions.NoSuchUpload):
            s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        _verify(s3.head_object(Bucket=bucket, Key=key), parts, size, f"s3://{bucket}/{key}")
    except BaseException:
        with contextlib.suppress(exceptions.ClientError, exceptions.BotoCoreError):
            s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        raise


def _verify(head: Any, parts: "list[CompletedPartTypeDef]", size: int, uri: str) -> None:
    """Compare size and, where it is made of MD5s, the ETag: the MD5 of the parts' MD5s and their number."""
    sent = f"{size} bytes"
    seen = f"{head['ContentLength']} bytes"
    if md5_etag(head):
        sums = b"".join(bytes.fromhex(part["ETag"].strip('"')) for part in parts)
        sent += f", ETag {hashlib.md5(sums, usedforsecurity=False).hexdigest()}-{len(parts)}"
        seen += f", ETag {etag(head)}"
    if sent != seen:
        raise Corrupt(f"{uri} is not what was uploaded: sent were {sent}; there are {seen}")
