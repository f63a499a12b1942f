"""A WebSocket client: greets, echoes a small and a large message, then closes. Prints what came."""

import asyncio
import sys

import websockets


async def main(url: str) -> None:
    async with websockets.connect(url, max_size=None) as socket:
        print("greeting", await asyncio.wait_for(socket.recv(), 10))
        large = "x" * 1_000_000
        for message in ("hello", b"\x00\xff", large):
            await socket.send(message)
            came = await asyncio.wait_for(socket.recv(), 10)
            print("echo", came == message, len(came))
        pong = await socket.ping()
        await asyncio.wait_for(pong, 10)
        print("pong")
    print("closed", socket.close_code)


asyncio.run(main(sys.argv[1]))
