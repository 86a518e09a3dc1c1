"""The ids by which genomes name activation functions, as the original numbers them. What they compute: networks."""

# Id 0 is no activation of a genome: it marks the partial sums of a compiled network (networks/network.py).
SUM, LINEAR, STEP, SIN, GAUSSIAN, TANH, SIGMOID, INVERSE, ABS, RELU, COS = range(11)
ACTIVATION_NAMES = ("sum", "linear", "step", "sin", "gaussian", "tanh", "sigmoid", "inverse", "abs", "relu", "cos")
ACTIVATION_IDS = {name: index for index, name in enumerate(ACTIVATION_NAMES) if index != SUM}
