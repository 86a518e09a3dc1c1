"""What is read off compiled programs, and the programs of accelerators, where the extra `aot` can compile them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import aot
from benchmarks.hlo import Program, bytes_of

ROOT = Path(__file__).parents[1]
TEXT = """HloModule jit_f, is_scheduled=true

FileNames
1 "/somewhere/wann_jax/kernels/xla.py"
2 "/somewhere/jax/lax.py"

FunctionNames
1 "outer.<locals>.settle"
2 "while_loop"

FileLocations
1 {file_name_id=1 function_name_id=1 line=1 end_line=1 column=1 end_column=2}
2 {file_name_id=2 function_name_id=2 line=1 end_line=1 column=1 end_column=2}

StackFrames
1 {file_location_id=1 parent_frame_id=1}
2 {file_location_id=2 parent_frame_id=1}

%fused_slice (p0: f32[100,8], p1: s32[]) -> f32[1,8] {
  %p0 = f32[100,8]{1,0} parameter(0)
  %p1 = s32[] parameter(1)
  ROOT %ds = f32[1,8]{1,0} dynamic-slice(%p0, %p1, %p1), dynamic_slice_sizes={1,8}
}

%fused_sort (p0: f32[8192]) -> f32[8192] {
  %p0 = f32[8192]{0} parameter(0)
  ROOT %sort = f32[8192]{0} sort(%p0), dimensions={0}, to_apply=%less
}

%inner_body (arg: (s32[], f32[100,8])) -> (s32[], f32[100,8]) {
  %arg = (s32[], f32[100,8]{1,0}) parameter(0)
  %i = s32[] get-tuple-element(%arg), index=0
  %x = f32[100,8]{1,0} get-tuple-element(%arg), index=1
  %row = f32[1,8]{1,0} fusion(%x, %i), kind=kLoop, calls=%fused_slice
  %copy = f32[100,8]{1,0} copy(%x)
  ROOT %out = (s32[], f32[100,8]{1,0}) tuple(%i, %copy)
}

%condition (arg: (s32[], f32[100,8])) -> pred[] {
  %arg = (s32[], f32[100,8]{1,0}) parameter(0)
  %i = s32[] get-tuple-element(%arg), index=0
  ROOT %less = pred[] compare(%i, %i), direction=LT
}

%outer_body (arg: (s32[], f32[100,8])) -> (s32[], f32[100,8]) {
  %arg = (s32[], f32[100,8]{1,0}) parameter(0)
  ROOT %while.1 = (s32[], f32[100,8]{1,0}) while(%arg), condition=%condition, body=%inner_body, metadata={op_name="jit(f)/rows/while"}, backend_config={"known_trip_count":{"n":"5"}}
}

%few (x: f32[8192]) -> f32[8192] {
  %x = f32[8192]{0} parameter(0)
  ROOT %c = f32[8192]{0} copy(%x)
}

%many (x: f32[8192]) -> f32[8192] {
  %x = f32[8192]{0} parameter(0)
  %c = f32[8192]{0} copy(%x)
  ROOT %s = f32[8192]{0} fusion(%c), kind=kInput, calls=%fused_sort
}

ENTRY %main (a: s32[], b: f32[100,8], c: f32[8192]) -> f32[8192] {
  %a = s32[] parameter(0)
  %b = f32[100,8]{1,0} parameter(1)
  %c = f32[8192]{0} parameter(2)
  %t = (s32[], f32[100,8]{1,0}) tuple(%a, %b)
  %while.2 = (s32[], f32[100,8]{1,0}) while(%t), condition=%condition, body=%outer_body, metadata={op_name="jit(f)/while" stack_frame_id=2}
  ROOT %cond = f32[8192]{0} conditional(%a, %c, %c), branch_computations={%few, %many}, metadata={op_name="jit(f)/at_size/cond"}
}
"""  # noqa: E501


def test_launches_waits_and_bytes_are_those_of_the_text():
    program = Program(TEXT, {"outer.settle": 7}, {"at_size": 0})
    # 7 rounds of: 5 x (a slice, a copy), and the condition; then one copy.
    assert program.cost.launches == 7 * (5 * 2 + 1) + 1
    assert program.cost.waits == 7 + 1
    slices, copies, condition = 35 * 2 * 32, 35 * 2 * 3200, 7 * (1 + 4 + 4)
    # Of the table only one row is read; a slice's place is read, too.
    assert program.cost.bytes == slices + 35 * 4 + copies + condition + 2 * 4 * 8192
    assert [(loop.function, loop.trips, loop.launches) for loop in program.loops()] == [
        ("outer.settle", None, 11.0),
        ("rows", 5, 2.0),
    ]


def test_the_dearest_branch_counts_where_none_is_named_and_long_sorts_take_several_launches():
    few, dearest = (Program(TEXT, {"outer.settle": 1}, branch).cost.launches for branch in ({"at_size": 0}, {}))
    assert dearest - few == 1 + 2 + 3  # 8192 are two stages beyond what one launch sorts


def test_sizes_of_shapes():
    assert bytes_of("(f32[2,3]{1,0}, pred[5]{0}, bf16[4]{0}, s32[])") == 24 + 5 + 8 + 4


def test_an_unknown_target_is_refused():
    call = [sys.executable, "-m", "benchmarks.accelerators", "h1000", "--program", "rank"]
    done = subprocess.run(call, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        "target must be one of h100, a100, t4, v5e; got 'h1000' (did you mean 'h100'?)",
    )


# Launches at the most.
BARS = [
    ("mnist samples, 340 hidden", "h100", "xla", 4_000),
    ("mnist samples, 340 hidden", "h100", "pallas", 60),
    ("mnist generation", "h100", "xla", 4_000),
    ("swing-up generation", "h100", "xla", 60_000),
    ("swing-up generation", "h100", "pallas", 4_000),
    ("mnist generation", "v5e", "xla", None),
]


@pytest.mark.parametrize(("name", "target", "kernels", "most"), BARS)
def test_a_generation_compiles_for_accelerators_without_loops_over_individuals(name, target, kernels, most):
    lacking = aot.missing_for(aot.TARGETS[target])
    if lacking:
        pytest.skip(f"the extra aot is not installed ({lacking})")
    script = (
        "import json; from benchmarks import accelerators as a; from benchmarks.aot import TARGETS\n"
        f"row = a.compiled_row({name!r}, a.CASES[{name!r}](), TARGETS[{target!r}], {target!r}, {kernels!r})\n"
        "print(json.dumps(row))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout.splitlines()[-1])
    assert "blocks" not in {loop[0] for loop in row["loops"]}
    assert set(row["loops_of_unknown_length"]) <= {"episode", "relax_layers", "live_nodes"} or most is None
    assert most is None or row["launches"] <= most
