"""Car racing in JAX: a car on a random closed track, seen from above. The same task as Gymnasium's CarRacing-v3.

- `track`: a track from a key, or from given uniform numbers.
- `contacts`: which tiles the wheels are on. `dynamics`: the car's motion.
- `picture`: what the driver sees.
- `drive`: a car's way along a track, with rewards; many lanes share a few tracks. `environment`: the same for gymnax.

Lanes stand last in the car's arrays ([3, B], [4, B]), and first in pictures ([B, 64, 64, 3]). Lengths are in the
original's units (called m here), time in s.
"""
