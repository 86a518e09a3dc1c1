// What a walker's network sees: ../../envs/bipedal_walker.py's observe, ../../envs/bipedal/lidar.py.

#pragma once

#include "biped_contacts.h"

namespace wann::biped {

constexpr int kRays = WANN_LIDAR_NUM_RAYS;

// Share of its way at which a ray from `origin` meets the ground, at most 1.
inline float Measure(const Walker& walker, Point origin, Point ray) {
  const int first = static_cast<int>(std::floor(origin.x * (1.0f / kStep)));
  float nearest = 1.0f;
  for (int edge = std::max(first, 0); edge < kEdges; ++edge) {
    const Point start = walker.Ground(edge) - origin, side = walker.Ground(edge + 1) - walker.Ground(edge);
    if (start.x > ray.x) break;
    const Point normal = Unit(Right(side));
    const float approach = Dot(normal, ray), fraction = Dot(normal, start) / approach;
    if (approach == 0.0f || fraction < 0.0f || fraction > nearest) continue;
    const float along = Dot(ray * fraction - start, side) / Dot(side, side);
    if (along >= 0.0f && along <= 1.0f) nearest = fraction;
  }
  return nearest;
}

inline void Observe(const Model& model, const Walker& walker, float* to) {
  const Point origin = FrameOf(walker.At(kHull), model.body[kHull].centre).origin;
  *to++ = walker.position[2][kHull];
  *to++ = 2.0f * kTimeStep * walker.velocity[2][kHull];
  *to++ = 0.3f * 20.0f * kTimeStep * walker.velocity[0][kHull];
  *to++ = 0.3f * (400.0f / 30.0f) * kTimeStep * walker.velocity[1][kHull];
  const auto see = [&](int j, float offset) {
    const Joint& joint = model.joint[j];
    const float sign = j < 2 ? -1.0f : 1.0f, speed = sign * joint.speed;
    *to++ = sign * (walker.position[2][j + 1] - walker.position[2][j] - joint.reference) + offset;
    *to++ = sign * (walker.velocity[2][j + 1] - walker.velocity[2][j]) / speed;
  };
  see(2, 0.0f), see(3, 1.0f);
  *to++ = walker.touched[4];
  see(1, 0.0f), see(0, 1.0f);
  *to++ = walker.touched[0];
  for (int i = 0; i < kRays; ++i) *to++ = Measure(walker, origin, model.ray[i]);
}

}  // namespace wann::biped
