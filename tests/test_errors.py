"""Messages: one line, however long or deep the value is that they tell of."""

import numpy as np
import pytest

from wann_jax.errors import ConfigError, brief, require, require_known


@pytest.mark.parametrize("value", [0.5, "text\n", None, (1, 2), ["a", {"b": 1}], -(10**20)])
def test_a_short_value_is_told_as_it_is(value):
    assert brief(value) == repr(value)


def test_an_array_is_told_in_one_line():
    assert brief(np.arange(6).reshape(2, 3)) == "array([[0, 1, 2],        [3, 4, 5]])"


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    ["a" * 10**6, [[0, 1]] * 10**5, nested(900), 10**3000, {str(i): "x" * 99 for i in range(99)}],
    ids=["text", "list", "nesting", "number", "dict"],
)
def test_a_long_value_is_told_in_part(value):
    for call in (
        lambda: require(False, "field", "one", value),
        lambda: require_known("field", value, ["one", "two"]),
    ):
        with pytest.raises(ConfigError) as error:
            call()
        text = str(error.value)
        assert text.startswith("field must be one")
        assert "..." in text
        assert len(text) < 480
        assert "\n" not in text
