// One step of many racing cars, sixteen at once: ../envs/car_racing/drive.py defines what it computes. Lanes are the last
// axis of every array. Contacts are found car by car, as each looks at other tiles.

#include <algorithm>
#include <cstring>

#include "biped_math.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

using namespace wann::biped;

constexpr int kWheels = 4, kWindow = 6, kWords = 13, kMaxTiles = 400, kCells = 320;
constexpr float kField = 2000.0f / 6.0f, kMargin = 0.02f, kHalfWidth = 0.28f, kRadius = 0.54f;
constexpr float kTimeStep = 0.02f, kSpinInertia = 1.6f, kMaxAngle = 0.4f;
constexpr float kAngularSlop = 0.0349065850f, kLinearSlop = 0.005f, kRounding = 2e-6f;

// Masses and anchors, as drive.py lists them.
struct Parts {
  float hull_mass, hull_inertia, wheel_mass, wheel_inertia;
  float anchor[kWheels][2];
};

struct Tracks {
  const float* corners;  // [K, tiles, 4, 2]
  const int32_t *num_tiles, *first_tile;
};

struct Body {
  Pack x, y, angle;
};

struct Cars {
  Body hull, hull_velocity, wheel[kWheels], wheel_velocity[kWheels];
  Pack spin[kWheels], phase[kWheels], hold[kWheels], gas;
};

struct Controls {
  Pack steer, gas, brake;
};

Pack Abs(Pack value) { return Select(value < 0.0f, -value, value); }
Pack Sign(Pack value) { return Select(value > 0.0f, All<Pack>(1.0f), Select(value < 0.0f, All<Pack>(-1.0f), All<Pack>(0.0f))); }

bool IsWide(float gap, float x, float y) { return gap > 0.0f && gap * gap >= kMargin * kMargin * (x * x + y * y); }

// contacts.py's test of one quad against a wheel; most are settled by an edge, or by the wheel's middle.
bool Touches(const float* corners, float wheel_x, float wheel_y, float sine, float cosine) {
  float x[4], y[4];
  for (int i = 0; i < 4; ++i) {
    const float dx = corners[2 * i] - wheel_x, dy = corners[2 * i + 1] - wheel_y;
    x[i] = cosine * dx + sine * dy, y[i] = cosine * dy - sine * dx;
  }
  bool holds_middle = true;
  for (int i = 0; i < 4; ++i) {
    const float normal_x = y[(i + 1) & 3] - y[i], normal_y = x[i] - x[(i + 1) & 3];
    const float middle = -(normal_x * x[i] + normal_y * y[i]);
    holds_middle &= middle < 0.0f;
    if (IsWide(middle - std::abs(normal_x) * kHalfWidth - std::abs(normal_y) * kRadius, normal_x, normal_y)) return false;
  }
  if (holds_middle) return true;
  for (int i = 0; i < 4; ++i) {
    const float near_x = std::clamp(x[i], -kHalfWidth, kHalfWidth), near_y = std::clamp(y[i], -kRadius, kRadius);
    const float way_x = x[i] - near_x, way_y = y[i] - near_y;
    float gap = INFINITY;
    for (int j = 0; j < 4; ++j) gap = std::min(gap, way_x * (x[j] - near_x) + way_y * (y[j] - near_y));
    if (IsWide(gap, way_x, way_y)) return false;
  }
  return true;
}

int Cell(float coordinate) {
  const float cell = std::floor((coordinate + kField) / (2.0f * kField / kCells));
  return static_cast<int>(std::clamp(cell, 0.0f, static_cast<float>(kCells - 1)));  // NaN gives 0 or an end
}

// Marks the tiles under one wheel; returns whether there are any.
bool Visit(const Tracks& tracks, int64_t track, float x, float y, float sine, float cosine, uint32_t* visited) {
  if (!(std::abs(x) < 1e6f && std::abs(y) < 1e6f)) return false;
  const int first = tracks.first_tile[(track * kCells + Cell(y)) * kCells + Cell(x)];
  if (first < 0) return false;
  const int number = tracks.num_tiles[track];
  bool found = false;
  for (int k = 0; k < kWindow; ++k) {
    const int tile = first + k >= number ? first + k - number : first + k;
    if (!Touches(tracks.corners + (track * kMaxTiles + tile) * 8, x, y, sine, cosine)) continue;
    visited[tile >> 5] |= 1u << (tile & 31);
    found = true;
  }
  return found;
}

