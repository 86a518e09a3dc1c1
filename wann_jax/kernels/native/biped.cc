// One step of many walkers: ../../envs/bipedal/world.py defines what it computes. Contacts are found walker by walker, then
// sixteen walkers with like contacts are solved at once. A walker whose hull has hit the ground is left as it is: its episode is over.

#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "biped_impact.h"
#include "biped_observe.h"
#include "parallel.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

using namespace wann::biped;

constexpr int kChunk = 128;  // walkers at a time, so that they stay in the cache

struct Touching {  // a contact that will be solved
  int slot;
  Manifold manifold;
};

struct Prepared {
  int number[kBodies];
  Touching touching[kBodies][kSlots];
};

// Walkers with the same number of contacts on each body cost least together: each group takes the most of its lanes.
int Signature(const Prepared& prepared) {
  int all = 0;
  for (const int body : {2, 1, 3, 0, 4}) all = all * (kSlots + 1) + prepared.number[body];
  return all;
}

struct Group {
  State<Pack> at[kBodies], velocity[kBodies];
  JointRow<Pack> joints[kJoints];
  ContactRow<Pack> rows[kBodies][kSlots];
  Patch<Pack> patches[kBodies][kSlots];
  int number[kBodies];
};

// Parts and renews contacts, and lists those that touch, newest first.
void FindTouching(const Model& model, Walker& walker, Prepared& prepared) {
  for (int body = 0; body < kBodies; ++body) {
    const State<float> at = walker.At(body);
    const Frame<float> frame = FrameOf(at, model.body[body].centre);
    int order[kSlots];
    const int number = Order(walker, body, order);
    prepared.number[body] = 0;
    for (int k = 0; k < number; ++k) {
      const int slot = order[k], edge = walker.edge[slot][body];
      if (!BoxesMeet(walker, body, edge)) {
        if (walker.count[slot][body] > 0) walker.touched[body] = false;
        walker.birth[slot][body] = -1, walker.count[slot][body] = 0;
        continue;
      }
      Touching& next = prepared.touching[body][prepared.number[body]];
      next = {slot, Collide(model.body[body], frame, {at.x, at.y}, walker.Ground(edge), walker.Ground(edge + 1))};
      Remember(walker, body, slot, next.manifold);
      prepared.number[body] += next.manifold.count > 0;
    }
  }
}


void SetLane(Pack& wide, float value, int lane) { wide[lane] = value; }
void SetLane(Vec<Pack>& wide, Point value, int lane) { wide.x[lane] = value.x, wide.y[lane] = value.y; }

void SetRow(ContactRow<Pack>& wide, const ContactRow<float>& row, int lane) {
  SetLane(wide.normal, row.normal, lane);
  for (int i = 0; i < 2; ++i) {
    SetLane(wide.lever[i], row.lever[i], lane);
    SetLane(wide.normal_mass[i], row.normal_mass[i], lane), SetLane(wide.tangent_mass[i], row.tangent_mass[i], lane);
    SetLane(wide.normal_impulse[i], row.normal_impulse[i], lane);
    SetLane(wide.tangent_impulse[i], row.tangent_impulse[i], lane);
  }
  SetLane(wide.count, row.count, lane);
  SetLane(wide.xx, row.xx, lane), SetLane(wide.xy, row.xy, lane), SetLane(wide.yy, row.yy, lane);
  SetLane(wide.ixx, row.ixx, lane), SetLane(wide.ixy, row.ixy, lane), SetLane(wide.iyy, row.iyy, lane);
}

void SetPatch(Patch<Pack>& wide, const Manifold& manifold, int lane) {
  SetLane(wide.count, float(manifold.count), lane), SetLane(wide.on_body, float(manifold.on_body), lane);
  SetLane(wide.normal, manifold.normal, lane), SetLane(wide.base, manifold.base, lane);
  for (int i = 0; i < 2; ++i) SetLane(wide.point[i], manifold.point[i], lane);
}

