// Sequential impulses at contacts and joints, for one walker or sixteen: ../../envs/bipedal/impulses.py and joints.py.

#pragma once

#include "biped_contacts.h"

namespace wann::biped {

template <class T>
struct ContactRow {
  T count;
  Vec<T> normal, lever[2];
  T normal_mass[2], tangent_mass[2], xx, xy, yy, ixx, ixy, iyy;
  T normal_impulse[2], tangent_impulse[2];
};

template <class T>
struct Patch {  // a manifold for the position stage
  T count, on_body;
  Vec<T> normal, base, point[2];
};

inline ContactRow<float> Prepare(const Body& body, const Manifold& manifold, State<float> at) {
  ContactRow<float> row{};
  const Frame<float> frame = FrameOf(at, body.centre);
  const float mass = body.inverse_mass, inertia = body.inverse_inertia;
  row.normal = manifold.on_body ? -frame.Turn(manifold.normal) : manifold.normal;
  const Point outward = manifold.on_body ? -row.normal : row.normal;
  const Point base = manifold.on_body ? frame.Place(manifold.base) : manifold.base;
  float turn[2] = {};
  for (int i = 0; i < manifold.count; ++i) {
    const Point clipped = manifold.on_body ? manifold.point[i] : frame.Place(manifold.point[i]);
    row.lever[i] = clipped - outward * (0.5f * Dot(clipped - base, outward)) - Point{at.x, at.y};
    turn[i] = Cross(row.lever[i], row.normal);
    const float rub = Cross(row.lever[i], Right(row.normal));
    row.normal_mass[i] = 1.0f / (mass + inertia * turn[i] * turn[i]);
    row.tangent_mass[i] = 1.0f / (mass + inertia * rub * rub);
  }
  row.count = static_cast<float>(manifold.count);
  if (manifold.count == 2) {
    row.xx = mass + inertia * turn[0] * turn[0], row.yy = mass + inertia * turn[1] * turn[1];
    row.xy = mass + inertia * turn[0] * turn[1];
    const float determinant = row.xx * row.yy - row.xy * row.xy;
    if (row.xx * row.xx < static_cast<float>(WANN_IMPULSES_MAX_CONDITION) * determinant) {
      row.ixx = row.yy / determinant, row.ixy = -row.xy / determinant, row.iyy = row.xx / determinant;
    } else {
      row.count = 1.0f;
    }
  }
  return row;
}

template <class T>
void Push(State<T>& velocity, const Body& body, Vec<T> lever, Vec<T> push) {
  velocity.x += body.inverse_mass * push.x;
  velocity.y += body.inverse_mass * push.y;
  velocity.angle += body.inverse_inertia * Cross(lever, push);
}

template <class T>
Vec<T> PointVelocity(const State<T>& velocity, Vec<T> lever) {
  return {velocity.x - lever.y * velocity.angle, velocity.y + lever.x * velocity.angle};
}

template <class T>
void WarmStart(const ContactRow<T>& row, const Body& body, State<T>& velocity) {
  for (int i = 0; i < 2; ++i) {
    const Vec<T> push = row.normal * row.normal_impulse[i] + Right(row.normal) * row.tangent_impulse[i];
    const T used = Select(row.count > static_cast<float>(i), All<T>(1.0f), All<T>(0.0f));
    Push(velocity, body, row.lever[i], push * used);
  }
}

// Friction, then the normal rows of both points together.
template <class T>
void Solve(ContactRow<T>& row, const Body& body, State<T>& velocity) {
  const Vec<T> tangent = Right(row.normal);
  const auto has_two = row.count > 1.0f;
  const auto has_any = row.count > 0.0f;
  for (int i = 0; i < 2; ++i) {
    const T most = body.friction * row.normal_impulse[i], old = row.tangent_impulse[i];
    const T speed = Dot(PointVelocity(velocity, row.lever[i]), tangent);
    const T moved = Clip(old - row.tangent_mass[i] * speed, -most, most);
    const T next = Select(i == 0 ? has_any : has_two, moved, old);
    Push(velocity, body, row.lever[i], tangent * (next - old));
    row.tangent_impulse[i] = next;
  }
  const T old0 = row.normal_impulse[0], old1 = row.normal_impulse[1], zero = All<T>(0.0f);
  const T speed0 = Dot(PointVelocity(velocity, row.lever[0]), row.normal);
  const T speed1 = Dot(PointVelocity(velocity, row.lever[1]), row.normal);
  const T single = Most(old0 - row.normal_mass[0] * speed0, zero);
  const T b0 = speed0 - (row.xx * old0 + row.xy * old1), b1 = speed1 - (row.xy * old0 + row.yy * old1);
  const T both0 = -(row.ixx * b0 + row.ixy * b1), both1 = -(row.ixy * b0 + row.iyy * b1);
  const T only0 = -row.normal_mass[0] * b0, only1 = -row.normal_mass[1] * b1;
  T new0 = old0, new1 = old1;
  const auto neither = (b0 >= 0.0f) & (b1 >= 0.0f);
  new0 = Select(neither, zero, new0), new1 = Select(neither, zero, new1);
  const auto second = (only1 >= 0.0f) & (row.xy * only1 + b0 >= 0.0f);
  new0 = Select(second, zero, new0), new1 = Select(second, only1, new1);
  const auto first = (only0 >= 0.0f) & (row.xy * only0 + b1 >= 0.0f);
  new0 = Select(first, only0, new0), new1 = Select(first, zero, new1);
  const auto both = (both0 >= 0.0f) & (both1 >= 0.0f);
  new0 = Select(both, both0, new0), new1 = Select(both, both1, new1);
  new0 = Select(has_two, new0, Select(has_any, single, old0)), new1 = Select(has_two, new1, old1);
  const Vec<T> push0 = row.normal * (new0 - old0), push1 = row.normal * (new1 - old1);
  Push(velocity, body, row.lever[0], push0);
  Push(velocity, body, row.lever[1], push1);
  row.normal_impulse[0] = new0, row.normal_impulse[1] = new1;
}

// Moves a body out of the ground; gives the least separation.
template <class T>
T Lift(const Patch<T>& patch, const Body& body, State<T>& at, float correction) {
  T least = All<T>(0.0f);
  const auto on_body = patch.on_body > 0.0f;
  for (int i = 0; i < 2; ++i) {
    const auto used = patch.count > static_cast<float>(i);
    if (!Any(used)) break;
    const Frame<T> frame = FrameOf(at, body.centre);
    const Vec<T> normal = Select(on_body, frame.Turn(patch.normal), patch.normal);
    const Vec<T> base = Select(on_body, frame.Place(patch.base), patch.base);
    const Vec<T> place = Select(on_body, patch.point[i], frame.Place(patch.point[i]));
    const T separation = Select(used, Dot(place - base, normal) - kSkin, All<T>(0.0f));
    const T error = Clip(correction * (separation + kSlop), All<T>(-0.2f), All<T>(0.0f));
    const Vec<T> lever = place - Vec<T>{at.x, at.y}, outward = Select(on_body, -normal, normal);
    const T turn = Cross(lever, outward);
    Push(at, body, lever, outward * (-error / (body.inverse_mass + body.inverse_inertia * turn * turn)));
    least = Least(least, separation);
  }
  return least;
}

template <class T>
struct JointRow {
  Vec<T> first, second, coupling;
  T xx, xy, yy;                        // inverse of the linear rows
  T fxx, fxy, fxz, fyy, fyz, fzz;      // inverse of the linear rows and the limit
  T at_limit, speed, most, impulse[4];  // at_limit: -1, 0, 1; impulses: x, y, limit, motor
};

template <class T>
Vec<T> Lever(Vec<float> local, T angle) {
  T sine, cosine;
  SinCos(angle, sine, cosine);
  return {cosine * local.x - sine * local.y, sine * local.x + cosine * local.y};
}

template <class T>
void Prepare(JointRow<T>& row, const Joint& joint, const Body& a, const Body& b, T angle_a, T angle_b, T drive) {
  row.first = Lever(joint.first, angle_a), row.second = Lever(joint.second, angle_b);
  const float mass = a.inverse_mass + b.inverse_mass, ia = a.inverse_inertia, ib = b.inverse_inertia;
  const T xx = mass + row.first.y * row.first.y * ia + row.second.y * row.second.y * ib;
  const T xy = -row.first.y * row.first.x * ia - row.second.y * row.second.x * ib;
  const T yy = mass + row.first.x * row.first.x * ia + row.second.x * row.second.x * ib;
  const T xz = -row.first.y * ia - row.second.y * ib, yz = row.first.x * ia + row.second.x * ib;
  const T zz = All<T>(ia + ib);
  row.coupling = {xz, yz};
  const T two = 1.0f / (xx * yy - xy * xy);
  row.xx = two * yy, row.xy = -two * xy, row.yy = two * xx;
  const T cxx = yy * zz - yz * yz, cxy = xz * yz - xy * zz, cxz = xy * yz - xz * yy;
  const T three = 1.0f / (xx * cxx + xy * cxy + xz * cxz);
  row.fxx = three * cxx, row.fxy = three * cxy, row.fxz = three * cxz;
  row.fyy = three * (xx * zz - xz * xz), row.fyz = three * (xy * xz - xx * yz), row.fzz = three * (xx * yy - xy * xy);
  const T angle = angle_b - angle_a - joint.reference, one = All<T>(1.0f), zero = All<T>(0.0f);
  row.at_limit = Select(angle <= joint.low, -one, Select(angle >= joint.high, one, zero));
  row.speed = joint.speed * Select(drive > 0.0f, one, Select(drive < 0.0f, -one, zero));
  row.most = kTimeStep * (static_cast<float>(WANN_BODIES_MAX_MOTOR_TORQUE) * Most(drive, -drive));
  const auto keeps = ((row.at_limit < 0.0f) & (row.impulse[2] > 0.0f)) | ((row.at_limit > 0.0f) & (row.impulse[2] < 0.0f));
  row.impulse[2] = Select(keeps, row.impulse[2], zero);
}

template <class T>
void Push(const JointRow<T>& row, const Body& a, const Body& b, State<T>& va, State<T>& vb, Vec<T> push, T turn) {
  va.x -= a.inverse_mass * push.x, va.y -= a.inverse_mass * push.y;
  va.angle -= a.inverse_inertia * (Cross(row.first, push) + turn);
  vb.x += b.inverse_mass * push.x, vb.y += b.inverse_mass * push.y;
  vb.angle += b.inverse_inertia * (Cross(row.second, push) + turn);
}

// Motor, then limit and hinge together.
template <class T>
void Solve(JointRow<T>& row, const Body& a, const Body& b, State<T>& va, State<T>& vb) {
  const float motor_mass = 1.0f / (a.inverse_inertia + b.inverse_inertia);
  const T motor = Clip(row.impulse[3] - motor_mass * (vb.angle - va.angle - row.speed), -row.most, row.most);
  const T by_motor = motor - row.impulse[3];
  row.impulse[3] = motor;
  va.angle -= a.inverse_inertia * by_motor, vb.angle += b.inverse_inertia * by_motor;
  const Vec<T> gap = PointVelocity(vb, row.second) - PointVelocity(va, row.first);
  const auto at_limit = (row.at_limit < 0.0f) | (row.at_limit > 0.0f);
  const T old = row.impulse[2];
  const Vec<T> rest = row.coupling * old - gap;
  Vec<T> push = {row.xx * rest.x + row.xy * rest.y, row.xy * rest.x + row.yy * rest.y};
  T limit = All<T>(0.0f);
  if (Any(at_limit)) {
    const T turn = vb.angle - va.angle;
    const T whole = old - (row.fxz * gap.x + row.fyz * gap.y + row.fzz * turn);
    const auto holds = ((row.at_limit < 0.0f) & (whole >= 0.0f)) | ((row.at_limit > 0.0f) & (whole <= 0.0f));
    push.x = Select(holds, -(row.fxx * gap.x + row.fxy * gap.y + row.fxz * turn), push.x);
    push.y = Select(holds, -(row.fxy * gap.x + row.fyy * gap.y + row.fyz * turn), push.y);
    limit = Select(holds, whole, limit);
  }
  Push(row, a, b, va, vb, push, limit - old);
  row.impulse[0] += push.x, row.impulse[1] += push.y, row.impulse[2] = limit;
}

// Moves two bodies together; gives the lanes that were within tolerance before.
template <class T>
auto Pull(const Joint& joint, const Body& a, const Body& b, State<T>& pa, State<T>& pb, T at_limit) {
  constexpr float kMost = WANN_JOINTS_MAX_ANGULAR_CORRECTION;
  const T zero = All<T>(0.0f), angle = pb.angle - pa.angle - joint.reference;
  const T below = angle - joint.low, above = angle - joint.high;
  const auto at_low = at_limit < 0.0f, at_high = at_limit > 0.0f;
  const T low = Clip(below + kAngularSlop, All<T>(-kMost), zero), high = Clip(above - kAngularSlop, zero, All<T>(kMost));
  const T error = Select(at_low, low, Select(at_high, high, zero));
  const T angular_error = Select(at_low, -below, Select(at_high, above, zero));
  const float ia = a.inverse_inertia, ib = b.inverse_inertia, ma = a.inverse_mass, mb = b.inverse_mass;
  const T turn = error * (-1.0f / (ia + ib));
  pa.angle -= ia * turn, pb.angle += ib * turn;
  const Vec<T> first = Lever(joint.first, pa.angle), second = Lever(joint.second, pb.angle);
  const Vec<T> gap = Vec<T>{pb.x, pb.y} + second - Vec<T>{pa.x, pa.y} - first;
  const T xx = ma + mb + ia * first.y * first.y + ib * second.y * second.y;
  const T xy = -ia * first.x * first.y - ib * second.x * second.y;
  const T yy = ma + mb + ia * first.x * first.x + ib * second.x * second.x;
  const T scale = 1.0f / (xx * yy - xy * xy);
  const Vec<T> push = {-scale * (yy * gap.x - xy * gap.y), -scale * (xx * gap.y - xy * gap.x)};
  pa.x -= ma * push.x, pa.y -= ma * push.y, pa.angle -= ia * Cross(first, push);
  pb.x += mb * push.x, pb.y += mb * push.y, pb.angle += ib * Cross(second, push);
  return (Dot(gap, gap) <= kSlop * kSlop) & (angular_error <= kAngularSlop);
}

template <class T>
void Integrate(State<T>& at, State<T>& velocity, float time) {
  const T one = All<T>(1.0f), length = Root(Dot(Vec<T>{velocity.x, velocity.y}, Vec<T>{velocity.x, velocity.y})) * time;
  const T turn = Most(velocity.angle, -velocity.angle) * time;
  constexpr float kFar = WANN_INTEGRATE_MAX_TRANSLATION, kTurn = WANN_INTEGRATE_MAX_ROTATION;  // at most, in one step
  const T slow = Select(length > kFar, kFar / Most(length, one), one), spin = Select(turn > kTurn, kTurn / Most(turn, one), one);
  velocity.x *= slow, velocity.y *= slow, velocity.angle *= spin;
  at.x += velocity.x * time, at.y += velocity.y * time, at.angle += velocity.angle * time;
}

}  // namespace wann::biped
