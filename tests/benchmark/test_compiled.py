"""What is counted in the text of a compiled program."""

import jax
import jax.numpy as jnp
import pytest

from dqmjax.benchmark.compiled import (
    RATES,
    Counts,
    bytes_of,
    constant_bytes,
    counted,
    is_complete,
    total,
)

# by hand: an entry with a loop of three steps, a loop of unknown length, and a condition in it
TEXT = """\
HloModule small, entry_computation_layout={(c128[8]{0})->c128[8]{0}}

FileNames
1 "/x/jax/_src/api.py"
2 "/x/dqmjax/wave/split_step.py"
3 "/x/dqmjax/benchmark/programs.py"

FunctionNames
1 "run"

FileLocations
1 {file_name_id=3 function_name_id=1 line=5 end_line=5 column=1 end_column=2}
2 {file_name_id=2 function_name_id=1 line=42 end_line=42 column=1 end_column=2}
3 {file_name_id=1 function_name_id=1 line=7 end_line=7 column=1 end_column=2}

StackFrames
1 {file_location_id=1 parent_frame_id=1}
2 {file_location_id=2 parent_frame_id=1}
3 {file_location_id=3 parent_frame_id=2}

%kick (a: c128[8], b: c128[8]) -> c128[8] {
  %a = c128[8]{0} parameter(0)
  %b = c128[8]{0} parameter(1)
  ROOT %m = c128[8]{0} multiply(%a, %b)
}

%turned (a.1: c128[8]) -> c128[8] {
  %a.1 = c128[8]{0} parameter(0)
  ROOT %t = c128[8]{0} copy(%a.1)
}

%row (table: c128[100,8], i: s64[]) -> c128[1,8] {
  %table = c128[100,8]{1,0} parameter(0)
  %i = s64[] parameter(1)
  %zero = s64[] constant(0)
  ROOT %d = c128[1,8]{1,0} dynamic-slice(%table, %i, %zero), dynamic_slice_sizes={1,8}
}

%put (table.1: c128[100,8], new: c128[1,8], i.1: s64[]) -> c128[100,8] {
  %table.1 = c128[100,8]{1,0} parameter(0)
  %new = c128[1,8]{1,0} parameter(1)
  %i.1 = s64[] parameter(2)
  %zero.1 = s64[] constant(0)
  ROOT %u = c128[100,8]{1,0} dynamic-update-slice(%table.1, %new, %i.1, %zero.1)
}

%plus (i.2: s64[]) -> s64[] {
  %i.2 = s64[] parameter(0)
  %one = s64[] constant(1)
  ROOT %sum = s64[] add(%i.2, %one)
}

%step (now: (s64[], c128[8])) -> (s64[], c128[8]) {
  %now = (s64[], c128[8]{0}) parameter(0)
  %i.3 = s64[] get-tuple-element(%now), index=0
  %psi = c128[8]{0} get-tuple-element(%now), index=1
  %next = s64[] fusion(%i.3), kind=kLoop, calls=%plus
  %f = c128[8]{0} fft(%psi), fft_type=FFT, fft_length={8}
  %k = c128[8]{0} fusion(%f, %psi), kind=kLoop, calls=%kick
  ROOT %pair = (s64[], c128[8]{0}) tuple(%next, %k)
}

%three (now.1: (s64[], c128[8])) -> pred[] {
  %now.1 = (s64[], c128[8]{0}) parameter(0)
  %i.4 = s64[] get-tuple-element(%now.1), index=0
  %limit = s64[] constant(3)
  ROOT %less = pred[] compare(%i.4, %limit), direction=LT
}

%yes (x: c128[8]) -> c128[8] {
  %x = c128[8]{0} parameter(0)
  ROOT %g = c128[8]{0} custom-call(%x), custom_call_target="__cublas$gemm"
}

%no (x.1: c128[8]) -> c128[8] {
  ROOT %x.1 = c128[8]{0} parameter(0)
}

%search (now.2: (pred[], c128[8])) -> (pred[], c128[8]) {
  %now.2 = (pred[], c128[8]{0}) parameter(0)
  %go = pred[] get-tuple-element(%now.2), index=0
  %y = c128[8]{0} get-tuple-element(%now.2), index=1
  %c = c128[8]{0} conditional(%go, %y, %y), true_computation=%yes, false_computation=%no
  %w = pred[] custom-call(%c), custom_call_target="xla_ffi_python_gpu_callback"
  ROOT %pair.1 = (pred[], c128[8]{0}) tuple(%w, %c)
}

%goes_on (now.3: (pred[], c128[8])) -> pred[] {
  %now.3 = (pred[], c128[8]{0}) parameter(0)
  ROOT %go.1 = pred[] get-tuple-element(%now.3), index=0
}

ENTRY %main (arg: c128[8]) -> c128[8] {
  %arg = c128[8]{0} parameter(0)
  %begin = s64[] constant(0)
  %numbers = c128[100,8]{1,0} constant({...})
  %first = c128[1,8]{1,0} fusion(%numbers, %begin), kind=kLoop, calls=%row
  %all = c128[100,8]{1,0} fusion(%numbers, %first, %begin), kind=kLoop, calls=%put
  %turn = c128[8]{0} fusion(%arg), kind=kLoop, calls=%turned
  %own = c128[8]{0} copy(%turn)
  %s = (s64[], c128[8]{0}) tuple(%begin, %own)
  %loop = (s64[], c128[8]{0}) while(%s), condition=%three, body=%step, metadata={stack_frame_id=3}
  %psi.1 = c128[8]{0} get-tuple-element(%loop), index=1
  %true = pred[] constant(true)
  %start.1 = (pred[], c128[8]{0}) tuple(%true, %psi.1)
  %loop.1 = (pred[], c128[8]{0}) while(%start.1), condition=%goes_on, body=%search
  ROOT %end = c128[8]{0} get-tuple-element(%loop.1), index=1
}
"""
STATE, ROW = 8 * 16, 8 * 16


