// The motion of sixteen cars at once: ../../envs/car_racing/dynamics.py defines what it computes.

#pragma once

#include <algorithm>

#include "biped_math.h"

namespace wann::car {

using namespace wann::biped;

// Macros WANN_MODULE_NAME are constants of Python's modules (../../native/__init__.py).
constexpr int kWheels = WANN_PARTS_NUM_WHEELS;
constexpr float kRadius = WANN_PARTS_WHEEL_RADIUS, kTimeStep = WANN_DYNAMICS_TIME_STEP;
constexpr float kSpinInertia = WANN_DYNAMICS_SPIN_INERTIA, kStiffness = WANN_DYNAMICS_SLIP_STIFFNESS;
constexpr float kPower = WANN_DYNAMICS_ENGINE_POWER, kBrake = WANN_DYNAMICS_BRAKE, kGasRise = WANN_DYNAMICS_GAS_RISE;
constexpr float kSteerGain = WANN_DYNAMICS_STEER_GAIN, kSteerSpeed = WANN_DYNAMICS_STEER_SPEED;
constexpr float kMaxAngle = WANN_DYNAMICS_MAX_ANGLE, kMaxHold = WANN_DYNAMICS_MAX_HOLD;
constexpr float kMaxSpeed = WANN_DYNAMICS_MAX_SPEED, kMaxSpin = WANN_DYNAMICS_MAX_SPIN;
constexpr float kAngularSlop = WANN_DYNAMICS_ANGULAR_SLOP, kLinearSlop = WANN_DYNAMICS_LINEAR_SLOP;
constexpr float kMaxCorrection = WANN_DYNAMICS_MAX_CORRECTION, kRounding = WANN_DYNAMICS_ROUNDING;

// Masses and anchors, as drive.py lists them.
struct Parts {
  float hull_mass, hull_inertia, wheel_mass, wheel_inertia;
  float anchor[kWheels][2];
};

struct Body {
  Pack x, y, angle;
};

struct Cars {
  Body hull, hull_velocity, wheel[kWheels], wheel_velocity[kWheels];
  Pack spin[kWheels], phase[kWheels], hold[kWheels], gas;
  Vec<Pack> pull[kWheels];
};

struct Controls {
  Pack steer, gas, brake;
};

inline Pack Abs(Pack value) { return Select(value < 0.0f, -value, value); }
inline Pack Sign(Pack value) {
  return Select(value > 0.0f, All<Pack>(1.0f), Select(value < 0.0f, All<Pack>(-1.0f), All<Pack>(0.0f)));
}

// Engine, brakes and the road's friction: forces on the wheels.
inline void DriveWheels(Cars& car, const Controls& controls, const Pack (&grip)[kWheels], const Pack (&sine)[kWheels],
                        const Pack (&cosine)[kWheels], Vec<Pack> (&force)[kWheels]) {
  const Pack wanted = Clip(controls.gas, All<Pack>(0.0f), All<Pack>(1.0f));
  car.gas += Least(wanted - car.gas, All<Pack>(kGasRise));
  const Mask blocks = controls.brake >= 0.9f;
  const Pack slower = kBrake * Most(controls.brake, All<Pack>(0.0f));
  for (int w = 0; w < kWheels; ++w) {
    Pack spin = car.spin[w];
    if (w >= 2) spin += (kTimeStep * kPower / kSpinInertia) * car.gas / (Abs(spin) + 5.0f);
    spin = Sign(spin) * Most(Abs(spin) - slower, All<Pack>(0.0f));
    spin = Select(blocks, All<Pack>(0.0f), spin);
    car.phase[w] += kTimeStep * spin;
    const Body& velocity = car.wheel_velocity[w];
    Pack forward = (spin * kRadius - (cosine[w] * velocity.y - sine[w] * velocity.x)) * kStiffness;
    Pack aside = -(cosine[w] * velocity.x + sine[w] * velocity.y) * kStiffness;
    const Pack size = Root(forward * forward + aside * aside);
    const Pack share = Select(size > grip[w], grip[w] / Most(size, All<Pack>(1e-6f)), All<Pack>(1.0f));
    forward *= share, aside *= share;
    car.spin[w] = spin - (kTimeStep * kRadius / kSpinInertia) * forward;
    force[w] = {aside * cosine[w] - forward * sine[w], aside * sine[w] + forward * cosine[w]};
  }
}

// How fast each wheel's motor wants it to turn against the hull, and at which stop it is; returns whether one is at any.
inline bool Steer(const Cars& car, Pack steer, Pack (&stop)[kWheels], Pack (&speed)[kWheels]) {
  const Pack zero{};
  Mask any = Mask{};
  for (int w = 0; w < kWheels; ++w) {
    const Pack angle = car.wheel[w].angle - car.hull.angle;
    const Pack error = (w < 2 ? steer : zero) - angle;
    speed[w] = Sign(error) * Least(kSteerGain * Abs(error), All<Pack>(kSteerSpeed));
    const Mask at_stop = Abs(angle) >= kMaxAngle;
    stop[w] = Select(at_stop, Sign(angle), zero);
    any |= at_stop;
  }
  return Any(any);
}

// What the stops push back and which wheels come free, as dynamics.py's _press has it; `held`: the step, were they held.
inline void Press(Cars& car, const Cars& held, const Parts& parts, const Pack (&stop)[kWheels], Pack (&speed)[kWheels]) {
  const float hinge = 1.0f / (1.0f / parts.hull_inertia + 1.0f / parts.wheel_inertia);
  const Pack zero{};
  Pack sine, cosine;
  SinCos(car.hull.angle, sine, cosine);
  for (int w = 0; w < kWheels; ++w) {
    const auto [x, y] = parts.anchor[w];
    const Vec<Pack> lever = {cosine * x - sine * y, sine * x + cosine * y};
    const Vec<Pack> more = {held.pull[w].x - car.pull[w].x, held.pull[w].y - car.pull[w].y};
    const Pack given = parts.wheel_inertia * stop[w] * (held.wheel_velocity[w].angle - car.wheel_velocity[w].angle);
    const Pack most = kMaxHold - given;
    const Pack turned_hull = stop[w] * Cross(lever, more) * (1.0f / parts.hull_inertia);
    const Pack outward = stop[w] * speed[w];
    const Pack first = Clip(car.hold[w] + hinge * (turned_hull + outward), zero, most);
    const Pack hold = first + static_cast<float>(WANN_DYNAMICS_PASSES - 1) * hinge * outward;
    const Pack free = Clip(hold * (-1.0f / hinge), zero, Abs(speed[w]));
    speed[w] = Select(stop[w] == 0.0f, speed[w], -stop[w] * free);
    car.hold[w] = Select(stop[w] == 0.0f, zero, Clip(hold, zero, most));
  }
}

inline void Limit(Body& velocity) {
  const Pack speed = Root(velocity.x * velocity.x + velocity.y * velocity.y);
  const Pack share = Select(speed > kMaxSpeed, kMaxSpeed / Most(speed, All<Pack>(1.0f)), All<Pack>(1.0f));
  velocity.x *= share, velocity.y *= share;
  velocity.angle = Clip(velocity.angle, All<Pack>(-kMaxSpin), All<Pack>(kMaxSpin));
}

// Velocities under which the joints hold, with all momentum kept, and the joints' pull on the wheels.
inline void SolveVelocities(Cars& car, const Parts& parts, const Vec<Pack> (&force)[kWheels], const Pack (&speed)[kWheels]) {
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
    const Body old = car.wheel_velocity[w];
    car.wheel_velocity[w] = {hull.x - hull.angle * lever[w].y, hull.y + hull.angle * lever[w].x, hull.angle + speed[w]};
    const Body& wheel = car.wheel_velocity[w];
    car.pull[w] = {parts.wheel_mass * (wheel.x - old.x) - kTimeStep * force[w].x,
                   parts.wheel_mass * (wheel.y - old.y) - kTimeStep * force[w].y};
  }
}

