// The functions that need more than an instruction or two, free of branches: loops over them become vector instructions.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace wann {

inline float SinPi(float x) {
  const float turn = x - 2.0f * std::rint(0.5f * x);  // exact, in [-1, 1]
  const float folded = std::fabs(turn) > 0.5f ? std::copysign(1.0f, turn) - turn : turn;
  const float square = folded * folded;
  float poly = 0.0775603392f;
  poly = poly * square - 0.598242099f;
  poly = poly * square + 2.5500697211f;
  poly = poly * square - 5.1677096844f;
  poly = poly * square + 3.1415926369f;
  return folded * poly;
}

// exp(x) = scale + scale * tail, scale a power of two and tail small, for x held between -80 and 80.
struct SplitExponential {
  float scale, tail;
};

inline SplitExponential SplitExp(float x) {
  x = x < -80.0f ? -80.0f : x;
  x = x > 80.0f ? 80.0f : x;
  const float shifted = x * 1.44269504f + 12582912.0f;  // the nearest whole power, in the low bits
  const float power = shifted - 12582912.0f;
  const float rest = (x - power * 0.693359375f) + power * 2.12194440e-4f;  // ln 2 in two parts
  float poly = 1.0f / 5040.0f;
  poly = poly * rest + 1.0f / 720.0f;
  poly = poly * rest + 1.0f / 120.0f;
  poly = poly * rest + 1.0f / 24.0f;
  poly = poly * rest + 1.0f / 6.0f;
  poly = poly * rest + 0.5f;
  const uint32_t bits = (std::bit_cast<uint32_t>(shifted) << 23) + 0x3f800000u;
  return {std::bit_cast<float>(bits), poly * rest * rest + rest};
}

inline float Exp(float x) {
  const SplitExponential parts = SplitExp(x);
  return parts.scale * parts.tail + parts.scale;
}

inline float Tanh(float x) {
  const SplitExponential parts = SplitExp(2.0f * x);
  const float exp_minus_one = parts.scale * parts.tail + (parts.scale - 1.0f);
  return exp_minus_one / (exp_minus_one + 2.0f);
}

// The natural logarithm of a positive, normal x.
inline float Log(float x) {
  // x = m * 2^k, m between sqrt(1/2) and sqrt(2)
  const uint32_t bits = std::bit_cast<uint32_t>(x) - 0x3f3504f3u;
  const int32_t power = static_cast<int32_t>(bits) >> 23;
  const float m = std::bit_cast<float>((bits & 0x007fffffu) + 0x3f3504f3u);
  const float s = (m - 1.0f) / (m + 1.0f), square = s * s;
  float series = 1.0f / 9.0f;
  series = series * square + 1.0f / 7.0f;
  series = series * square + 1.0f / 5.0f;
  series = series * square + 1.0f / 3.0f;
  series = series * square + 1.0f;
  return 0.693147181f * static_cast<float>(power) + 2.0f * s * series;
}

}  // namespace wann
