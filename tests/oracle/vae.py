"""The paper's VAE in NumPy, float64, place by place: slow and obvious."""

import numpy as np


def convolution(image, kernel):
    """[S, S, C] to [T, T, D]: stride 2, no padding; kernel [K, K, C, D]."""
    size = kernel.shape[0]
    side = (image.shape[0] - size) // 2 + 1
    found = np.zeros((side, side, kernel.shape[3]))
    for i in range(side):
        for j in range(side):
            patch = image[2 * i : 2 * i + size, 2 * j : 2 * j + size]
            for d in range(kernel.shape[3]):
                found[i, j, d] = (patch * kernel[:, :, :, d]).sum()
    return found


def transposed_convolution(image, kernel):
    """[T, T, D] to [S, S, C]: every place adds its kernel, weighted; kernel [K, K, C, D]."""
    size, side = kernel.shape[0], image.shape[0]
    found = np.zeros((2 * (side - 1) + size,) * 2 + (kernel.shape[2],))
    for i in range(side):
        for j in range(side):
            for d in range(kernel.shape[3]):
                found[2 * i : 2 * i + size, 2 * j : 2 * j + size] += image[i, j, d] * kernel[:, :, :, d]
    return found


def encode(params, frame):
    """Mean and log variance of the code of one frame of bytes; params as a nested dict of arrays."""
    image = frame / 255.0
    for layer in range(4):
        image = np.maximum(convolution(image, params[f"kernel{layer}"]) + params[f"bias{layer}"], 0.0)
    flat = image.reshape(-1)
    return tuple(flat @ params[name]["kernel"] + params[name]["bias"] for name in ("mean", "log_variance"))


def decode(params, code):
    """The picture of one code."""
    image = (code @ params["dense"]["kernel"] + params["dense"]["bias"]).reshape(1, 1, -1)
    for layer in range(4):
        image = transposed_convolution(image, params[f"kernel{layer}"]) + params[f"bias{layer}"]
        image = np.maximum(image, 0.0) if layer < 3 else 1.0 / (1.0 + np.exp(-image))
    return image


def losses(params, frames, noise):
    """Mean squared error summed over a picture, and mean divergence floored at half a nat per latent."""
    errors, divergences = [], []
    for frame, disturbance in zip(frames, noise, strict=True):
        mean, log_variance = encode(params["encoder"], frame)
        deviation = np.exp(log_variance / 2)
        found = decode(params["decoder"], mean + deviation * disturbance)
        errors.append(((found - frame / 255.0) ** 2).sum())
        # KL(N(mean, deviation^2) || N(0, 1)), latent by latent
        divergence = sum(np.log(1.0 / s) + (s**2 + m**2) / 2 - 0.5 for m, s in zip(mean, deviation, strict=True))
        divergences.append(max(divergence, 0.5 * len(mean)))
    return np.mean(errors), np.mean(divergences)
