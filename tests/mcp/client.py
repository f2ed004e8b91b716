"""The Python SDK against the server: python client.py URL TOKEN. Prints `all is well` at the end."""

import asyncio
import json
import sys

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

URL, TOKEN = sys.argv[1:]


async def speak(mode: str) -> str:
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
    async with Client(streamable_http_client(URL, http_client=http), mode=mode) as client:
        tools = (await client.list_tools()).tools
        assert len(tools) == 11, tools
        for name in ("status", "tasks", "alerts", "ci", "costs", "advice", "why", "did_it_help"):
            found = await client.call_tool(name, {})
            assert not found.is_error, (name, found)
            assert len(found.content[0].text.encode()) <= 4096, name
        found = await client.call_tool("query", {"query": "vector(42)"})
        assert json.loads(found.content[0].text)["rows"][0]["value"] == 42, found
        # Page by page.
        seen, cursor = 0, None
        while True:
            arguments = {"max_bytes": 800} | ({"cursor": cursor} if cursor else {})
            page = json.loads((await client.call_tool("tasks", arguments)).content[0].text)
            seen, cursor = seen + len(page["rows"]), page.get("cursor")
            if not cursor:
                break
        assert seen == 60, seen
        wrong = await client.call_tool("query", {"query": "up{"})
        assert wrong.is_error, wrong
        try:
            await client.call_tool("rm", {})
            raise AssertionError("there is no such tool")
        except MCPError as error:
            assert error.error.code == -32602, error
        return client.protocol_version


async def main() -> None:
    found = {mode: await speak(mode) for mode in ("auto", "legacy", "2026-07-28")}
    assert found == {"auto": "2026-07-28", "legacy": "2025-11-25", "2026-07-28": "2026-07-28"}, found
    print("all is well:", found)


asyncio.run(main())
