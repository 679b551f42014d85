"""The socket that the labeler listens on."""

import asyncio
import socket

import pytest

from labeler.listening import listen
from pipeline.errors import InputError


def test_small_answers_are_sent_at_once():
    async def nodelay() -> int:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            own = writer.get_extra_info("socket")
            told.set_result(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listen("127.0.0.1", 0)
        async with await asyncio.start_server(serve, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            found = await told
            writer.close()
            await writer.wait_closed()
        return found

    assert asyncio.run(nodelay())


def test_a_port_that_is_taken_is_told():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(InputError, match="is taken; choose another with --port"),
    ):
        listen("127.0.0.1", taken.getsockname()[1])


def test_ipv6_has_a_loopback_too():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        listener = listen("::1", 0)
    except InputError as error:
        pytest.skip(str(error))

    with listener:
        assert listener.getsockname()[0] == "::1"