// Engine, brakes and the road's friction: forces on the wheels.
void DriveWheels(Cars& car, const Controls& controls, const Pack (&grip)[kWheels], const Pack (&sine)[kWheels],
                 const Pack (&cosine)[kWheels], Vec<Pack> (&force)[kWheels]) {
  const Pack wanted = Clip(controls.gas, All<Pack>(0.0f), All<Pack>(1.0f));
  car.gas += Least(wanted - car.gas, All<Pack>(0.1f));
  const Mask blocks = controls.brake >= 0.9f;
  const Pack slower = 15.0f * Most(controls.brake, All<Pack>(0.0f));
  for (int w = 0; w < kWheels; ++w) {
    Pack spin = car.spin[w];
    if (w >= 2) spin += (kTimeStep * 40000.0f / kSpinInertia) * car.gas / (Abs(spin) + 5.0f);
    spin = Sign(spin) * Most(Abs(spin) - slower, All<Pack>(0.0f));
    spin = Select(blocks, All<Pack>(0.0f), spin);
    car.phase[w] += kTimeStep * spin;
    const Body& velocity = car.wheel_velocity[w];
    Pack forward = (spin * kRadius - (cosine[w] * velocity.y - sine[w] * velocity.x)) * 82.0f;
    Pack aside = -(cosine[w] * velocity.x + sine[w] * velocity.y) * 82.0f;
    const Pack size = Root(forward * forward + aside * aside);
    const Pack share = Select(size > grip[w], grip[w] / Most(size, All<Pack>(1e-6f)), All<Pack>(1.0f));
    forward *= share, aside *= share;
    car.spin[w] = spin - (kTimeStep * kRadius / kSpinInertia) * forward;
    force[w] = {aside * cosine[w] - forward * sine[w], aside * sine[w] + forward * cosine[w]};
  }
}

// How fast each wheel turns against the hull, and what a motor winds up against its stop.
void Steer(Cars& car, const Parts& parts, Pack steer, Pack (&stop)[kWheels], Pack (&speed)[kWheels]) {
  const float hinge = 1.0f / (1.0f / parts.hull_inertia + 1.0f / parts.wheel_inertia);
  const Pack zero{};
  for (int w = 0; w < kWheels; ++w) {
    const Pack angle = car.wheel[w].angle - car.hull.angle;
    const Pack error = (w < 2 ? steer : zero) - angle;
    const Pack wish = Sign(error) * Least(50.0f * Abs(error), All<Pack>(3.0f));
    const Mask at_stop = Abs(angle) >= kMaxAngle;
    const Pack outward = wish * Sign(angle);
    const Pack hold = Clip(car.hold[w] + 180.0f * hinge * outward, zero, All<Pack>(64.8f * kTimeStep));
    car.hold[w] = Select(at_stop, hold, zero);
    speed[w] = Select(at_stop & ((car.hold[w] > 0.0f) | (outward > 0.0f)), zero, wish);
    stop[w] = Select(at_stop, Sign(angle), zero);
  }
}

void Limit(Body& velocity) {
  const Pack speed = Root(velocity.x * velocity.x + velocity.y * velocity.y);
  const Pack share = Select(speed > 100.0f, 100.0f / Most(speed, All<Pack>(1.0f)), All<Pack>(1.0f));
  velocity.x *= share, velocity.y *= share;
  const float turn = 1.57079632679f / kTimeStep;
  velocity.angle = Clip(velocity.angle, All<Pack>(-turn), All<Pack>(turn));
}

// Velocities under which the joints hold, with all momentum kept.
void SolveVelocities(Cars& car, const Parts& parts, const Vec<Pack> (&force)[kWheels], const Pack (&speed)[kWheels]) {
  Pack sine, cosine, total_x{}, total_y{}, twist{};
  SinCos(car.hull.angle, sine, cosine);
  Body& hull = car.hull_velocity;
  Vec<Pack> lever[kWheels];
  float along_sum = 0.0f, square_sum = 0.0f;
  for (int w = 0; w < kWheels; ++w) {
    const auto [x, y] = parts.anchor[w];
    along_sum += y, square_sum += x * x + y * y;
    lever[w] = {cosine * x - sine * y, sine * x + cosine * y};
    const Body& wheel = car.wheel_velocity[w];
    const Pack push_x = parts.wheel_mass * (wheel.x - hull.x + hull.angle * lever[w].y) + kTimeStep * force[w].x;
    const Pack push_y = parts.wheel_mass * (wheel.y - hull.y - hull.angle * lever[w].x) + kTimeStep * force[w].y;
    twist += lever[w].x * push_y - lever[w].y * push_x - parts.wheel_inertia * (speed[w] - (wheel.angle - hull.angle));
    total_x += push_x, total_y += push_y;
  }
  const Pack aside = cosine * total_x + sine * total_y, along = cosine * total_y - sine * total_x;
  const float mass = parts.hull_mass + kWheels * parts.wheel_mass, coupling = parts.wheel_mass * along_sum;
  const float inertia = parts.hull_inertia + kWheels * parts.wheel_inertia + parts.wheel_mass * square_sum;
  const float factor = 1.0f / (mass * inertia - coupling * coupling);
  const Pack gain_aside = (inertia * aside + coupling * twist) * factor, gain_along = along * (1.0f / mass);
  hull.x += cosine * gain_aside - sine * gain_along, hull.y += sine * gain_aside + cosine * gain_along;
  hull.angle += (coupling * aside + mass * twist) * factor;
  for (int w = 0; w < kWheels; ++w) {
    car.wheel_velocity[w] = {hull.x - hull.angle * lever[w].y, hull.y + hull.angle * lever[w].x, hull.angle + speed[w]};
    Limit(car.wheel_velocity[w]);
  }
  Limit(hull);
}

