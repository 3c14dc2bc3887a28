"""Measure what room for adapters costs requests on the base model alone.

Two engines of the same settings take turns, one with `enable_lora` and one without; no request
names an adapter. Each round gives a ratio: documents/s with room for adapters over documents/s
without.
"""

from __future__ import annotations

from bench.overhead import CONFIG, run_bare
from bench.rounds import run_rounds
from bench.workload import workload
from settings.fleet import load_settings
from settings.sections.tasks import load_tasks
from workers.engine.vllm.engine import VllmEngine
from workers.models.base_model import locate_model


async def measure(documents: int, rounds: int) -> list[dict[str, float]]:
    """Measure one row for each round, after a round that is not counted."""
    settings = load_settings(CONFIG)
    tasks = load_tasks(settings.tasks_dir)
    pool = settings.pools["cpu"]
    model_dir = locate_model(settings.models[pool.model].source)
    engines = {
        room: VllmEngine(
            model_dir,
            f"lora-{room}".lower(),
            pool.model_copy(update={"engine": {**pool.engine, "enable_lora": room}}),
        )
        for room in (True, False)
    }
    for engine in engines.values():
        await engine.start()
    rows = []
    for number in range(rounds + 1):
        works = workload(settings, tasks, documents, f"{number}")
        turns = (True, False) if number % 2 else (False, True)
        seconds = {room: await run_bare(engines[room], pool.slots, works) for room in turns}
        if number:
            rows.append(
                {
                    "round": number,
                    "with room, documents/s": documents / seconds[True],
                    "without, documents/s": documents / seconds[False],
                    "ratio": seconds[False] / seconds[True],
                }
            )
    for engine in engines.values():
        await engine.stop()
    return rows


def main() -> None:
    """Measure and tell."""
    run_rounds(
        measure,
        prog="python -m bench.lora",
        title="Requests on the base, with room for adapters and without",
        description=__doc__,
        work="documents",
        count=8,
    )


if __name__ == "__main__":
    main()
