// Native `CrossEntropy` (../losses.py defines it): networks to losses, whose outputs never leave the nearest cache.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "parallel.h"
#include "tiles.h"

namespace ffi = xla::ffi;

namespace {

using namespace wann;

constexpr int kLanes = kSampleLanes;
constexpr float kSmallestDeviation = WANN_LOSSES_SMALLEST_DEVIATION;

// Each lane's cross-entropy of the softmax of its outputs.
void LossOfLanes(const std::vector<const float*>& outputs, const int32_t* labels, float* __restrict losses) {
  alignas(64) float largest[kLanes], chosen[kLanes], sum[kLanes];
  std::copy(outputs[0], outputs[0] + kLanes, largest);
  for (const float* output : outputs) {
    for (int i = 0; i < kLanes; ++i) largest[i] = output[i] > largest[i] ? output[i] : largest[i];
  }
  std::fill(sum, sum + kLanes, 0.0f);
  std::fill(chosen, chosen + kLanes, 0.0f);
  for (int32_t k = 0; k < static_cast<int32_t>(outputs.size()); ++k) {
    const float* output = outputs[k];
    for (int i = 0; i < kLanes; ++i) {
      const float below = output[i] - largest[i];
      sum[i] += Exp(below);
      chosen[i] = labels[i] == k ? below : chosen[i];
    }
  }
  // Log does not know NaN, which sum - sum brings back.
  for (int i = 0; i < kLanes; ++i) losses[i] = (Log(sum[i]) + (sum[i] - sum[i])) - chosen[i];
}

// Outputs of one network under one weight on all samples [T, O, S], each sample's mean over classes taken off.
class Centred {
 public:
  Centred(int64_t num_tiles, int64_t num_outputs)
      : values_(num_tiles * num_outputs * kLanes), pointers_(num_outputs) {}

  void Store(int64_t tile, const std::vector<const float*>& outputs) {
    float* stored = Tile(tile);
    alignas(64) float mean[kLanes] = {};
    for (const float* output : outputs) {
      for (int i = 0; i < kLanes; ++i) mean[i] += output[i];
    }
    for (int i = 0; i < kLanes; ++i) mean[i] /= static_cast<float>(outputs.size());
    for (const float* output : outputs) {
      for (int i = 0; i < kLanes; ++i) *stored++ = output[i] - mean[i];
    }
  }

  // The stored outputs of a tile, scaled in place.
  const std::vector<const float*>& Scaled(int64_t tile, float scale) {
    float* stored = Tile(tile);
    for (size_t k = 0; k < pointers_.size(); ++k, stored += kLanes) {
      for (int i = 0; i < kLanes; ++i) stored[i] *= scale;
      pointers_[k] = stored;
    }
    return pointers_;
  }

  // Root mean square over classes and samples; padding is where labels are negative.
  float Deviation(Table labels, int64_t num_samples) {
    const int64_t num_outputs = pointers_.size(), num_tiles = labels.element_count() / kLanes;
    double total = 0.0;
    for (int64_t tile = 0; tile < num_tiles; ++tile) {
      const int32_t* tile_labels = labels.typed_data() + tile * kLanes;
      const float* stored = Tile(tile);
      alignas(64) float squares[kLanes] = {};
      for (int64_t k = 0; k < num_outputs; ++k, stored += kLanes) {
        for (int i = 0; i < kLanes; ++i) squares[i] += stored[i] * stored[i];
      }
      for (int i = 0; i < kLanes; ++i) total += tile_labels[i] < 0 ? 0.0f : squares[i];
    }
    return static_cast<float>(std::sqrt(total / static_cast<double>(num_samples * num_outputs)));
  }

 private:
  float* Tile(int64_t tile) { return values_.data() + tile * static_cast<int64_t>(pointers_.size()) * kLanes; }

