"""NSGA-II for objectives to be maximised, straight from its definition; lists in, lists out."""

import math


def dominates(one, other):
    return all(mine >= theirs for mine, theirs in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def fronts(points):
    left, front, level = set(range(len(points))), [-1] * len(points), 0
    while left:
        best = {i for i in left if not any(dominates(points[j], points[i]) for j in left)}
        for i in best:
            front[i] = level
        left, level = left - best, level + 1
    return front


def crowding_distances(points, front):
    """Per front and objective: sort (ties by index), ends infinite, else the neighbours' gap over the front's range."""
    distance = [0.0] * len(points)
    for level in set(front):
        members = [i for i in range(len(points)) if front[i] == level]
        for objective in range(len(points[0])):
            members = sorted(members, key=lambda i: (points[i][objective], i))
            values = [points[i][objective] for i in members]
            span = values[-1] - values[0]
            for place, i in enumerate(members):
                if place in (0, len(members) - 1):
                    distance[i] = math.inf
                elif span > 0:
                    distance[i] += (values[place + 1] - values[place - 1]) / span
    return distance


def rank_order(points):
    front = fronts(points)
    distance = crowding_distances(points, front)
    return sorted(range(len(points)), key=lambda i: (front[i], -distance[i], i))
