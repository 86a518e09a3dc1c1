// Continuous collision of one walker: ../../envs/bipedal/impact.py and continuous.py.

#pragma once

#include "biped_solver.h"

namespace wann::biped {

constexpr float kTarget = WANN_IMPACT_TARGET, kTolerance = WANN_IMPACT_TOLERANCE;  // m: the distance of touching cores
constexpr float kLatest = WANN_CONTINUOUS_LATEST;

struct Sweep {
  const Body& body;
  State<float> before, after;
  Point start, end;
  State<float> At(float time) const {
    const float rest = 1.0f - time;
    return {rest * before.x + time * after.x, rest * before.y + time * after.y, rest * before.angle + time * after.angle};
  }
  Frame<float> FrameAt(float time) const { return FrameOf(At(time), body.centre); }
};

struct Axis {
  float distance, offset;
  bool turns;
  Point direction, base;
};

inline Axis Closest(const Sweep& sweep, float time) {
  const Body& body = sweep.body;
  const Frame<float> frame = sweep.FrameAt(time);
  const Point side = sweep.end - sweep.start;
  const float square = Dot(side, side);
  Point corner[kCorners];
  for (int i = 0; i < body.corners; ++i) corner[i] = frame.Place(body.corner[i]);
  float by_corner = INFINITY, by_side = INFINITY, share = 0.0f, side_share = 0.0f, gap = -INFINITY;
  float lowest = INFINITY, highest = -INFINITY;
  int index = 0, side_index = 0;
  for (int i = 0; i < body.corners; ++i) {
    const float along = Dot(corner[i] - sweep.start, side) / square;
    const Point apart = corner[i] - (sweep.start + side * Clip(along, 0.0f, 1.0f));
    if (Dot(apart, apart) < by_corner) by_corner = Dot(apart, apart), index = i, share = along;
    const float height = Dot(Right(side), corner[i] - sweep.start);
    lowest = std::min(lowest, height), highest = std::max(highest, height);
    const Point outward = frame.Turn(body.outward[i]);
    gap = std::max(gap, std::min(Dot(outward, sweep.start - corner[i]), Dot(outward, sweep.end - corner[i])));
  }
  for (const Point& point : {sweep.start, sweep.end}) {
    float best = INFINITY, best_share = 0.0f;
    int best_index = 0;
    for (int i = 0; i < body.corners; ++i) {
      const Point edge = corner[i + 1 == body.corners ? 0 : i + 1] - corner[i];
      const float along = Dot(point - corner[i], edge) / Dot(edge, edge);
      const Point apart = point - corner[i] - edge * Clip(along, 0.0f, 1.0f);
      if (Dot(apart, apart) < best) best = Dot(apart, apart), best_index = i, best_share = along;
    }
    if (best < by_side) by_side = best, side_index = best_index, side_share = best_share;
  }
  Axis axis{};
  const bool overlaps = gap <= 0.0f && lowest <= 0.0f && highest >= 0.0f;
  axis.distance = overlaps ? 0.0f : std::sqrt(std::min(by_corner, by_side));
  const bool on_edge = share > 0.0f && share < 1.0f && by_corner <= by_side;
  axis.turns = !on_edge && side_share > 0.0f && side_share < 1.0f && by_side <= by_corner;
  if (axis.turns) {
    axis.direction = body.outward[side_index];
    const int next = side_index + 1 == body.corners ? 0 : side_index + 1;
    axis.base = (body.corner[side_index] + body.corner[next]) * 0.5f;
  } else if (on_edge) {
    axis.direction = Unit(Right(side));
    if (Dot(axis.direction, corner[index] - sweep.start) < 0.0f) axis.direction = -axis.direction;
    axis.offset = Dot(axis.direction, sweep.start + side * 0.5f);
  } else {
    axis.direction = Unit(corner[index] - (share >= 0.5f ? sweep.end : sweep.start));
    axis.offset = std::max(Dot(axis.direction, sweep.start), Dot(axis.direction, sweep.end));
  }
  return axis;
}

// Along the axis: of the deepest features (which are written), or of given ones.
inline float Deepest(const Sweep& sweep, const Axis& axis, float time, int& feature) {
  const Frame<float> frame = sweep.FrameAt(time);
  if (axis.turns) {
    const Point direction = frame.Turn(axis.direction), base = frame.Place(axis.base);
    const float start = Dot(direction, sweep.start - base), end = Dot(direction, sweep.end - base);
    feature = end < start;
    return std::min(start, end);
  }
  float least = INFINITY;
  for (int i = 0; i < sweep.body.corners; ++i) {
    const float depth = Dot(axis.direction, frame.Place(sweep.body.corner[i]));
    if (depth < least) least = depth, feature = i;
  }
  return least - axis.offset;
}

inline float Separation(const Sweep& sweep, const Axis& axis, int feature, float time) {
  const Frame<float> frame = sweep.FrameAt(time);
  if (!axis.turns) return Dot(axis.direction, frame.Place(sweep.body.corner[feature])) - axis.offset;
  return Dot(frame.Turn(axis.direction), (feature ? sweep.end : sweep.start) - frame.Place(axis.base));
}

inline float FindRoot(const Sweep& sweep, const Axis& axis, int feature, float low, float high, float at_low, float at_high) {
  const float until = high;
  for (int count = 0; count < WANN_IMPACT_MAX_ROOTS; ++count) {
    const float slope = at_high == at_low ? 1.0f : at_high - at_low;
    const float middle = count % 2 ? low + (kTarget - at_low) * (high - low) / slope : 0.5f * (low + high);
    const float value = Separation(sweep, axis, feature, middle);
    if (std::fabs(value - kTarget) < kTolerance) return middle;
    if (value > kTarget) {
      low = middle, at_low = value;
    } else {
      high = middle, at_high = value;
    }
  }
  return until;
}

// Share of the motion at which the cores come within the target distance; 1: not at all.
inline float TimeOfImpact(const Sweep& sweep) {
  float time = 0.0f;
  for (int axes = 0; axes < WANN_IMPACT_MAX_AXES; ++axes) {
    const Axis axis = Closest(sweep, time);
    if (axis.distance <= 0.0f) return 1.0f;
    if (axis.distance < kTarget + kTolerance) return time;
    float until = 1.0f;
    for (int points = 0; points < WANN_IMPACT_MAX_POINTS; ++points) {
      int feature = 0;
      const float late = Deepest(sweep, axis, until, feature);
      if (late > kTarget + kTolerance) return 1.0f;
      if (late > kTarget - kTolerance) {
        time = until;
        break;
      }
      const float early = Separation(sweep, axis, feature, time);
      if (early < kTarget - kTolerance) return 1.0f;
      if (early <= kTarget + kTolerance) return time;
      until = FindRoot(sweep, axis, feature, time, until, early, late);
    }
  }
  return 1.0f;
}

inline bool MayHit(const Sweep& sweep) {
  const Point up = -Right(Unit(sweep.end - sweep.start));
  const float turn = sweep.after.angle - sweep.before.angle;
  const float sag = kTarget + kTolerance + 0.125f * sweep.body.radius * turn * turn;
  float least = INFINITY, left = INFINITY, right = -INFINITY;
  for (const float time : {0.0f, 1.0f}) {
    const Frame<float> frame = sweep.FrameAt(time);
    for (int i = 0; i < sweep.body.corners; ++i) {
      const Point corner = frame.Place(sweep.body.corner[i]);
      least = std::min(least, Dot(up, corner - sweep.start));
      left = std::min(left, corner.x), right = std::max(right, corner.x);
    }
  }
  return least <= sag && left - sag <= sweep.end.x && right + sag >= sweep.start.x;
}

// Rewinds one body to its impact, pushes it out of the ground, gives it impulses, and sends it on.
inline void Respond(const Body& body, const Manifold* const* touching, int number, State<float>& at, State<float>& before,
                    State<float>& velocity, float time_left) {
  Patch<float> patches[kSlots];
  for (int k = 0; k < number; ++k) {
    const Manifold& m = *touching[k];
    patches[k] = {float(m.count), float(m.on_body), m.normal, m.base, {m.point[0], m.point[1]}};
  }
  for (int pass = 0; pass < WANN_CONTINUOUS_POSITION_PASSES; ++pass) {
    float least = 0.0f;
    for (int k = 0; k < number; ++k) least = std::min(least, Lift(patches[k], body, at, WANN_CONTINUOUS_POSITION_CORRECTION));
    if (least >= -1.5f * kSlop) break;
  }
  before = at;
  ContactRow<float> rows[kSlots];
  for (int k = 0; k < number; ++k) rows[k] = Prepare(body, *touching[k], at);
  for (int pass = 0; pass < 180; ++pass) {
    const State<float> old = velocity;
    for (int k = 0; k < number; ++k) Solve(rows[k], body, velocity);
    if (old.x == velocity.x && old.y == velocity.y && old.angle == velocity.angle) break;
  }
  Integrate(at, velocity, time_left);
}

// All impacts of one body in one step. Bodies do not meet each other, so each can be followed to the end on its own.
inline void SolveImpacts(const Body& body, int index, Walker& walker, State<float> before, int& clock) {
  float times[kSlots], begun = 0.0f;
  int tries[kSlots] = {};
  State<float> velocity{walker.velocity[0][index], walker.velocity[1][index], walker.velocity[2][index]};
  State<float> at = walker.At(index);
  const auto compute = [&] {
    bool any = false;
    for (int slot = 0; slot < kSlots; ++slot) {
      times[slot] = 1.0f;
      if (walker.birth[slot][index] < 0 || tries[slot] > WANN_CONTINUOUS_MAX_TRIES) continue;
      const int edge = walker.edge[slot][index];
      const Sweep sweep{body, before, at, walker.Ground(edge), walker.Ground(edge + 1)};
      if (!MayHit(sweep)) continue;
      const float share = TimeOfImpact(sweep);
      if (share < 1.0f) times[slot] = std::min(begun + (1.0f - begun) * share, 1.0f);
      any = any || times[slot] < kLatest;
    }
    return any;
  };
  bool any = compute();
  for (int events = 0; any && events < WANN_CONTINUOUS_MAX_EVENTS; ++events) {
    int order[kSlots], hit = -1;
    const int number = Order(walker, index, order);
    for (int k = 0; k < number; ++k) {
      if (times[order[k]] < kLatest && (hit < 0 || times[order[k]] < times[hit])) hit = order[k];
    }
    if (hit < 0) break;
    const float time = times[hit], share = (time - begun) / (1.0f - begun), rest = 1.0f - share;
    State<float> moment{rest * before.x + share * at.x, rest * before.y + share * at.y, rest * before.angle + share * at.angle};
    const Frame<float> frame = FrameOf(moment, body.centre);
    Manifold manifolds[kSlots];
    const Manifold* touching[kSlots];
    int touches = 0;
    const auto renew = [&](int slot) {
      const int edge = walker.edge[slot][index];
      manifolds[slot] = Collide(body, frame, {moment.x, moment.y}, walker.Ground(edge), walker.Ground(edge + 1));
      Remember(walker, index, slot, manifolds[slot]);
      if (manifolds[slot].count > 0) touching[touches++] = &manifolds[slot];
    };
    ++tries[hit];
    renew(hit);
    times[hit] = 1.0f;
    if (touches == 0) continue;  // only near: this contact is out until it is renewed
    for (int k = 0; k < number; ++k) {
      if (order[k] != hit) renew(order[k]);
    }
    begun = time, at = moment;
    Respond(body, touching, touches, at, before, velocity, (1.0f - time) * kTimeStep);
    FindContacts(body, index, walker, before, at, ++clock);
    any = compute();
  }
  walker.position[0][index] = at.x, walker.position[1][index] = at.y, walker.position[2][index] = at.angle;
  walker.velocity[0][index] = velocity.x, walker.velocity[1][index] = velocity.y, walker.velocity[2][index] = velocity.angle;
}

}  // namespace wann::biped
