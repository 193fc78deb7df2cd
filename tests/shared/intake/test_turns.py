"""Heavy work waits for its turn, and a tenant with much of it does not keep another waiting."""

import ast
import asyncio
from pathlib import Path

import pytest
from fastapi.concurrency import run_in_threadpool

from shared.errors import TooMany
from shared.intake.turns import Turns

API = Path(__file__).parents[3] / "services" / "api"
GUARDED = {"corrections.py": 1, "gateway.py": 1, "uploads.py": 1, "routes/uploads.py": 1, "dicomweb/stow.py": 1}
"""Where the sandbox is called, or its call is passed on, each time inside a turn."""


def test_few_run_at_once_and_the_next_turn_is_that_of_the_tenant_with_the_fewest():
    order: list[str] = []
    running = most = 0

    async def work(turns: Turns, tenant: str) -> None:
        nonlocal running, most
        async with turns.turn(tenant):
            running += 1
            most = max(most, running)
            order.append(tenant)
            await asyncio.sleep(0.01)
            running -= 1

    async def everything() -> None:
        turns = Turns(at_once=2)
        many = [asyncio.create_task(work(turns, "many")) for _ in range(20)]
        await asyncio.sleep(0)
        await asyncio.gather(work(turns, "one"), work(turns, "another"), *many)
        assert not turns._waiting
        assert not turns._running

    asyncio.run(everything())
    assert most == 2
    assert set(order[:5]) == {"many", "one", "another"}  # and not behind twenty
    assert order.count("many") == 20


def test_a_turn_that_nobody_waits_for_any_more_goes_to_the_next():
    async def everything() -> None:
        turns = Turns(at_once=1)
        async with turns.turn("a"):
            given_up = asyncio.create_task(turns._take("b"))
            await asyncio.sleep(0)
            given_up.cancel()
            following = asyncio.create_task(turns._take("c"))
            await asyncio.sleep(0)
        await asyncio.wait_for(following, 1)
        turns._give_back("c")
        assert not turns._running

    asyncio.run(everything())


def test_threads_that_wait_are_bounded_for_each_tenant():
    async def everything() -> None:
        turns = Turns(at_once=1, threads_of_tenant=3)

        def work(tenant: str) -> None:
            with turns.in_thread(tenant):
                pass

        async with turns.turn("a"):
            waiting = [asyncio.create_task(run_in_threadpool(work, "a")) for _ in range(3)]
            await asyncio.sleep(0.3)
            with pytest.raises(TooMany):
                await run_in_threadpool(work, "a")
            other = asyncio.create_task(run_in_threadpool(work, "b"))
            await asyncio.sleep(0.1)
        await asyncio.gather(*waiting, other)
        assert not turns._threads

    asyncio.run(everything())


def test_the_gateway_calls_the_sandbox_only_where_a_turn_is_held():
    found = {}
    for path in API.rglob("*.py"):
        if "node_modules" not in path.parts:
            calls = [
                node for node in ast.walk(ast.parse(path.read_text()))
                if (isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "sandbox"
                    and node.attr != "SECONDS")
                or (isinstance(node, ast.Name) and node.id == "describe_files")
            ]  # fmt: skip
            if calls:
                found[str(path.relative_to(API))] = len(calls)
    assert found == GUARDED
