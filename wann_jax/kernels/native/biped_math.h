// Numbers of one walker (float) or of sixteen (Pack), and plane vectors of either. The walker's physics is written once
// for both; ../../envs/bipedal defines what it computes.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace wann::biped {

constexpr int kLanes = 16;
typedef float Pack __attribute__((vector_size(4 * kLanes)));
typedef int32_t Mask __attribute__((vector_size(4 * kLanes)));

inline float Select(bool condition, float chosen, float other) { return condition ? chosen : other; }
inline Pack Select(Mask condition, Pack chosen, Pack other) { return condition ? chosen : other; }
inline bool Any(bool condition) { return condition; }
inline bool Any(Mask condition) {
  int32_t any = 0;
  for (int lane = 0; lane < kLanes; ++lane) any |= condition[lane];
  return any != 0;
}
template <class T>
T Least(T a, T b) { return Select(a < b, a, b); }
template <class T>
T Most(T a, T b) { return Select(a > b, a, b); }
template <class T>
T Clip(T value, T low, T high) { return Least(Most(value, low), high); }
inline float Root(float value) { return std::sqrt(value); }
inline Pack Root(Pack value) {
  Pack root;
  for (int lane = 0; lane < kLanes; ++lane) root[lane] = std::sqrt(value[lane]);
  return root;
}
template <class T>
T All(float value) { return T{} + value; }

template <class T>
struct Vec {
  T x, y;
};
template <class T> Vec<T> operator+(Vec<T> a, Vec<T> b) { return {a.x + b.x, a.y + b.y}; }
template <class T> Vec<T> operator-(Vec<T> a, Vec<T> b) { return {a.x - b.x, a.y - b.y}; }
template <class T> Vec<T> operator-(Vec<T> a) { return {-a.x, -a.y}; }
template <class T> Vec<T> operator*(Vec<T> a, T factor) { return {a.x * factor, a.y * factor}; }
template <class T> T Dot(Vec<T> a, Vec<T> b) { return a.x * b.x + a.y * b.y; }
template <class T> T Cross(Vec<T> a, Vec<T> b) { return a.x * b.y - a.y * b.x; }
template <class T> Vec<T> Right(Vec<T> a) { return {a.y, -a.x}; }
template <class T, class C>
Vec<T> Select(C condition, Vec<T> chosen, Vec<T> other) {
  return {Select(condition, chosen.x, other.x), Select(condition, chosen.y, other.y)};
}
inline Vec<float> Unit(Vec<float> a) {
  const float length = std::sqrt(Dot(a, a));
  return a * (1.0f / (length > 0.0f ? length : 1.0f));
}
template <class T> Vec<T> All(Vec<float> a) { return {All<T>(a.x), All<T>(a.y)}; }

// Sine and cosine of moderate angles: the same reduction and polynomials as ../../envs/trigonometry.py.
template <class T>
void SinCos(T angle, T& sine, T& cosine) {
  const float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  const T shifted = angle * 0.63661977236f + kRound;
  const T quarters = shifted - kRound;
  const T rest = ((angle - quarters * 1.5703125f) - quarters * 4.837513e-4f) - quarters * 7.54979e-8f;
  const T square = rest * rest;
  const T s = rest + rest * square * (-0.1666664969f + square * (0.008331923963f + square * -0.0001948874602f));
  const T c = 1.0f - 0.5f * square + square * square * (0.04166664565f + square * (-0.001388730603f + square * 2.443120405e-05f));
  // quarters mod 4, in {-2, -1, 0, 1, 2}: 0 or 2 keep sine and cosine in place.
  const T shifted_turn = quarters * 0.25f + kRound;
  const T turn = quarters - 4.0f * (shifted_turn - kRound);
  const auto is_odd = (turn == 1.0f) | (turn == -1.0f);
  const auto is_half = (turn == 2.0f) | (turn == -2.0f);
  sine = Select(is_odd, turn * c, Select(is_half, -s, s));
  cosine = Select(is_odd, -turn * s, Select(is_half, -c, c));
}

template <class T>
struct Frame {
  T cosine, sine;
  Vec<T> origin;
  Vec<T> Turn(Vec<T> a) const { return {cosine * a.x - sine * a.y, sine * a.x + cosine * a.y}; }
  Vec<T> TurnBack(Vec<T> a) const { return {cosine * a.x + sine * a.y, cosine * a.y - sine * a.x}; }
  Vec<T> Place(Vec<T> a) const { return Turn(a) + origin; }
  Vec<T> Find(Vec<T> a) const { return TurnBack(a - origin); }
};

// Position of a centre of mass and an angle, or their velocities.
template <class T>
struct State {
  T x, y, angle;
};

template <class T>
Frame<T> FrameOf(State<T> at, Vec<float> centre) {
  Frame<T> frame;
  SinCos(at.angle, frame.sine, frame.cosine);
  frame.origin = Vec<T>{at.x, at.y} - frame.Turn(All<T>(centre));
  return frame;
}

}  // namespace wann::biped