void Turn(Pack& sine, Pack& cosine, Pack by) {
  const Pack small_cosine = 1.0f - 0.5f * by * by, small_sine = by - by * by * by * (1.0f / 6.0f), old = sine;
  sine = sine * small_cosine + cosine * small_sine, cosine = cosine * small_cosine - old * small_sine;
}

// One wheel to its anchor; returns where both were near enough before.
Mask Pull(const Parts& parts, const float (&anchor)[2], Pack stop, Body& hull, Body& wheel, Pack& sine, Pack& cosine) {
  const float hinge = 1.0f / (1.0f / parts.hull_inertia + 1.0f / parts.wheel_inertia);
  const float compliance = 1.0f / parts.hull_mass + 1.0f / parts.wheel_mass;
  const Pack zero{};
  const Pack beyond = Select(stop == 0.0f, zero, stop * (wheel.angle - hull.angle) - kMaxAngle);
  const Pack back = stop * hinge * Clip(beyond - kAngularSlop, zero, All<Pack>(0.1396263402f));
  const Pack hull_back = back * (1.0f / parts.hull_inertia);
  Turn(sine, cosine, hull_back);
  const Vec<Pack> lever = {cosine * anchor[0] - sine * anchor[1], sine * anchor[0] + cosine * anchor[1]};
  const Vec<Pack> off = {wheel.x - hull.x - lever.x, wheel.y - hull.y - lever.y};
  const float reach = anchor[0] * anchor[0] + anchor[1] * anchor[1];
  const Pack arm = Cross(lever, off) * (1.0f / (parts.hull_inertia * compliance + reach));
  const Vec<Pack> push = {(off.x + lever.y * arm) * (1.0f / compliance), (off.y - lever.x * arm) * (1.0f / compliance)};
  const Pack turn = Cross(lever, push) * (1.0f / parts.hull_inertia);
  Turn(sine, cosine, turn);
  hull.x += push.x * (1.0f / parts.hull_mass), hull.y += push.y * (1.0f / parts.hull_mass), hull.angle += turn + hull_back;
  wheel.x -= push.x * (1.0f / parts.wheel_mass), wheel.y -= push.y * (1.0f / parts.wheel_mass);
  wheel.angle -= back * (1.0f / parts.wheel_inertia);
  return (Dot(off, off) <= kLinearSlop * kLinearSlop) & (beyond <= kAngularSlop + kRounding);
}

void SolvePositions(Cars& car, const Parts& parts, const Pack (&stop)[kWheels]) {
  Mask busy = Mask{} - 1;
  for (int pass = 0; pass < 60 && Any(busy); ++pass) {
    Body hull = car.hull, wheel[kWheels];
    std::copy(car.wheel, car.wheel + kWheels, wheel);
    Mask fine = Mask{} - 1;
    Pack sine, cosine;
    SinCos(hull.angle, sine, cosine);
    for (int w = kWheels - 1; w >= 0; --w) fine &= Pull(parts, parts.anchor[w], stop[w], hull, wheel[w], sine, cosine);
    const auto keep = [&](Body& to, const Body& from) {
      to = {Select(busy, from.x, to.x), Select(busy, from.y, to.y), Select(busy, from.angle, to.angle)};
    };
    keep(car.hull, hull);
    for (int w = 0; w < kWheels; ++w) keep(car.wheel[w], wheel[w]);
    busy &= ~fine;
  }
}

void Move(Body& body, const Body& velocity) {
  body.x += kTimeStep * velocity.x, body.y += kTimeStep * velocity.y, body.angle += kTimeStep * velocity.angle;
}

