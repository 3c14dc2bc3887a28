"""Lines of keys in TOML and YAML. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import yaml

Place = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[{1,2})\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_STEP = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def toml_line(text: str, place: Sequence[str | int]) -> int | None:
    """Return the line of a key, or of the nearest table around it; None where neither is there.

    A key inside of an inline table or of an array has the line at which that value begins.
    """
    return _nearest(dict(_toml_places(text)), tuple(place))


def yaml_line(text: str, place: Sequence[str | int]) -> int | None:
    """Return the line of a key, or of the nearest value around it; None for an empty file."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    line = None
    for step in (None, *place):
        if step is not None:
            key, node = _child(node, step)
            if node is None:
                break
            line = key.start_mark.line + 1
        elif node is not None:
            line = node.start_mark.line + 1
    return line


def _toml_places(text: str) -> Iterator[tuple[Place, int]]:
    table: Place = ()
    counts: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _steps(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *_steps(key[1])), number


def _steps(text: str) -> Place:
    return tuple(step.strip("\"'") for step in _STEP.findall(text))


def _nearest(lines: dict[Place, int], place: Place) -> int | None:
    found = (lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines)
    return next(found, None)


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node | None]:
    """Return the key and the value at a step; the value is None where there is none."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return yaml.ScalarNode("", ""), None
