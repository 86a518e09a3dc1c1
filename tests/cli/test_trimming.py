"""`wann trim`: a smaller network in a file, which tells how it was made."""

import wann_jax
from wann_jax.networks.files import load_info


def test_it_writes_a_smaller_network(wann):
    options = ("--task", "xor", "--connections", "38", "--weights=-1,1", "--episodes", "2")
    status, out, _ = wann("trim", "xor", *options, "-o", "small.json")
    assert status == 0
    left = int(wann_jax.load_genome("small.json").num_enabled)
    assert 1 <= left <= 38
    assert out.splitlines() == [f"{left} connections; there were 40", "written: small.json"]
    assert load_info("small.json")["trimmed"] == {"from": "xor", "weights": [-1.0, 1.0], "episodes": 2, "seed": 0}
    status, _, err = wann("trim", "xor", *options, "-o", "small.json")
    assert (status, err) == (2, "wann: out must be a new file, nothing is overwritten; got 'small.json'\n")