// Every number of sixteen cars, row by row as the arrays' leading axes have them.
template <class Visit>
void EachRow(Cars& car, Visit visit) {
  const auto body = [&](int array, int row, int rows, Body& b) {
    visit(array, row, b.x), visit(array, rows + row, b.y), visit(array, 2 * rows + row, b.angle);
  };
  body(0, 0, 1, car.hull), body(1, 0, 1, car.hull_velocity);
  for (int w = 0; w < kWheels; ++w) {
    body(2, w, kWheels, car.wheel[w]), body(3, w, kWheels, car.wheel_velocity[w]);
    visit(4, w, car.spin[w]), visit(5, w, car.phase[w]), visit(6, w, car.hold[w]);
  }
  visit(7, 0, car.gas);
}

Pack Load(const float* row, int count) {  // past the end, the last lane again
  Pack pack;
  if (count >= kLanes) {
    std::memcpy(&pack, row, sizeof pack);
  } else {
    for (int lane = 0; lane < kLanes; ++lane) pack[lane] = row[std::min(lane, count - 1)];
  }
  return pack;
}

// parts [12], corners, num_tiles, first_tile, track_index [B], steer, gas, brake [B], Car's arrays [..., B], on_road [4, B],
// visited [13, B] -> Car's arrays, on_road, visited after the step.
ffi::Error StepCars(ffi::RemainingArgs arguments, ffi::RemainingRets results) {
  constexpr int kFirst = 8, kFields = 8;
  const auto floats = [&](size_t i) { return arguments.get<ffi::Buffer<ffi::F32>>(i)->typed_data(); };
  const auto ints = [&](size_t i) { return arguments.get<ffi::Buffer<ffi::S32>>(i)->typed_data(); };
  Parts parts;
  std::memcpy(&parts, floats(0), sizeof parts);
  const Tracks tracks = {floats(1), ints(2), ints(3)};
  const int32_t* track_index = ints(4);
  const int64_t number = arguments.get<ffi::Buffer<ffi::S32>>(4)->element_count();
  const bool* was_on_road = arguments.get<ffi::Buffer<ffi::PRED>>(kFirst + kFields)->typed_data();
  const uint32_t* was_visited = arguments.get<ffi::Buffer<ffi::U32>>(kFirst + kFields + 1)->typed_data();
  bool* on_road = (*results.get<ffi::Buffer<ffi::PRED>>(kFields))->typed_data();
  uint32_t* visited = (*results.get<ffi::Buffer<ffi::U32>>(kFields + 1))->typed_data();
  float* to[kFields];
  for (int i = 0; i < kFields; ++i) to[i] = (*results.get<ffi::Buffer<ffi::F32>>(i))->typed_data();
  for (int64_t begin = 0; begin < number; begin += kLanes) {
    const int count = static_cast<int>(std::min<int64_t>(kLanes, number - begin));
    Cars car;
    EachRow(car, [&](int array, int row, Pack& pack) { pack = Load(floats(kFirst + array) + row * number + begin, count); });
    const Controls controls = {Load(floats(5) + begin, count), Load(floats(6) + begin, count), Load(floats(7) + begin, count)};
    Pack sine[kWheels], cosine[kWheels], grip[kWheels], stop[kWheels], speed[kWheels];
    for (int w = 0; w < kWheels; ++w) {
      SinCos(car.wheel[w].angle, sine[w], cosine[w]);
      for (int lane = 0; lane < kLanes; ++lane) {
        grip[w][lane] = was_on_road[w * number + begin + std::min(lane, count - 1)] ? 400.0f : 240.0f;
      }
    }
    for (int lane = 0; lane < count; ++lane) {
      uint32_t words[kWords];
      for (int i = 0; i < kWords; ++i) words[i] = was_visited[i * number + begin + lane];
      for (int w = 0; w < kWheels; ++w) {
        on_road[w * number + begin + lane] = Visit(tracks, track_index[begin + lane], car.wheel[w].x[lane],
                                                   car.wheel[w].y[lane], sine[w][lane], cosine[w][lane], words);
      }
      for (int i = 0; i < kWords; ++i) visited[i * number + begin + lane] = words[i];
    }
    Vec<Pack> force[kWheels];
    DriveWheels(car, controls, grip, sine, cosine, force);
    Steer(car, parts, controls.steer, stop, speed);
    SolveVelocities(car, parts, force, speed);
    Move(car.hull, car.hull_velocity);
    for (int w = 0; w < kWheels; ++w) Move(car.wheel[w], car.wheel_velocity[w]);
    SolvePositions(car, parts, stop);
    EachRow(car, [&](int array, int row, Pack& pack) {
      std::memcpy(to[array] + row * number + begin, &pack, count * sizeof(float));
    });
  }
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(wann_car, StepCars, ffi::Ffi::Bind().RemainingArgs().RemainingRets());
