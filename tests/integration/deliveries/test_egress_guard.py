"""Addresses that a deliver worker dials: hostile URLs, lying resolvers, slow receivers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from workers.deliver.egress import EgressGuard
from workers.deliver.webhook import Answer, WebhookSender

FORBIDDEN = "127.0.0.1"
ALLOWED = "127.0.0.2"
EVERY_PORT = range(65536)
EVERY_PORT_OF_IT = f"{ALLOWED}:1-65535"

HOSTILE = (
    # Every way to write loopback that some parser takes.
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://127.0.1:{port}/",
    "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://0x7f.0.0.1:{port}/",
    "http://0x7f.1:{port}/", "http://0177.0.0.1:{port}/", "http://017700000001:{port}/",
    "http://0177.0x0.1:{port}/", "http://127.0.0.1.:{port}/", "http://127.000.000.001:{port}/",
    "http://0:{port}/", "http://0.0.0.0:{port}/", "http://127.0.0.3:{port}/",
    "http://127.255.255.254:{port}/", "http://localhost:{port}/", "http://LOCALHOST:{port}/",
    "http://to-loopback.test.:{port}/", "http://①②⑦.⓪.⓪.①:{port}/", "http://127。0。0。1:{port}/",
    "http://127.0.0.1:{port}#@public.test/", "http://public.test@127.0.0.1:{port}/",
    "http://public.test:80@127.0.0.1:{port}/", "http://public.test%40@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/?u=http://public.test/", "http://127.0.0.1:{port}\\@public.test/",
    "http://[::1]:{port}/", "http://[::]:{port}/", "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/", "http://[fe80::1%25lo]:{port}/",
    "https://127.0.0.1:{port}/",
    # Other machines that must not be asked.
    "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
    "http://168.63.129.16/", "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.0.1/",
    "http://2852039166/", "http://0xa9fea9fe/", "http://224.0.0.1/", "http://255.255.255.255/",
    # Names that resolve to them.
    "http://to-loopback.test:{port}/", "http://to-metadata.test:{port}/",
    "http://to-private.test:{port}/", "http://to-mapped.test:{port}/", "http://to-nat64.test:{port}/",
    "http://to-several.test:{port}/",
)  # fmt: skip
NAMES = {
    "to-loopback.test": [FORBIDDEN],
    "to-loopback.test.": [FORBIDDEN],
    "to-metadata.test": ["169.254.169.254"],
    "to-private.test": ["10.1.2.3"],
    "to-mapped.test": ["::ffff:127.0.0.1"],
    "to-nat64.test": ["64:ff9b::7f00:1"],
    "to-several.test": ["192.168.1.1", "127.0.0.1", "::1"],
}


class LyingResolver(AbstractResolver):
    """Gives each name the addresses that a test says, one list after the other."""

    def __init__(self, **names: Sequence[Sequence[str]]) -> None:
        self._names = {
            name.replace("_", "-") + ".test": list(lists) for name, lists in names.items()
        }

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002  # the protocol's signature
    ) -> list[ResolveResult]:
        """The next list of a name; the last one stays."""
        if host not in self._names:
            return await _system(host, port)
        lists = self._names[host]
        return [
            _result(host, port, address) for address in (lists.pop(0) if lists[1:] else lists[0])
        ]

    async def close(self) -> None:
        """There is nothing to close."""


async def _system(host: str, port: int) -> list[ResolveResult]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [_result(host, port, str(place[0])) for *_, place in found]


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=0
    )  # fmt: skip


class Target:
    """Listens on two addresses of loopback, and counts who came to which."""

    def __init__(self) -> None:
        self.hits: dict[str, list[str]] = {FORBIDDEN: [], ALLOWED: []}
        self.location = ""
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Target]:
        """For the length of a block."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, FORBIDDEN, 0).start()
            self.port = runner.addresses[0][1]
            await web.TCPSite(runner, ALLOWED, self.port).start()
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.hits[request.transport.get_extra_info("sockname")[0]].append(request.path)
        match request.path:
            case "/redirect":
                return web.Response(status=302, headers={"location": self.location})
            case "/drip":
                response = web.StreamResponse(status=200)
                await response.prepare(request)
                for _ in range(300):
                    await response.write(b"drip ")
                    await asyncio.sleep(0.1)
                return response
            case "/large":
                return web.Response(text="x" * 5_000_000, status=500)
        return web.Response(status=204, headers={"connection": "close"})


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    """Listening."""
    async with Target().listening() as target:
        yield target


@asynccontextmanager
async def _sender(
    *allow: str, resolver: AbstractResolver | None = None
) -> AsyncIterator[WebhookSender]:
    sender = WebhookSender(
        EgressGuard(allow, EVERY_PORT), timeout_seconds=5, resolver=resolver or LyingResolver()
    )
    try:
        yield sender
    finally:
        await sender.close()


