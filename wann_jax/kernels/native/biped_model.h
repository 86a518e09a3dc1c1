// The walker's bodies and joints, and the numbers of its physics, which are those of ../../envs/bipedal.

#pragma once

#include "biped_math.h"

namespace wann::biped {

// Macros WANN_MODULE_NAME are constants of Python's modules (../../native/__init__.py).
constexpr int kBodies = WANN_BODIES_NUM_BODIES, kJoints = WANN_BODIES_NUM_JOINTS, kCorners = WANN_BODIES_NUM_CORNERS;
constexpr int kHull = WANN_BODIES_HULL, kSlots = WANN_CONTACTS_NUM_SLOTS, kEdges = WANN_TERRAIN_NUM_EDGES;
constexpr float kSkin = WANN_MANIFOLD_SKIN, kShapeSkin = WANN_CONTACTS_SHAPE_SKIN, kMargin = WANN_CONTACTS_BOX_MARGIN;
constexpr float kSlop = WANN_IMPULSES_LINEAR_SLOP, kAngularSlop = WANN_JOINTS_ANGULAR_SLOP;
constexpr float kTimeStep = WANN_WORLD_TIME_STEP, kStep = WANN_TERRAIN_STEP;

struct Body {
  int corners;
  Vec<float> corner[kCorners], outward[kCorners], centre;
  float inverse_mass, inverse_inertia, friction, radius;
};

struct Joint {
  Vec<float> first, second;  // lever arms from the centres of mass
  float low, high, reference, speed;
};

struct Model {
  Body body[kBodies];
  Joint joint[kJoints];
  Vec<float> ray[WANN_LIDAR_NUM_RAYS];  // m, of the range finders
};

}  // namespace wann::biped
