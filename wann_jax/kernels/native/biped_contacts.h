// Contacts of one walker with the ground: ../../envs/bipedal/manifold.py and contacts.py.

#pragma once

#include "biped_model.h"

namespace wann::biped {

using Point = Vec<float>;

constexpr float kRelativeTolerance = WANN_MANIFOLD_RELATIVE_TOLERANCE;
constexpr float kAbsoluteTolerance = WANN_MANIFOLD_ABSOLUTE_TOLERANCE;
constexpr int kFirstIsSide = WANN_MANIFOLD_FIRST_IS_SIDE, kSecondIsSide = WANN_MANIFOLD_SECOND_IS_SIDE;

struct Manifold {
  bool on_body;
  Point normal, base, point[2];
  int identity[2], count;
};

// One walker; laid out as the arrays of a World.
struct Walker {
  float position[3][kBodies], velocity[3][kBodies], joint_impulse[4][kJoints];
  int32_t edge[kSlots][kBodies], birth[kSlots][kBodies], count[kSlots][kBodies], identity[2][kSlots][kBodies];
  float normal_impulse[2][kSlots][kBodies], tangent_impulse[2][kSlots][kBodies];
  float low_x[kBodies], low_y[kBodies], high_x[kBodies], high_y[kBodies];
  bool touched[kBodies], hull_hit;
  float still_time;
  int32_t clock;
  float observation[14 + WANN_LIDAR_NUM_RAYS];
  const float* heights;