// Fills a lane of the group.
void Load(const Model& model, const Walker& walker, const Prepared& prepared, float force, int lane, Group& group) {
  for (int body = 0; body < kBodies; ++body) {
    const float push = body == kHull ? force * model.body[body].inverse_mass * kTimeStep : 0.0f;
    group.at[body].x[lane] = walker.position[0][body], group.at[body].y[lane] = walker.position[1][body];
    group.at[body].angle[lane] = walker.position[2][body];
    group.velocity[body].x[lane] = walker.velocity[0][body] + push;
    group.velocity[body].y[lane] = walker.velocity[1][body] + static_cast<float>(WANN_WORLD_GRAVITY) * kTimeStep;
    group.velocity[body].angle[lane] = walker.velocity[2][body];
    group.number[body] = std::max(group.number[body], prepared.number[body]);
    for (int k = 0; k < prepared.number[body]; ++k) {
      const auto& [slot, manifold] = prepared.touching[body][k];
      ContactRow<float> row = Prepare(model.body[body], manifold, walker.At(body));
      for (int i = 0; i < 2; ++i) {
        row.normal_impulse[i] = walker.normal_impulse[i][slot][body];
        row.tangent_impulse[i] = walker.tangent_impulse[i][slot][body];
      }
      SetRow(group.rows[body][k], row, lane);
      SetPatch(group.patches[body][k], manifold, lane);
    }
  }
  for (int j = 0; j < kJoints; ++j) {
    for (int i = 0; i < 4; ++i) group.joints[j].impulse[i][lane] = walker.joint_impulse[i][j];
  }
}

void SolveVelocities(const Model& model, Group& group, const Pack (&drive)[kJoints], int passes) {
  const Body* body = model.body;
  for (int b = 0; b < kBodies; ++b) {
    for (int k = 0; k < group.number[b]; ++k) WarmStart(group.rows[b][k], body[b], group.velocity[b]);
  }
  for (int j = 0; j < kJoints; ++j) {
    JointRow<Pack>& row = group.joints[j];
    Prepare(row, model.joint[j], body[j], body[j + 1], group.at[j].angle, group.at[j + 1].angle, drive[j]);
    Push(row, body[j], body[j + 1], group.velocity[j], group.velocity[j + 1], {row.impulse[0], row.impulse[1]},
         row.impulse[2] + row.impulse[3]);
  }
  for (int pass = 0; pass < passes; ++pass) {
    State<Pack> old[kBodies];
    std::copy(group.velocity, group.velocity + kBodies, old);
    for (int j = 0; j < kJoints; ++j) Solve(group.joints[j], body[j], body[j + 1], group.velocity[j], group.velocity[j + 1]);
    for (int b = 0; b < kBodies; ++b) {
      for (int k = 0; k < group.number[b]; ++k) Solve(group.rows[b][k], body[b], group.velocity[b]);
    }
    Mask changes{};
    for (int b = 0; b < kBodies; ++b) {
      changes |= (old[b].x != group.velocity[b].x) | (old[b].y != group.velocity[b].y) | (old[b].angle != group.velocity[b].angle);
    }
    if (!Any(changes)) break;
  }
}

Mask SolvePositions(const Model& model, Group& group, int passes) {
  Mask busy = Mask{} - 1;
  for (int pass = 0; pass < passes && Any(busy); ++pass) {
    State<Pack> next[kBodies];
    std::copy(group.at, group.at + kBodies, next);
    Mask fine = Mask{} - 1;
    for (int b = 0; b < kBodies; ++b) {
      for (int k = 0; k < group.number[b]; ++k) fine &= Lift(group.patches[b][k], model.body[b], next[b], WANN_WORLD_CORRECTION) >= -3.0f * kSlop;
    }
    for (int j = 0; j < kJoints; ++j) {
      fine &= Pull(model.joint[j], model.body[j], model.body[j + 1], next[j], next[j + 1], group.joints[j].at_limit);
    }
    for (int b = 0; b < kBodies; ++b) {
      group.at[b].x = Select(busy, next[b].x, group.at[b].x), group.at[b].y = Select(busy, next[b].y, group.at[b].y);
      group.at[b].angle = Select(busy, next[b].angle, group.at[b].angle);
    }
    busy &= ~fine;
  }
  return ~busy;
}

