// Compiled networks, run on a block of lanes.
//
// A network's rows are walked in order on a small block of lanes, whose slots stay in the nearest caches. Each row
// branches once on its activation, then runs one short loop, which the compiler turns into vector instructions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <numeric>

#include "activations.h"
#include "genome.h"
#include "layout.h"

namespace wann {

// One row: adds up to kRowWidth slots, scales the sum by the lane's weight, applies a function.
struct Step {
  int32_t num_sources, activation;
  int32_t source[kRowWidth];
};

// The functions by id (networks/activations.py), for a switch in which `apply` takes one.
#define WANN_ACTIVATION_CASES(apply) \
  case WANN_ACTIVATION_IDS_LINEAR: apply([](float x) { return x; }); break; \
  case WANN_ACTIVATION_IDS_STEP: apply([](float x) { return x > 0.0f ? 1.0f : 0.0f; }); break; \
  case WANN_ACTIVATION_IDS_SIN: apply([](float x) { return SinPi(x); }); break; \
  case WANN_ACTIVATION_IDS_GAUSSIAN: apply([](float x) { return Exp(-0.5f * x * x); }); break; \
  case WANN_ACTIVATION_IDS_TANH: apply([](float x) { return Tanh(x); }); break; \
  case WANN_ACTIVATION_IDS_SIGMOID: apply([](float x) { return 0.5f * Tanh(0.5f * x) + 0.5f; }); break; \
  case WANN_ACTIVATION_IDS_INVERSE: apply([](float x) { return -x; }); break; \
  case WANN_ACTIVATION_IDS_ABS: apply([](float x) { return std::fabs(x); }); break; \
  case WANN_ACTIVATION_IDS_RELU: apply([](float x) { return x < 0.0f ? 0.0f : x; }); break; \
  case WANN_ACTIVATION_IDS_COS: apply([](float x) { return SinPi(x + 0.5f); }); break;

// Applies the function with this id (networks/activations.py) to each lane's scaled sum.
template <int kLanes, typename Sum>
void Activate(int activation, const float* __restrict weights, float* __restrict out, Sum sum) {
  const auto apply = [&](auto function) {
    for (int i = 0; i < kLanes; ++i) out[i] = function(weights[i] * sum(i));
  };
  switch (activation) {
    case kPartialSum: for (int i = 0; i < kLanes; ++i) out[i] = sum(i); break;
    WANN_ACTIVATION_CASES(apply)
  }
}

// One step on a block. Few lanes are cheapest in one loop, the padding of a list added too; for many it pays to branch
// on the number of sources and to add them up first.
template <int kLanes>
void RunStep(const Step& step, const float* slots, const float* weights, float* __restrict out) {
  static_assert(kRowWidth == 4, "written out for four sources");
  const float* a = slots + int64_t{step.source[0]} * kLanes;
  const float* b = slots + int64_t{step.source[1]} * kLanes;
  const float* c = slots + int64_t{step.source[2]} * kLanes;
  const float* d = slots + int64_t{step.source[3]} * kLanes;
  if constexpr (kLanes <= 32) {
    Activate<kLanes>(step.activation, weights, out, [=](int i) { return ((a[i] + b[i]) + c[i]) + d[i]; });
    return;
  }
  switch (step.num_sources) {
    case 0: for (int i = 0; i < kLanes; ++i) out[i] = 0.0f; break;
    case 1: for (int i = 0; i < kLanes; ++i) out[i] = a[i]; break;
    case 2: for (int i = 0; i < kLanes; ++i) out[i] = a[i] + b[i]; break;
    case 3: for (int i = 0; i < kLanes; ++i) out[i] = (a[i] + b[i]) + c[i]; break;
    default: for (int i = 0; i < kLanes; ++i) out[i] = ((a[i] + b[i]) + c[i]) + d[i]; break;
  }
  Activate<kLanes>(step.activation, weights, out, [=](int i) { return out[i]; });
}

// Runs steps one after another; the i-th value goes to the i-th slot of `out`.
template <int kLanes, typename StepAt>
void RunSteps(int num_steps, StepAt step_at, const float* slots, const float* weights, float* out) {
  for (int i = 0; i < num_steps; ++i, out += kLanes) RunStep<kLanes>(step_at(i), slots, weights, out);
}

// One compiled network: the tables of networks/network.py. Sums read the constants (zero, bias, inputs), rows read all slots.
struct Network {
  const int32_t *sum_source, *row_source, *row_activation, *output_slot;
  int num_sums, num_rows;

  Step Sum(int i) const { return MakeStep(sum_source + i * kRowWidth, kPartialSum); }
  Step Row(int i) const { return MakeStep(row_source + i * kRowWidth, row_activation[i]); }

 private:
  static Step MakeStep(const int32_t* source, int32_t activation) {
    return {kRowWidth, activation, {source[0], source[1], source[2], source[3]}};
  }
};

// A batch of them, [P, ...].
struct Networks {
  Table row_source, row_activation, sum_source, output_slot, num_sums, num_rows;
  int64_t num_inputs;

  int64_t count() const { return num_rows.element_count(); }
  int64_t max_rows() const { return row_activation.dimensions().back(); }
  int64_t max_sums() const { return sum_source.dimensions()[1]; }
  int64_t num_outputs() const { return output_slot.dimensions().back(); }
  int64_t num_constants() const { return kFirstInputSlot + num_inputs; }
  int64_t first_row_slot() const { return num_constants() + max_sums(); }
  int64_t num_slots() const { return first_row_slot() + max_rows(); }
  int64_t mean_rows() const {  // in use
    const int64_t all = std::accumulate(num_rows.typed_data(), num_rows.typed_data() + count(), int64_t{0});
    return all / std::max<int64_t>(count(), 1);
  }

  Network operator[](int64_t i) const {
    return {sum_source.typed_data() + i * max_sums() * kRowWidth,
            row_source.typed_data() + i * max_rows() * kRowWidth,
            row_activation.typed_data() + i * max_rows(),
            output_slot.typed_data() + i * num_outputs(),
            num_sums.typed_data()[i],
            num_rows.typed_data()[i]};
  }
};

// Memory for one block's slots. Each thread keeps its own, aligned for vectors.
inline float* Scratch(int64_t num_floats) {
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  thread_local std::unique_ptr<float, Free> memory;
  thread_local int64_t size = 0;
  if (size < num_floats) {
    size = (num_floats + 15) / 16 * 16;
    memory.reset(static_cast<float*>(std::aligned_alloc(64, size * sizeof(float))));
  }
  return memory.get();
}

}  // namespace wann