inline void Turn(Pack& sine, Pack& cosine, Pack by) {
  const Pack small_cosine = 1.0f - 0.5f * by * by, small_sine = by - by * by * by * (1.0f / 6.0f), old = sine;
  sine = sine * small_cosine + cosine * small_sine, cosine = cosine * small_cosine - old * small_sine;
}

// One wheel to its anchor; returns where both were near enough before.
inline Mask Pull(const Parts& parts, const float (&anchor)[2], Pack stop, Body& hull, Body& wheel, Pack& sine, Pack& cosine) {
  const float hinge = 1.0f / (1.0f / parts.hull_inertia + 1.0f / parts.wheel_inertia);
  const float compliance = 1.0f / parts.hull_mass + 1.0f / parts.wheel_mass;
  const Pack zero{};
  const Pack beyond = Select(stop == 0.0f, zero, stop * (wheel.angle - hull.angle) - kMaxAngle);
  const Pack back = stop * hinge * Clip(beyond - kAngularSlop, zero, All<Pack>(kMaxCorrection));
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

inline void SolvePositions(Cars& car, const Parts& parts, const Pack (&stop)[kWheels]) {
  Mask busy = Mask{} - 1;
  for (int pass = 0; pass < WANN_DYNAMICS_POSITION_PASSES && Any(busy); ++pass) {
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

inline void Move(Body& body, const Body& velocity) {
  body.x += kTimeStep * velocity.x, body.y += kTimeStep * velocity.y, body.angle += kTimeStep * velocity.angle;
}

// A step of sixteen cars; `sine`, `cosine`: of the wheels' angles.
inline void MoveCars(Cars& car, const Parts& parts, const Controls& controls, const Pack (&grip)[kWheels],
                     const Pack (&sine)[kWheels], const Pack (&cosine)[kWheels]) {
  Vec<Pack> force[kWheels];
  Pack stop[kWheels], speed[kWheels];
  DriveWheels(car, controls, grip, sine, cosine, force);
  if (Steer(car, controls.steer, stop, speed)) {
    Cars held = car;
    Pack rest[kWheels];
    for (int w = 0; w < kWheels; ++w) rest[w] = Select(stop[w] == 0.0f, speed[w], Pack{});
    SolveVelocities(held, parts, force, rest);
    Press(car, held, parts, stop, speed);
  } else {
    std::fill(car.hold, car.hold + kWheels, Pack{});
  }
  SolveVelocities(car, parts, force, speed);
  Limit(car.hull_velocity), Move(car.hull, car.hull_velocity);
  for (int w = 0; w < kWheels; ++w) Limit(car.wheel_velocity[w]), Move(car.wheel[w], car.wheel_velocity[w]);
  SolvePositions(car, parts, stop);
}

}  // namespace wann::car