// Takes a solved lane back, puts bodies at rest to sleep, and follows impacts.
void Store(const Model& model, const Group& group, const Prepared& prepared, int lane, bool is_solved, Walker& walker) {
  State<float> before[kBodies];
  bool is_still = true;
  for (int body = 0; body < kBodies; ++body) {
    before[body] = walker.At(body);
    const State<Pack>&at = group.at[body], &velocity = group.velocity[body];
    walker.position[0][body] = at.x[lane], walker.position[1][body] = at.y[lane], walker.position[2][body] = at.angle[lane];
    const float v[3] = {velocity.x[lane], velocity.y[lane], velocity.angle[lane]};
    for (int i = 0; i < 3; ++i) walker.velocity[i][body] = v[i];
    constexpr float kSpeed = WANN_WORLD_STILL_SPEED, kSpin = WANN_WORLD_STILL_SPIN;
    is_still = is_still && v[0] * v[0] + v[1] * v[1] <= kSpeed * kSpeed && v[2] * v[2] <= kSpin * kSpin;
    for (int k = 0; k < prepared.number[body]; ++k) {
      for (int i = 0; i < 2; ++i) {
        const ContactRow<Pack>& row = group.rows[body][k];
        walker.normal_impulse[i][prepared.touching[body][k].slot][body] = row.normal_impulse[i][lane];
        walker.tangent_impulse[i][prepared.touching[body][k].slot][body] = row.tangent_impulse[i][lane];
      }
    }
  }
  for (int j = 0; j < kJoints; ++j) {
    for (int i = 0; i < 4; ++i) walker.joint_impulse[i][j] = group.joints[j].impulse[i][lane];
  }
  walker.still_time = is_still ? walker.still_time + kTimeStep : 0.0f;
  const bool sleeps = walker.still_time >= static_cast<float>(WANN_WORLD_STILL_TIME) && is_solved;
  if (sleeps) std::memset(walker.velocity, 0, sizeof walker.velocity), walker.still_time = 0.0f;
  const int clock = ++walker.clock;
  for (int body = 0; body < kBodies; ++body) {
    FindContacts(model.body[body], body, walker, before[body], walker.At(body), clock);
    if (!sleeps) SolveImpacts(model.body[body], body, walker, before[body], walker.clock);
  }
}

using Floats = ffi::Buffer<ffi::F32>;
using Ints = ffi::Buffer<ffi::S32>;
using Bools = ffi::Buffer<ffi::PRED>;

// A walker's numbers, each with its array's place: those of a World, then the observation.
template <class Visit>
void EachField(Walker& w, Visit visit) {
  visit(0, w.position), visit(1, w.velocity), visit(2, w.joint_impulse), visit(3, w.edge), visit(4, w.birth);
  visit(5, w.count), visit(6, w.identity), visit(7, w.normal_impulse), visit(8, w.tangent_impulse);
  visit(9, w.low_x), visit(10, w.low_y), visit(11, w.high_x), visit(12, w.high_y);
  visit(13, w.touched), visit(14, w.hull_hit), visit(15, w.still_time), visit(16, w.clock), visit(17, w.observation);
}

// The table made by world.model_table: bodies in rows, then joints.
Model ReadModel(const float* from) {
  Model model;
  const auto point = [&](Point& to) { to = {from[0], from[1]}, from += 2; };
  for (Body& body : model.body) {
    body.corners = static_cast<int>(*from++);
    for (Point& corner : body.corner) point(corner);
    for (Point& outward : body.outward) point(outward);
    point(body.centre);
    body.inverse_mass = *from++, body.inverse_inertia = *from++, body.friction = *from++, body.radius = *from++;
  }
  for (Joint& joint : model.joint) {
    point(joint.first), point(joint.second);
    joint.low = *from++, joint.high = *from++, joint.reference = *from++, joint.speed = *from++;
  }
  for (Point& ray : model.ray) point(ray);
  return model;
}

// Walkers whose arrays begin with the lanes: those of a World, then the observation; before a step and after it, perhaps
// in the same place.
struct Lanes {
  const void* from[18];
  void* to[18];
  int64_t number, num_points;
  const float *heights, *drive, *force;

  bool HasEnded(int64_t lane) const { return static_cast<const bool*>(from[14])[lane]; }

  void Keep(int64_t lane) const {
    Walker ended;
    EachField(ended, [&](int i, auto& field) {
      if (to[i] != from[i]) std::memcpy(Place(to[i], lane, field), Place(from[i], lane, field), sizeof field);
    });
  }
  void Read(int64_t lane, Walker& walker) const {
    EachField(walker, [&](int i, auto& field) { std::memcpy(&field, Place(from[i], lane, field), sizeof field); });
    walker.heights = heights + lane * num_points;
  }
  void Write(int64_t lane, Walker& walker) const {
    EachField(walker, [&](int i, auto& field) { std::memcpy(Place(to[i], lane, field), &field, sizeof field); });
  }

 private:
  template <typename Field>
  static const char* Place(const void* array, int64_t lane, const Field&) {
    return static_cast<const char*>(array) + lane * sizeof(Field);
  }
  template <typename Field>
  static char* Place(void* array, int64_t lane, const Field&) {
    return static_cast<char*>(array) + lane * sizeof(Field);
  }
};