  State<float> At(int body) const { return {position[0][body], position[1][body], position[2][body]}; }
  Point Ground(int index) const { return {static_cast<float>(index * WANN_TERRAIN_STEP), heights[index]}; }
};

struct End {
  Point point;
  int index, other_index;
  bool is_clipped;
};

inline bool ClipEnds(End (&ends)[2], Point along, float offset, int vertex) {
  const float past[2] = {Dot(along, ends[0].point) - offset, Dot(along, ends[1].point) - offset};
  const bool in[2] = {past[0] <= 0.0f, past[1] <= 0.0f};
  const bool crosses = past[0] * past[1] < 0.0f;
  if (in[0] && in[1]) return true;
  if (!crosses) return false;
  const float share = past[0] / (past[0] - past[1]);
  const End crossing{ends[0].point + (ends[1].point - ends[0].point) * share, vertex, ends[0].other_index, true};
  if (!in[0]) ends[0] = ends[1];
  ends[1] = crossing;
  return true;
}

inline Manifold Collide(const Body& body, const Frame<float>& frame, Point centroid, Point start, Point end) {
  Manifold result{};
  Point corner[kCorners], outward[kCorners];
  for (int i = 0; i < body.corners; ++i) corner[i] = frame.Place(body.corner[i]), outward[i] = frame.Turn(body.outward[i]);
  const Point down = Right(Unit(end - start));
  const bool faces_down = Dot(down, centroid - start) >= 0.0f;
  const Point normal = faces_down ? down : -down;
  float edge_gap = INFINITY, side_gap = -INFINITY, best = INFINITY;
  int side = 0, facing = 0;
  for (int i = 0; i < body.corners; ++i) {
    edge_gap = std::min(edge_gap, Dot(normal, corner[i] - start));
    const float gap = std::min(-Dot(outward[i], corner[i] - start), -Dot(outward[i], corner[i] - end));
    if (gap > side_gap) side_gap = gap, side = i;
    const float value = Dot(normal, outward[i]);
    if (value < best) best = value, facing = i;
  }
  if (edge_gap > kSkin || side_gap > kSkin) return result;
  const bool on_body = side_gap > kRelativeTolerance * edge_gap + kAbsoluteTolerance;
  const int first = on_body ? side : facing, second = first == body.corners - 1 ? 0 : first + 1;
  const Point face = on_body ? outward[first] : normal;
  const Point from = on_body ? corner[first] : faces_down ? start : end;
  const Point to = on_body ? corner[second] : faces_down ? end : start;
  const int ground_index = faces_down ? 0 : 1;
  End ends[2] = {{on_body ? start : corner[first], 0, first, false},
                 {on_body ? end : corner[second], 0, on_body ? first : second, false}};
  const Point along = Right(face);
  if (!ClipEnds(ends, along, Dot(along, from), on_body ? first : ground_index)) return result;
  if (!ClipEnds(ends, -along, -Dot(along, to), on_body ? second : 1 - ground_index)) return result;
  result.on_body = on_body;
  result.normal = on_body ? body.outward[first] : face;
  result.base = on_body ? body.corner[first] : from;
  for (const End& e : ends) {
    if (Dot(face, e.point - from) > kSkin) continue;
    const int one = on_body ? e.other_index : e.index, two = on_body ? e.index : e.other_index;
    result.point[result.count] = on_body ? e.point : frame.Find(e.point);
    result.identity[result.count++] = one + WANN_MANIFOLD_SECOND * two + (e.is_clipped && !on_body ? kSecondIsSide : kFirstIsSide);
  }
  return result;
}

inline bool BoxesMeet(const Walker& walker, int body, int edge) {
  if (edge < 0) return false;
  const Point start = walker.Ground(edge), end = walker.Ground(edge + 1);
  const float margin = kShapeSkin + kMargin;
  return start.x - margin <= walker.high_x[body] && walker.low_x[body] <= end.x + margin &&
         std::min(start.y, end.y) - margin <= walker.high_y[body] &&
         walker.low_y[body] <= std::max(start.y, end.y) + margin;
}

// Slots of a body's contacts that exist, newest first; gives how many.
inline int Order(const Walker& walker, int body, int (&slots)[kSlots]) {
  int number = 0;
  for (int slot = 0; slot < kSlots; ++slot) {
    if (walker.birth[slot][body] < 0) continue;
    const auto key = [&](int s) { return walker.birth[s][body] * WANN_CONTACTS_EDGES_PER_BATCH + walker.edge[s][body]; };
    int place = number++;
    for (; place > 0 && key(slots[place - 1]) < key(slot); --place) slots[place] = slots[place - 1];
    slots[place] = slot;
  }
  return number;
}

// Renews a contact; points that persist keep their impulses. Contact flags follow the event, if there is one.
inline bool Remember(Walker& walker, int body, int slot, const Manifold& manifold) {
  const int old = walker.count[slot][body];
  int old_identity[2];
  float normal[2], tangent[2];
  for (int i = 0; i < 2; ++i) {
    old_identity[i] = walker.identity[i][slot][body];
    normal[i] = walker.normal_impulse[i][slot][body], tangent[i] = walker.tangent_impulse[i][slot][body];
  }
  for (int i = 0; i < 2; ++i) {
    int from = -1;
    for (int j = old - 1; j >= 0; --j) {
      if (i < manifold.count && manifold.identity[i] == old_identity[j]) from = j;
    }
    walker.identity[i][slot][body] = manifold.identity[i];
    walker.normal_impulse[i][slot][body] = from < 0 ? 0.0f : normal[from];
    walker.tangent_impulse[i][slot][body] = from < 0 ? 0.0f : tangent[from];
  }
  walker.count[slot][body] = manifold.count;
  const bool began = old == 0 && manifold.count > 0;
  if (began) walker.touched[body] = true;
  if (old > 0 && manifold.count == 0) walker.touched[body] = false;
  if (began && body == kHull) walker.hull_hit = true;
  return began;
}

// Padded boxes and near edges after a body's motion: sweep_boxes and find_contacts. `time` is the new clock.
inline void FindContacts(const Body& body, int index, Walker& walker, State<float> before, State<float> after, int time) {
  const Frame<float> frames[2] = {FrameOf(before, body.centre), FrameOf(after, body.centre)};
  float low_x = INFINITY, low_y = INFINITY, high_x = -INFINITY, high_y = -INFINITY;
  for (const auto& frame : frames) {
    for (int i = 0; i < body.corners; ++i) {
      const Point corner = frame.Place(body.corner[i]);
      low_x = std::min(low_x, corner.x), low_y = std::min(low_y, corner.y);
      high_x = std::max(high_x, corner.x), high_y = std::max(high_y, corner.y);
    }
  }
  low_x -= kShapeSkin, low_y -= kShapeSkin, high_x += kShapeSkin, high_y += kShapeSkin;
  const bool inside = walker.low_x[index] <= low_x && walker.low_y[index] <= low_y && high_x <= walker.high_x[index] &&
                      high_y <= walker.high_y[index];
  if (!inside) {
    const Point ahead = (frames[1].origin - frames[0].origin) * static_cast<float>(WANN_CONTACTS_PREDICTION);
    walker.low_x[index] = low_x - kMargin + std::min(ahead.x, 0.0f);
    walker.low_y[index] = low_y - kMargin + std::min(ahead.y, 0.0f);
    walker.high_x[index] = high_x + kMargin + std::max(ahead.x, 0.0f);
    walker.high_y[index] = high_y + kMargin + std::max(ahead.y, 0.0f);
  }
  const int first = static_cast<int>(std::floor((low_x - static_cast<float>(WANN_CONTACTS_REACH)) * (1.0f / kStep)));
  for (int slot = 0; slot < kSlots; ++slot) {
    int edge = first + ((slot - first) & (kSlots - 1));
    if (edge < 0 || edge >= kEdges) edge = -1;
    if (edge != walker.edge[slot][index]) {
      walker.edge[slot][index] = edge;
      walker.birth[slot][index] = -1;
      walker.count[slot][index] = 0;
      for (int i = 0; i < 2; ++i) walker.normal_impulse[i][slot][index] = walker.tangent_impulse[i][slot][index] = 0.0f;
    }
    const bool arises = !inside && walker.birth[slot][index] < 0 && BoxesMeet(walker, index, edge);
    if (arises) walker.birth[slot][index] = time;
  }
}

}  // namespace wann::biped
