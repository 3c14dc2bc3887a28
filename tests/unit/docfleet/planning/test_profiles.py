"""Profiles: those that are shipped, and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from docfleet.errors import BadUsageError
from docfleet.planning.library import load_mix, load_profile, shipped_profiles
from settings.gpus.engine_check import check_engine
from settings.gpus.table import GPU_KINDS

OUTPUT = 136
A100_PREFILL = OUTPUT / 55 - OUTPUT / 83
"""Seconds for 8,192 tokens, by the published figures with and without the document."""
A100_TERAFLOPS, A100_BANDWIDTH = 312, 2039
BATCHING = 0.101
"""What each further request costs; it gives 130 tokens/s at 32 on the A100."""

DATA_SHEETS = {
    "a100-80gb": (A100_TERAFLOPS, 83.0),
    "rtx-3090": (71, 72.0),
    "l4": (121, 83 * 300 / A100_BANDWIDTH),
    "h100-80gb": (989, 83 * 3350 / A100_BANDWIDTH),
    "h200": (989, 83 * 4800 / A100_BANDWIDTH),
}
"""Dense FP16 tensor TFLOPS, and tokens a second of one request without a document."""


def test_the_kinds_of_the_reference_and_newer_ones_are_shipped_and_none_says_measured() -> None:
    """Each says how its figures came about, runs on its GPU, and has the kind's concurrency."""
    profiles = {profile.gpu: profile for profile in shipped_profiles()}
    assert profiles.keys() == {"A100-80GB", "T4", "RTX-3090", "L4", "H100-80GB", "H200"}
    for gpu, profile in profiles.items():
        assert not profile.measured
        assert len(profile.source) > 80
        assert profile.price.source
        assert profile.concurrency == GPU_KINDS[gpu].concurrency
        check_engine(GPU_KINDS[gpu], profile.engine, 8192)
    assert (profiles["A100-80GB"].concurrency, profiles["T4"].concurrency) == (32, 4)


@pytest.mark.parametrize(("name", "sheet"), DATA_SHEETS.items())
def test_an_estimated_curve_is_what_its_source_says(name: str, sheet: tuple[int, float]) -> None:
    """Reading by TFLOPS, writing by bandwidth, and the A100's gain of batching."""
    teraflops, single = sheet
    reading = A100_PREFILL * A100_TERAFLOPS / teraflops
    profile = load_profile(name)
    for point in profile.curve:
        many = point.concurrency
        writing = OUTPUT * (1 + BATCHING * (many - 1)) / (single * many)
        expected = OUTPUT / (reading + writing)
        assert point.output_tokens_per_second == pytest.approx(expected, abs=0.2), many
    full = OUTPUT / profile.curve[-1].output_tokens_per_second
    assert profile.prefill_share == pytest.approx(reading / full, abs=0.01)


def test_a_profile_is_found_by_its_name_and_by_its_gpu() -> None:
    """An alias of the GPU does."""
    for name in ("a100-80gb", "A100", "NVIDIA A100-SXM4-80GB"):
        assert load_profile(name).name == "a100-80gb"
    with pytest.raises(BadUsageError, match=r"no profile 'V100': .*one of a100-80gb"):
        load_profile("V100")
    with pytest.raises(BadUsageError, match=r"no mix 'storm': .*one of office-hours, reference"):
        load_mix("storm")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "is neither JSON nor YAML"),
        ("{}", "name: Field required"),
        ("{name: x, gpu: H10O}", "model: Field required"),
    ],
)
def test_a_file_that_is_no_profile_is_refused_with_the_place(
    tmp_path: Path, text: str, words: str
) -> None:
    """And one that is not there."""
    path = tmp_path / "profile.yaml"
    with pytest.raises(BadUsageError, match="cannot be read"):
        load_profile(str(path))
    path.write_text(text)
    with pytest.raises(BadUsageError, match=words):
        load_profile(str(path))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gpu": "H10O"}, "'H10O' is not known. Did you mean 'H100-80GB'"),
        ({"measured": True}, "a measured profile has an `origin`"),
        ({"concurrency": 64}, "curve: it reaches to the tuned concurrency"),
        ({"curve": "reversed"}, "curve: its points stand in ascending order"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    """Before anything is planned with it."""
    profile = load_profile("a100-80gb")
    if change == {"curve": "reversed"}:
        change = {"curve": profile.curve[::-1]}
    path = tmp_path / "profile.json"
    path.write_text(profile.model_copy(update=change).model_dump_json())
    with pytest.raises(BadUsageError, match=words):
        load_profile(str(path))
