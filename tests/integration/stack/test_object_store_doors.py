"""The object store's other servers: nobody moves a document by them without its credentials."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from botocore.exceptions import ClientError

from docfleet.processes.part import Part
from tests.fixtures.servers import S3Server, running, seaweed

ACME = "documents/acme/claim.txt"
GLOBEX = "documents/globex/claim.txt"
BODY = b"what acme sent"
_REFUSED = (401, 403, 404, 405)

Store = tuple[S3Server, Part]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An object store with a document of one tenant, and how it was started."""
    server, part = seaweed(tmp_path_factory.mktemp("s3"))
    with running(part):
        client = server.client()
        client.create_bucket(Bucket="work")
        client.put_object(Bucket="work", Key=ACME, Body=BODY)
        yield server, part
        client.close()


def _url_of(part: Part, server: str) -> str:
    prefix = f"-{server}.port="
    port = next(word for word in part.argv if word.startswith(prefix)).removeprefix(prefix)
    return f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("verb", ["cp", "mv"])
def test_the_filer_neither_copies_nor_moves_a_document_for_somebody_without_credentials(
    store: Store, method: str, verb: str
) -> None:
    """A callback's URL is a POST that a tenant may address."""
    server, part = store
    url = f"{_url_of(part, 'filer')}/buckets/work/{GLOBEX}?{verb}.from=/buckets/work/{ACME}"
    assert httpx.request(method, url, content=b"{}").status_code in _REFUSED
    client = server.client()
    assert client.get_object(Bucket="work", Key=ACME)["Body"].read() == BODY
    with pytest.raises(ClientError, match="NoSuchKey"):
        client.get_object(Bucket="work", Key=GLOBEX)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_the_filer_gives_takes_and_deletes_nothing(store: Store, method: str) -> None:
    """Whatever the request."""
    server, part = store
    answer = httpx.request(method, f"{_url_of(part, 'filer')}/buckets/work/{ACME}")
    assert answer.status_code in _REFUSED
    assert BODY not in answer.content
    assert server.client().get_object(Bucket="work", Key=ACME)["Body"].read() == BODY


@pytest.mark.parametrize(
    "path", ["/dir/assign", "/vol/grow?count=1", "/col/delete?collection=work"]
)
def test_the_master_takes_no_orders(store: Store, path: str) -> None:
    """`/col/delete` would be the end of a bucket."""
    server, part = store
    assert httpx.post(_url_of(part, "master") + path).status_code in _REFUSED
    assert server.client().get_object(Bucket="work", Key=ACME)["Body"].read() == BODY


def test_the_volume_server_shows_and_takes_nothing_without_a_token(store: Store) -> None:
    """Whichever volume and file is guessed."""
    _, part = store
    url = _url_of(part, "volume")
    for volume in range(1, 5):
        assert httpx.get(f"{url}/{volume},01637037d6").status_code == 401
        files = {"file": b"forged"}
        assert httpx.post(f"{url}/{volume},01637037d6", files=files).status_code == 401


@pytest.mark.parametrize("server", ["s3", "master", "volume", "filer", "admin"])
def test_no_grpc_server_answers_what_a_callback_can_send(store: Store, server: str) -> None:
    """A delivery is an HTTP/1.1 POST, and gRPC is not."""
    _, part = store
    port = int(_url_of(part, server).rpartition(":")[2]) + 10_000
    with pytest.raises(httpx.TransportError):
        httpx.post(f"http://127.0.0.1:{port}/filer_pb.SeaweedFiler/ListEntries", content=b"{}")


def test_s3_itself_lets_nobody_in_without_credentials(store: Store) -> None:
    """Its users are not asked for over HTTP either."""
    server, _ = store
    url = server.access.endpoint_url
    assert httpx.get(f"{url}/work/{ACME}").status_code == 403
    assert httpx.post(f"{url}/", data={"Action": "CreateUser", "UserName": "eve"}).is_error
