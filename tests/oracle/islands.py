"""Who the next generation of an archipelago comes from; loops over lists."""


def chosen(order, entrants, num_elites, num_migrants, is_due):
    """For every slot: parent, partner, and whether the parent passes unchanged.

    order: for each island, its individuals from the best to the worst. entrants: for each island and each child, the
    places in the order that meet in two tournaments of the same size.
    """
    slots = []
    for island, ranked in enumerate(order):
        mine = [(ranked[place], ranked[place], True) for place in range(num_elites)]
        for places in entrants[island]:
            half = len(places) // 2
            better, worse = sorted([min(places[:half]), min(places[half:])])
            mine.append((ranked[better], ranked[worse], False))
        if is_due and len(order) > 1:
            for number in range(num_migrants):
                slot = len(mine) - num_migrants + number
                mine[slot] = (order[island - 1][number], mine[slot][1], True)
        slots += mine
    return slots
