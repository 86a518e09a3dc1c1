// Native kernel behind `forward_lanes` (../forward.py defines what it computes).

#include <algorithm>
#include <cstdint>

#include "parallel.h"
#include "program.h"

namespace ffi = xla::ffi;

namespace {

using namespace wann;

// Networks from `first` to `last` on all lanes. Inputs lie as [I, P, L].
template <int kLanes>
void RunLanes(const Networks& networks, int64_t first, int64_t last, const float* weights, int64_t num_lanes,
              const float* inputs, float* outputs) {
  const int64_t num_inputs = networks.num_inputs, num_outputs = networks.num_outputs();
  float* slots = Scratch(networks.num_slots() * kLanes);
  float* sum_slots = slots + networks.num_constants() * kLanes;
  float* row_slots = slots + networks.first_row_slot() * kLanes;
  std::fill(slots, slots + kLanes, 0.0f);
  std::fill(slots + kLanes, slots + 2 * kLanes, 1.0f);
  alignas(64) float lane_weights[kLanes] = {};
  for (int64_t index = first; index < last; ++index) {
    const Network network = networks[index];
    for (int64_t begin = 0; begin < num_lanes; begin += kLanes) {
      const int64_t width = std::min<int64_t>(kLanes, num_lanes - begin);
      std::copy(weights + begin, weights + begin + width, lane_weights);
      for (int64_t input = 0; input < num_inputs; ++input) {
        float* slot = slots + (kFirstInputSlot + input) * kLanes;
        const float* from = inputs + (input * networks.count() + index) * num_lanes + begin;
        std::fill(std::copy(from, from + width, slot), slot + kLanes, 0.0f);
      }
      RunSteps<kLanes>(network.num_sums, [&](int i) { return network.Sum(i); }, slots, lane_weights, sum_slots);
      RunSteps<kLanes>(network.num_rows, [&](int i) { return network.Row(i); }, slots, lane_weights, row_slots);
      float* to = outputs + (index * num_lanes + begin) * num_outputs;
      for (int64_t output = 0; output < num_outputs; ++output) {
        const float* slot = slots + int64_t{network.output_slot[output]} * kLanes;
        for (int64_t lane = 0; lane < width; ++lane) to[lane * num_outputs + output] = slot[lane];
      }
    }
  }
}

// inputs [P, L, I], in memory [I, P, L] -> outputs [P, L, O]
ffi::Error ForwardLanes(ffi::ThreadPool pool, Table row_source, Table row_activation, Table sum_source,
                        Table output_slot, Table num_sums, Table num_rows, Floats lane_weights, Floats inputs,
                        ffi::ResultBuffer<ffi::F32> outputs) {
  const int64_t num_lanes = lane_weights.element_count(), num_inputs = inputs.dimensions().back();
  const Networks networks{row_source, row_activation, sum_source, output_slot, num_sums, num_rows, num_inputs};
  const auto run = num_lanes <= 16 ? RunLanes<16> : num_lanes <= 32 ? RunLanes<32> : RunLanes<64>;
  InBlocks(pool, networks.count(), LeastItems(networks.mean_rows() * num_lanes), [&](int64_t begin, int64_t end) {
    run(networks, begin, end, lane_weights.typed_data(), num_lanes, inputs.typed_data(), outputs->typed_data());
  });
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(wann_forward_lanes, ForwardLanes,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Table>()   // row_source
                                  .Arg<Table>()   // row_activation
                                  .Arg<Table>()   // sum_source
                                  .Arg<Table>()   // output_slot
                                  .Arg<Table>()   // num_sums
                                  .Arg<Table>()   // num_rows
                                  .Arg<Floats>()  // lane_weights
                                  .Arg<Floats>()  // inputs
                                  .Ret<Floats>());
