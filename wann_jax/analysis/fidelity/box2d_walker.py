"""Records Gymnasium's BipedalWalker-v3 step by step: what Box2D's world holds before a step, and after it.

Needs the extra `box2d`. Imports nothing of ours. `record` gives a dictionary of arrays, one row for each step;
bodies are in the order lower right, upper right, hull, upper left, lower left, joints likewise along that chain.
"""

import warnings

import gymnasium
import numpy as np

STEPS_PER_SECOND = 50.0
MAX_CONTACTS = 32  # remembered of one walker
POLICIES = ("random", "zero", "constant", "sine", "linear", "network", "walker", "rough_walker", "limping_walker")


def make_walker():
    """A fresh environment object: one that is reset twice orders its contacts otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Box2D's module, made by SWIG, warns when it is imported
        return gymnasium.make("BipedalWalker-v3").unwrapped


def policy(name, rng):
    """A function from step and observation to action."""
    if name == "random":
        hold = int(rng.integers(1, 12))
        actions = rng.uniform(-1, 1, (200, 4))
        return lambda t, obs: actions[(t // hold) % 200]
    if name == "zero":
        return lambda t, obs: np.zeros(4)
    if name == "constant":
        action = rng.uniform(-1, 1, 4)
        return lambda t, obs: action
    if name == "sine":
        size, rate, phase = rng.uniform(0.3, 1.5, 4), rng.uniform(0.05, 0.5), rng.uniform(0, 2 * np.pi, 4)
        return lambda t, obs: np.clip(size * np.sin(rate * t + phase), -1, 1)
    if name == "linear":
        weights = rng.normal(0, 0.7, (4, 24))
        return lambda t, obs: np.clip(weights @ obs, -1, 1)
    if name == "network":
        first, second = rng.normal(0, 0.8, (12, 24)), rng.normal(0, 0.8, (4, 12))
        return lambda t, obs: np.tanh(second @ np.sin(first @ obs))
    from gymnasium.envs.box2d.bipedal_walker import BipedalWalkerHeuristics

    walk, noise = BipedalWalkerHeuristics(), {"walker": 0.02, "rough_walker": 0.15, "limping_walker": 0.6}[name]
    return lambda t, obs: np.clip(walk.step_heuristic(obs) + noise * rng.normal(size=4), -1, 1)


def chain(env):
    """Bodies and joints in our order."""
    bodies = [env.legs[3], env.legs[2], env.hull, env.legs[0], env.legs[1]]
    return bodies, [env.joints[3], env.joints[2], env.joints[0], env.joints[1]]


def snapshot(env):
    """Everything that a step starts from."""
    bodies, joints = chain(env)
    rows = {
        "position": [[*body.worldCenter, body.angle] for body in bodies],
        "velocity": [[*body.linearVelocity, body.angularVelocity] for body in bodies],
        "touched": [getattr(body, "ground_contact", False) for body in bodies],
        "joint_impulse": [
            [
                *(joint.GetReactionForce(STEPS_PER_SECOND) / STEPS_PER_SECOND),
                joint.GetReactionTorque(STEPS_PER_SECOND) / STEPS_PER_SECOND,
                joint.GetMotorTorque(STEPS_PER_SECOND) / STEPS_PER_SECOND,
            ]
            for joint in joints
        ],
    }
    contacts = np.full((MAX_CONTACTS, 5), -1, np.int16)  # body, edge, points, identities; newest first
    impulses = np.zeros((MAX_CONTACTS, 4), np.float32)  # normal, normal, tangent, tangent
    for row, contact in enumerate(reversed(env.world.contacts)):  # the binding lists the oldest first
        edge = round(contact.fixtureA.shape.vertices[0][0] / (14 / 30))
        body = next(i for i, body in enumerate(bodies) if body == contact.fixtureB.body)
        count = contact.manifold.pointCount if contact.touching else 0
        points = contact.manifold.points[:count]
        contacts[row, :3] = body, edge, count
        for i, point in enumerate(points):
            contacts[row, 3 + i] = packed_identity(point.id.key)
            impulses[row, i], impulses[row, 2 + i] = point.normalImpulse, point.tangentImpulse
    return {name: np.asarray(values, np.float32) for name, values in rows.items()} | {
        "contacts": contacts,
        "impulses": impulses,
    }


def packed_identity(key):
    """Box2D's four bytes (two indices, two kinds) in 8 bits: 3 + 3 + 1 + 1."""
    first, second, first_kind, second_kind = (key >> shift & 255 for shift in (0, 8, 16, 24))
    return first | second << 3 | first_kind << 6 | second_kind << 7


def start_force(seed):
    """What pushes the hull (N) in the first step after a reset with this seed: drawn after ground and clouds."""
    env = make_walker()
    env.np_random = gymnasium.utils.seeding.np_random(seed)[0]
    env._generate_terrain(False)
    env._generate_clouds()
    return env.np_random.uniform(-5, 5)


def record(name, seed, max_steps):
    """One episode: rows of all steps; the terrain's heights, the first push, and the observation at the start."""
    rng = np.random.default_rng(seed)
    env = make_walker()
    obs, _ = env.reset(seed=seed)
    act, rows, first = policy(name, rng), [], obs
    for t in range(max_steps):
        action = np.asarray(act(t, obs), np.float32)
        before = snapshot(env)
        obs, reward, terminated, _, _ = env.step(action)
        after = snapshot(env)
        rows.append(
            before
            | {"action": action, "obs": obs, "reward": np.float32(reward), "terminated": np.bool_(terminated)}
            | {f"next_{key}": after[key] for key in ("position", "velocity")}
        )
        if terminated:
            break
    heights = np.asarray(env.terrain_y, np.float32)
    return {key: np.stack([row[key] for row in rows]) for key in rows[0]}, (heights, start_force(seed), first)


def record_many(episodes, max_steps, first_seed=0):
    """Episodes of all policies in turn, end to end.

    Beside the steps' arrays: `episode` [steps], and of each episode `terrain` [points], `force`, `start_obs`.
    """
    runs = [record(POLICIES[i % len(POLICIES)], first_seed + i, max_steps) for i in range(episodes)]
    rows = {key: np.concatenate([run[0][key] for run in runs]) for key in runs[0][0]}
    rows["episode"] = np.concatenate([np.full(len(run[0]["reward"]), i, np.int16) for i, run in enumerate(runs)])
    for i, name in enumerate(("terrain", "force", "start_obs")):
        rows[name] = np.stack([np.asarray(run[1][i], np.float32) for run in runs])
    return rows