  std::vector<float> values_;
  std::vector<const float*> pointers_;
};

// Mean losses of one network after another, under every weight.
class LossRunner {
 public:
  LossRunner(const Networks& networks, Floats shared_weights, Floats tiles, Table labels, float deviation)
      : runner_(networks, shared_weights, tiles),
        labels_(labels),
        deviation_(deviation),
        num_tiles_(tiles.dimensions()[0]),
        num_samples_(std::count_if(labels.typed_data(), labels.typed_data() + labels.element_count(),
                                   [](int32_t label) { return label >= 0; })),
        totals_(shared_weights.element_count() * kLanes),
        centred_(deviation > 0.0f ? shared_weights.element_count() : 0, Centred(num_tiles_, networks.num_outputs())) {}

  // Writes a loss for each weight. With a positive deviation, outputs are centred and scaled to it first: they wait for
  // the last tile.
  void Run(int64_t index, float* losses) {
    runner_.Choose(index);
    std::fill(totals_.begin(), totals_.end(), 0.0f);
    for (int64_t tile = 0; tile < num_tiles_; ++tile) {
      runner_.Run(tile, [&](int64_t w, const auto& outputs) {
        if (deviation_ > 0.0f) {
          centred_[w].Store(tile, outputs);
        } else {
          Add(w, tile, outputs);
        }
      });
    }
    const int64_t num_weights = static_cast<int64_t>(totals_.size()) / kLanes;
    for (int64_t w = 0; w < num_weights; ++w) {
      if (deviation_ > 0.0f) AddScaled(w);
      double total = 0.0;
      for (int i = 0; i < kLanes; ++i) total += totals_[w * kLanes + i];
      losses[w] = static_cast<float>(total / static_cast<double>(num_samples_));
    }
  }

 private:
  void Add(int64_t w, int64_t tile, const std::vector<const float*>& outputs) {
    const int32_t* tile_labels = labels_.typed_data() + tile * kLanes;
    alignas(64) float tile_losses[kLanes];
    LossOfLanes(outputs, tile_labels, tile_losses);
    float* lanes = totals_.data() + w * kLanes;
    for (int i = 0; i < kLanes; ++i) lanes[i] += tile_labels[i] < 0 ? 0.0f : tile_losses[i];
  }

  void AddScaled(int64_t w) {
    const float found = centred_[w].Deviation(labels_, num_samples_);
    const float scale = deviation_ / (found < kSmallestDeviation ? kSmallestDeviation : found);
    for (int64_t tile = 0; tile < num_tiles_; ++tile) Add(w, tile, centred_[w].Scaled(tile, scale));
  }

  TileRunner runner_;
  Table labels_;
  float deviation_;
  int64_t num_tiles_, num_samples_;
  std::vector<float> totals_;
  std::vector<Centred> centred_;
};

// tiles [T, 2 + I, S], labels [T, S] (-1 for padding) -> mean losses [P, W]
ffi::Error CrossEntropy(ffi::ThreadPool pool, Table row_source, Table row_activation, Table sum_source,
                        Table output_slot, Table num_sums, Table num_rows, Floats shared_weights, Floats tiles,
                        Table labels, float deviation, ffi::ResultBuffer<ffi::F32> losses) {
  const Networks networks{row_source, row_activation, sum_source, output_slot,
                          num_sums,   num_rows,       tiles.dimensions()[1] - kFirstInputSlot};
  const int64_t num_weights = shared_weights.element_count();
  const int64_t least = LeastItems(networks.mean_rows() * num_weights * labels.element_count());
  InBlocks(pool, networks.count(), least, [&](int64_t begin, int64_t end) {
    LossRunner runner(networks, shared_weights, tiles, labels, deviation);
    for (int64_t index = begin; index < end; ++index) runner.Run(index, losses->typed_data() + index * num_weights);
  });
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(wann_cross_entropy, CrossEntropy,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Table>()    // row_source
                                  .Arg<Table>()    // row_activation
                                  .Arg<Table>()    // sum_source
                                  .Arg<Table>()    // output_slot
                                  .Arg<Table>()    // num_sums
                                  .Arg<Table>()    // num_rows
                                  .Arg<Floats>()   // shared weights
                                  .Arg<Floats>()   // tiles
                                  .Arg<Table>()    // labels
                                  .Attr<float>("deviation")
                                  .Ret<Floats>());
