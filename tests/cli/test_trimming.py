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
    old, info = load_info("xor"), load_info("small.json")
    assert info["trimmed"] == {"from": "xor", "weights": [-1.0, 1.0], "episodes": 2, "seed": 0}
    assert (info["task"], info["generation"]) == (old["task"], old["generation"])
    assert {"protocol", "tuning", "command", "score"} <= {*old} - {*info}  # they tell of the larger network
    status, _, err = wann("trim", "xor", *options, "-o", "small.json")
    assert (status, err) == (2, "wann: out must be a new file, nothing is overwritten; got 'small.json'\n")
