"""Damage to files, as a bad disk does it and as somebody would who means harm.

In: a random generator and whole content. Out: other content.
"""

import copy
import gzip
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wann_jax.files import strict_json

Damage = Callable[[np.random.Generator, bytes], bytes]

_MARK = '"\\u0001"'  # in JSON, where odd text goes
_WORDS = (0, 1, 255, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
_ODD_JSON = (
    *("null", "true", "0", "-1", "1", "1.5", "1e400", "-1e39", "NaN", "-Infinity", "[]", "{}", "[[]]", "[null]"),
    *('""', '"a"', '"nan"', '"a\\nb"', '"\\u0000"', '"\\ud800"', '{"a": 1}', '"/dev/zero"', '"a:b:c"', '"classify:/"'),
    *(str(2**31), str(2**63), str(-(2**63)), str(2**64), "1" + "0" * 400, "-1" + "0" * 400, "1" + "0" * 5000),
    *("[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, "[" * 100_000, '"' + "a" * 100_000 + '"'),
    *("[" + "0," * 30_000 + "0]", "[" + "[0, 1]," * 10_000 + "[0, 1]]"),
)
_ODD_ENTRIES = ("nan", "-inf", "1e999", "1e39", "-0", "", " ", "x", "0x1", "1_0", "11", "1" + "0" * 400, "½", "\0")
_ODD_HEADER = (
    *("'|O'", "'<m8[s]'", "'<M8'", "'<U7'", "'<c8'", "'S0'", "'V8'", "'zz'", "'<f2'", "'|u1'", "'|b1'", "'>i8'"),
    *("True", "None", "-1", "0", "1", "21", "1.5", str(2**31), str(2**63), "1" + "0" * 400, "9" * 5000),
    *("[('a', '<f4')]", "(" * 300, "'" + "a" * 10_000 + "'", "__import__('os')", "()", "(2, (3,))"),
)


def of_bytes(random: np.random.Generator, content: bytes) -> bytes:
    """Flipped bits, a cut, a part lost or twice, other bytes, or a number of four bytes that is another."""
    first, last = sorted(random.integers(0, len(content) + 1, 2).tolist())
    changed = bytearray(content)
    match random.integers(6):
        case 0:
            for place in random.integers(0, max(1, len(content)), random.integers(1, 9)) if content else ():
                changed[place] ^= 1 << int(random.integers(8))
        case 1:
            del changed[first:]
        case 2:
            del changed[first:last]
        case 3:
            changed[last:last] = content[first:last]
        case 4:
            changed[first:first] = random.bytes(int(random.integers(1, 64)))
        case 5:
            near = min(first, int(random.integers(1, 64)))  # headers come first
            changed[near : near + 4] = struct.pack(random.choice([">I", "<I"]), random.choice(_WORDS))
    return bytes(changed)


def of_json(random: np.random.Generator, content: bytes) -> bytes:
    """A value that is another, lost, twice or in another's place; or damage to the bytes."""
    if random.random() < 0.2:
        return of_bytes(random, content)
    document = json.loads(content)
    places = [*_places(document)]
    holder, key = places[random.integers(len(places))]
    match random.integers(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(key, holder[key])
        case 2:
            other, there = places[random.integers(len(places))]
            holder[key] = copy.deepcopy(other[there])
        case _:
            holder[key] = json.loads(_MARK)
    return strict_json(document).replace(_MARK, str(random.choice(_ODD_JSON))).encode()


def of_json_lines(random: np.random.Generator, content: bytes) -> bytes:
    """A row that is damaged, or damage to the bytes."""
    if random.random() < 0.3:
        return of_bytes(random, content)
    rows = content.splitlines()
    place = random.integers(len(rows))
    rows[place] = of_json(random, rows[place])
    return b"\n".join(rows) + b"\n"


def of_checkpoint(random: np.random.Generator, content: bytes) -> bytes:
    """A value in a file of metadata that is another, or damage to the bytes of any file."""
    try:
        return of_json(random, content)
    except ValueError:  # no JSON
        return of_bytes(random, content)


def of_table(random: np.random.Generator, content: bytes) -> bytes:
    """Numbers between commas: an entry that is another, a row lost or twice; or damage to the bytes."""
    if random.random() < 0.3:
        return of_bytes(random, content)
    rows = [line.split(",") for line in content.decode().splitlines()]
    row = int(random.integers(len(rows)))
    match random.integers(4):
        case 0:
            del rows[row]
        case 1:
            rows.insert(row, list(rows[row]))
        case _:
            for _ in range(random.integers(1, 4)):
                rows[row][random.integers(len(rows[row]))] = str(random.choice(_ODD_ENTRIES))
    return "\n".join(map(",".join, rows)).encode()


def of_packed(random: np.random.Generator, content: bytes) -> bytes:
    """Damage to a file that may be packed by gzip: to what is inside, or to the packing."""
    if content[:2] != b"\x1f\x8b" or random.random() < 0.3:
        return of_bytes(random, content)
    return gzip.compress(of_bytes(random, gzip.decompress(content)))


def of_npz(random: np.random.Generator, content: bytes) -> bytes:
    """Damage to an array, to its header or its name, in a sound archive; or to the archive."""
    if random.random() < 0.3:
        return of_bytes(random, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = str(random.choice(list(members)))
    match random.integers(5):
        case 0:
            del members[name]
        case 1:
            members[name[1:]] = members.pop(name)
        case 2:
            members[name] = of_bytes(random, members[name])
        case _:
            members[name] = _with_odd_header(random, members[name])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, inside in members.items():
            archive.writestr(each, inside)
    return buffer.getvalue()


def _with_odd_header(random: np.random.Generator, array: bytes) -> bytes:
    """A .npy file one word of whose header is another."""
    (length,) = struct.unpack("<H", array[8:10])
    header = array[10 : 10 + length].decode("latin1")
    words: Sequence[re.Match[str]] = [*re.finditer(r"'[^']*'|\d+|False|\(|\)", header)]
    word = words[int(random.integers(len(words)))]
    changed = header[: word.start()] + str(random.choice(_ODD_HEADER)) + header[word.end() :]
    return array[:8] + struct.pack("<H", len(changed)) + changed.encode("latin1") + array[10 + length :]


def _places(document: Any) -> Any:
    """All (holder, key) of a document, whose holder[key] is a value."""
    keys = document.keys() if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in list(keys):
        yield document, key
        yield from _places(document[key])