async def _post(sender: WebhookSender, url: str) -> Answer:
    return await sender.send(url, b"{}", {})


@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_target_is_refused_before_anything_is_sent(
    target: Target, url: str
) -> None:
    """However loopback, metadata or a private network is written, or whatever name leads there."""
    resolver = LyingResolver()
    resolver._names = {name: [addresses] for name, addresses in NAMES.items()}
    async with _sender(resolver=resolver) as sender:
        answer = await _post(sender, url.format(port=target.port))
    assert answer.forbidden, answer
    assert answer.status is None
    assert target.hits == {FORBIDDEN: [], ALLOWED: []}


async def test_an_allowed_address_is_reached_and_its_neighbour_is_not(target: Target) -> None:
    """The control: the same machine, the same port, one address apart."""
    async with _sender(EVERY_PORT_OF_IT) as sender:
        taken = await _post(sender, f"http://{ALLOWED}:{target.port}/a")
        refused = await _post(sender, f"http://{FORBIDDEN}:{target.port}/b")
    assert (taken.status, taken.acknowledged) == (204, True)
    assert (refused.status, refused.forbidden) == (None, True)
    assert target.hits == {FORBIDDEN: [], ALLOWED: ["/a"]}


async def test_another_port_of_an_allowed_address_is_not_reached(target: Target) -> None:
    """A receiver is an address and a port; what else listens there is none."""
    for entry, own in ((f"{ALLOWED}:{target.port + 1}", ()), (EVERY_PORT_OF_IT, (target.port,))):
        guard = EgressGuard((entry,), EVERY_PORT, own)
        sender = WebhookSender(guard, timeout_seconds=5, resolver=LyingResolver())
        answer = await _post(sender, f"http://{ALLOWED}:{target.port}/")
        await sender.close()
        assert (answer.status, answer.forbidden) == (None, True)
    assert target.hits == {FORBIDDEN: [], ALLOWED: []}


async def test_a_rebinding_resolver_gains_nothing(target: Target) -> None:
    """The name is admitted once, and leads elsewhere the next time."""
    resolver = LyingResolver(rebinding=[[ALLOWED], [FORBIDDEN]])
    url = f"http://rebinding.test:{target.port}/"
    async with _sender(EVERY_PORT_OF_IT, resolver=resolver) as sender:
        first, second = await _post(sender, url), await _post(sender, url)
    assert (first.status, second.status, second.forbidden) == (204, None, True)
    assert target.hits == {FORBIDDEN: [], ALLOWED: ["/"]}


async def test_of_a_names_addresses_only_those_admitted_are_dialled(target: Target) -> None:
    """The refused one comes first and is passed over."""
    resolver = LyingResolver(mixed=[[FORBIDDEN, ALLOWED]])
    async with _sender(EVERY_PORT_OF_IT, resolver=resolver) as sender:
        answer = await _post(sender, f"http://mixed.test:{target.port}/")
    assert answer.status == 204
    assert target.hits == {FORBIDDEN: [], ALLOWED: ["/"]}


@pytest.mark.parametrize(
    "place",
    [
        "http://169.254.169.254/latest/",
        "http://127.0.0.1:{port}/b",
        "http://127.0.0.2:{port}/c",
        "/d",
        "file:///etc/passwd",
    ],
)
async def test_a_redirect_is_a_refusal_and_is_not_followed(target: Target, place: str) -> None:
    """Wherever it leads, and be it to an address that is allowed."""
    target.location = place.format(port=target.port)
    async with _sender(EVERY_PORT_OF_IT) as sender:
        answer = await _post(sender, f"http://{ALLOWED}:{target.port}/redirect")
    assert (answer.status, answer.acknowledged) == (302, False)
    assert target.hits == {FORBIDDEN: [], ALLOWED: ["/redirect"]}


async def test_of_an_answer_the_first_kilobyte_is_read(target: Target) -> None:
    """Not the megabytes after it, nor does a receiver that drips hold a place."""
    async with _sender(EVERY_PORT_OF_IT) as sender:
        large = await _post(sender, f"http://{ALLOWED}:{target.port}/large")
        drip = await _post(sender, f"http://{ALLOWED}:{target.port}/drip")
    assert large.text == "x" * 1024
    assert (drip.status, drip.acknowledged) == (200, True)
    assert drip.text.startswith("drip drip")


async def test_a_proxy_of_the_environment_is_not_used(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy would dial for us, without the guard."""
    monkeypatch.setenv("HTTP_PROXY", f"http://{ALLOWED}:{target.port}/")
    monkeypatch.setenv("http_proxy", f"http://{ALLOWED}:{target.port}/")
    async with _sender(EVERY_PORT_OF_IT) as sender:
        answer = await _post(sender, "http://10.0.0.1/")
    assert answer.forbidden
    assert target.hits == {FORBIDDEN: [], ALLOWED: []}
