"""MNIST's preparation, pixel by pixel: bilinear resize to a smaller side, then straightening by image moments."""

import math


def resize(image, side):
    """Bilinear without antialiasing: each new pixel's centre is looked up between the old pixels' centres."""
    rows = [_centre(index, side, len(image)) for index in range(side)]
    columns = [_centre(index, side, len(image[0])) for index in range(side)]
    return [[_between_pixels(image, row, column) for column in columns] for row in rows]


def _centre(index, new_side, old_side):
    return min(max((index + 0.5) * old_side / new_side - 0.5, 0.0), old_side - 1.0)


def _between_pixels(image, row, column):
    """The value at fractional coordinates; pixels outside the image are 0."""
    value = 0.0
    for near_row in (math.floor(row), math.floor(row) + 1):
        for near_column in (math.floor(column), math.floor(column) + 1):
            if 0 <= near_row < len(image) and 0 <= near_column < len(image[0]):
                share = (1 - abs(row - near_row)) * (1 - abs(column - near_column))
                value += share * image[near_row][near_column]
    return value


def moments(image):
    """Central moments mu11 and mu02 (x along columns, y along rows); (0, 0) of a blank image."""
    pixels = [(x, y, image[y][x]) for y in range(len(image)) for x in range(len(image[0]))]
    mass = sum(value for _, _, value in pixels)
    if mass == 0:
        return 0.0, 0.0
    mean_x = sum(x * value for x, _, value in pixels) / mass
    mean_y = sum(y * value for _, y, value in pixels) / mass
    mu11 = sum((x - mean_x) * (y - mean_y) * value for x, y, value in pixels)
    mu02 = sum((y - mean_y) ** 2 * value for _, y, value in pixels)
    return mu11, mu02


def straighten(image):
    """Inverse affine map [1, skew, -skew * side / 2; 0, 1, 0] of skew mu11 / mu02; unchanged where |mu02| < 0.01."""
    side = len(image)
    mu11, mu02 = moments(image)
    if abs(mu02) < 0.01:
        return [list(row) for row in image]
    skew = mu11 / mu02
    return [[_between_pixels(image, y, x + skew * y - 0.5 * side * skew) for x in range(side)] for y in range(side)]


def prepare(image, side=16):
    """A 28x28 image in [0, 1] as the flat list of its resized, straightened pixels."""
    return [value for row in straighten(resize(image, side)) for value in row]
