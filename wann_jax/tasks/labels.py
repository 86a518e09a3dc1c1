"""What a task calls the inputs and outputs of its networks: names for drawings, pages and exported files.

They belong to a task's `TaskSpec`, so that a network can be drawn without the task's data.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Labels:
    """Names, in the order of inputs and outputs; empty where a task has none."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    image: tuple[int, int] | None = None  # rows and columns of the picture whose pixels the inputs are, row by row

    def fitting(self, num_inputs: int, num_outputs: int) -> "Labels":
        """Names for a network of these sizes; numbers where the task has no names, or not as many."""
        named, classes = len(self.inputs) == num_inputs, len(self.outputs) == num_outputs
        pixels = self.image is not None and self.image[0] * self.image[1] == num_inputs
        return Labels(
            self.inputs if named else tuple(f"in {index}" for index in range(num_inputs)),
            self.outputs if classes else tuple(f"out {index}" for index in range(num_outputs)),
            self.image if pixels else None,
        )
