// Native kernel behind `forward_samples` (../forward.py defines what it computes). A file of its own: compiled in one
// with forward.cc, it made `forward_lanes` slower.

#include <algorithm>
#include <cstdint>

#include "parallel.h"
#include "tiles.h"

namespace ffi = xla::ffi;

namespace {

using namespace wann;

// tiles [T, 2 + I, S] -> outputs [P, O, W, B]: the first B of the T * S samples
ffi::Error ForwardSamples(ffi::ThreadPool pool, Table row_source, Table row_activation, Table sum_source,
                          Table output_slot, Table num_sums, Table num_rows, Floats shared_weights, Floats tiles,
                          ffi::ResultBuffer<ffi::F32> results) {
  const Networks networks{row_source, row_activation, sum_source, output_slot,
                          num_sums,   num_rows,       tiles.dimensions()[1] - kFirstInputSlot};
  const int64_t num_weights = shared_weights.element_count(), num_samples = results->dimensions().back();
  const int64_t num_tiles = tiles.dimensions()[0];
  const int64_t least = LeastItems(networks.mean_rows() * num_weights * kSampleLanes);
  InBlocks(pool, networks.count() * num_tiles, least, [&](int64_t begin, int64_t end) {
    TileRunner runner(networks, shared_weights, tiles);
    for (int64_t item = begin; item < end; ++item) {
      const int64_t index = item / num_tiles, tile = item % num_tiles, first = tile * kSampleLanes;
      const int64_t width = std::min<int64_t>(kSampleLanes, num_samples - first);
      if (item == begin || tile == 0) runner.Choose(index);
      runner.Run(tile, [&](int64_t w, const auto& outputs) {
        for (int64_t output = 0; output < networks.num_outputs(); ++output) {
          const int64_t row = (index * networks.num_outputs() + output) * num_weights + w;
          std::copy(outputs[output], outputs[output] + width, results->typed_data() + row * num_samples + first);
        }
      });
    }
  });
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(wann_forward_samples, ForwardSamples,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Table>()   // row_source
                                  .Arg<Table>()   // row_activation
                                  .Arg<Table>()   // sum_source
                                  .Arg<Table>()   // output_slot
                                  .Arg<Table>()   // num_sums
                                  .Arg<Table>()   // num_rows
                                  .Arg<Floats>()  // shared_weights
                                  .Arg<Floats>()  // tiles
                                  .Ret<Floats>());