def test_the_work_outside_and_in_each_loop():
    outside, step, search = counted(TEXT)
    assert (outside.kernels, outside.moves, outside.copies, outside.transforms) == (3, 2, 1, 0)
    assert (outside.open_loops, outside.conditionals, outside.round_trips) == (1, 0, 1)
    # a row read and written, with its number; a row read and put, with its number; two copies
    assert outside.bytes == (2 * ROW + 8) + (2 * ROW + 8) + 2 * STATE + 2 * STATE

    assert (step.depth, step.trips, step.passes, step.source) == (
        1,
        3,
        3,
        "dqmjax/wave/split_step.py:42",
    )
    assert (step.transforms, step.kernels, step.numbers, step.copies) == (1, 2, 1, 0)
    assert step.bytes == 2 * STATE + 3 * STATE + 16
    assert step.launches == 3
    assert step.round_trips == 0

    assert (search.trips, search.passes) == (None, 1)
    assert (search.conditionals, search.callbacks, search.round_trips) == (1, 1, 2)
    assert search.calls == {"__cublas$gemm": 1, "xla_ffi_python_gpu_callback": 1}
    assert search.branches.calls == {"__cublas$gemm": 1}
    assert search.launches == 1


def test_the_whole_program_counts_each_step_and_an_open_loop_once():
    parts = counted(TEXT)
    whole = total(parts)
    assert (whole.transforms, whole.kernels, whole.numbers) == (3, 3 + 3 * 2, 3)
    assert whole.bytes == parts[0].bytes + 3 * parts[1].bytes + parts[2].bytes
    assert whole.round_trips == 1 + 2
    assert not is_complete(parts)
    known = TEXT.replace("direction=LT", "direction=GT").replace(
        "body=%step", 'body=%step, backend_config={"known_trip_count":{"n":"5"}}'
    )
    assert counted(known)[1].trips == 5
    assert counted(TEXT.replace("direction=LT", "direction=GT"))[1].trips is None


def test_what_a_condition_in_a_loop_may_skip_counts_once():
    text = TEXT.replace(
        "body=%search", 'body=%search, backend_config={"known_trip_count":{"n":"7"}}'
    )
    whole = total(counted(text))
    assert whole.conditionals == 7
    assert whole.calls == {"__cublas$gemm": 1, "xla_ffi_python_gpu_callback": 7}
    assert not is_complete(counted(text))


def test_constants_of_the_text():
    scalars = 5 * 8 + 1  # five whole numbers and a truth value
    assert constant_bytes(TEXT) == 100 * 8 * 16 + scalars


def test_bytes_of_types():
    assert bytes_of("c128[4,3]{1,0}") == 192
    assert bytes_of("(f32[2]{0}, /*index=1*/pred[], s64[])") == 17
    on_chip = "(f32[64,64]{1,0:T(8,128)S(1)}, f32[8]{0:T(128)})"
    assert bytes_of(on_chip) == 64 * 64 * 4 + 32
    assert bytes_of(on_chip, in_main_memory=True) == 32


def test_predicted_time():
    work = Counts(bytes=3_350_000, kernels=2, transforms=2, conditionals=4)
    assert RATES["h100"].seconds(work) == pytest.approx(1e-6 + 4 * 3e-6)
    assert RATES["v5e"].seconds(work) == pytest.approx(3_350_000 / 819e9)
    assert RATES["h100"].round_trips(work) == 4
    assert RATES["v5e"].round_trips(work) == 0


def test_a_program_of_this_machine():
    def run(psi):
        step = lambda psi, _: (jnp.fft.ifft(jnp.exp(1j) * jnp.fft.fft(psi)), None)
        return jax.lax.scan(step, psi, length=1000)[0]

    program = jax.jit(run).lower(jnp.ones(64, complex)).compile()
    parts = counted(program.as_text())
    (step,) = [part for part in parts if part.transforms]
    assert (step.transforms, step.trips, step.passes) == (2, 1000, 1000)
    assert total(parts).transforms == 2000
    assert step.bytes >= 4 * 64 * 16
    assert is_complete(parts)


def test_an_open_loop_of_this_machine():
    run = lambda x, n: jax.lax.while_loop(
        lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * 2), (0, x)
    )
    program = jax.jit(run).lower(jnp.ones(64), 3).compile()
    assert total(counted(program.as_text())).open_loops == 1