// Up to kChunk walkers, whose memory serves one chunk after another.
class Stepper {
 public:
  Stepper(const Model& model, const Lanes& batch, int velocity_passes, int position_passes)
      : model_(model), batch_(batch), velocity_passes_(velocity_passes), position_passes_(position_passes) {}

  void Step(const int64_t* lanes, int count) {
    for (int lane = 0; lane < count; ++lane) {
      batch_.Read(lanes[lane], walkers_[lane]);
      FindTouching(model_, walkers_[lane], prepared_[lane]);
    }
    int order[kChunk];
    std::iota(order, order + count, 0);
    std::stable_sort(order, order + count,
                     [&](int a, int b) { return Signature(prepared_[a]) < Signature(prepared_[b]); });
    for (int begin = 0; begin < count; begin += kLanes) StepGroup(lanes, order + begin, std::min(kLanes, count - begin));
    for (int lane = 0; lane < count; ++lane) batch_.Write(lanes[lane], walkers_[lane]);
  }

 private:
  void StepGroup(const int64_t* lanes, const int* order, int count) {
    std::memset(static_cast<void*>(group_.get()), 0, sizeof(Group));
    Pack drives[kJoints] = {};
    for (int lane = 0; lane < kLanes; ++lane) {  // past the end, the first again: no lane may slow the others down
      const int from = order[lane < count ? lane : 0];
      Load(model_, walkers_[from], prepared_[from], batch_.force[lanes[from]], lane, *group_);
      for (int j = 0; j < kJoints; ++j) drives[j][lane] = batch_.drive[lanes[from] * kJoints + j];
    }
    SolveVelocities(model_, *group_, drives, velocity_passes_);
    for (int b = 0; b < kBodies; ++b) Integrate(group_->at[b], group_->velocity[b], kTimeStep);
    const Mask solved = SolvePositions(model_, *group_, position_passes_);
    for (int lane = 0; lane < count; ++lane) {
      Walker& walker = walkers_[order[lane]];
      Store(model_, *group_, prepared_[order[lane]], lane, solved[lane] != 0, walker);
      Observe(model_, walker, walker.observation);
    }
  }

  const Model& model_;
  const Lanes& batch_;
  int velocity_passes_, position_passes_;
  std::unique_ptr<Group> group_ = std::make_unique<Group>();
  std::vector<Walker> walkers_ = std::vector<Walker>(kChunk);
  std::vector<Prepared> prepared_ = std::vector<Prepared>(kChunk);
};

// model [..], heights [B, points], drive [B, joints], force [B], World's arrays [B, ...], observation [B, 24] -> the
// last two again, perhaps in the same place
ffi::Error StepWalkers(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                       int32_t velocity_passes, int32_t position_passes) {
  const auto floats = [&](size_t i) { return arguments.get<Floats>(i)->typed_data(); };
  constexpr int kFirst = 4, kFields = 18;
  const Model model = ReadModel(floats(0));
  Lanes batch{.number = static_cast<int64_t>(arguments.get<Floats>(3)->element_count()),
              .num_points = arguments.get<Floats>(1)->dimensions()[1],
              .heights = floats(1),
              .drive = floats(2),
              .force = floats(3)};
  for (int i = 0; i < kFields; ++i) {
    batch.from[i] = arguments.get<ffi::AnyBuffer>(kFirst + i)->untyped_data();
    batch.to[i] = (*results.get<ffi::AnyBuffer>(i))->untyped_data();
  }
  std::vector<int64_t> lanes;  // that go on
  for (int64_t lane = 0; lane < batch.number; ++lane) {
    if (batch.HasEnded(lane)) {
      batch.Keep(lane);
    } else {
      lanes.push_back(lane);
    }
  }
  // Who shares a chunk does not depend on the threads.
  const int64_t number = lanes.size(), num_chunks = (number + kChunk - 1) / kChunk;
  wann::InBlocks(pool, num_chunks, 1, [&](int64_t begin, int64_t end) {
    Stepper stepper(model, batch, velocity_passes, position_passes);
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      const int64_t first = chunk * kChunk;
      stepper.Step(lanes.data() + first, static_cast<int>(std::min<int64_t>(kChunk, number - first)));
    }
  });
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(wann_biped, StepWalkers,
                              ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().RemainingArgs().RemainingRets().Attr<int32_t>("velocity_passes").Attr<int32_t>(
                                  "position_passes"));
