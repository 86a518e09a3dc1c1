"""The walker's physics, as Box2D does it: maximal coordinates and sequential impulses, batched over lanes.

In: the state of the bodies, the motors' settings, the terrain. Out: the state 1/50 s later. The last axis of every
array is the lanes (B), so that thousands of walkers advance in step.
"""
