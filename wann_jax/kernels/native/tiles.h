// Networks on tiles of samples, under every shared weight.
//
// In: networks and tiles. Out: outputs, while they lie in a cache. A node is computed for all weights at once, [W, S],
// so that its list is read and its function chosen once; what does not depend on the weight is added once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "program.h"

namespace wann {

constexpr int kSampleLanes = WANN_NATIVE_TILE;  // samples that run at once

// One node: the rows of its list together. Its input sums come first, then values by their places.
struct Node {
  int32_t activation, place;
  int32_t first_sum, num_sums, first_source, num_sources;
};

// A network's nodes. A value keeps its place until its last reader is done, so that few places are in use.
class Program {
 public:
  std::vector<Node> nodes;
  std::vector<int32_t> sums, sources, output_places;  // sums: numbers of input sums; sources: places
  int num_places = 0;

  // The first `num_kept` slots, which rows read themselves, keep places of the same numbers.
  void Load(const Network& network, const Networks& networks, int num_kept) {
    nodes.clear();
    sums.clear();
    sources.clear();
    ListNodes(network, static_cast<int>(networks.first_row_slot()), static_cast<int>(networks.num_constants()), num_kept);
    GivePlaces(network, networks, num_kept);
  }

 private:
  // Sources are slots still, rows counted from `num_kept`.
  void ListNodes(const Network& network, int first_row, int first_sum, int num_kept) {
    bool continues = false;  // the row before, whose sum is its first entry
    for (int row = 0; row < network.num_rows; ++row) {
      if (!continues) nodes.push_back({0, 0, int32_t(sums.size()), 0, int32_t(sources.size()), 0});
      Node& node = nodes.back();
      const int32_t* list = network.row_source + row * kRowWidth;
      for (int entry = continues ? 1 : 0; entry < kRowWidth; ++entry) {
        const int slot = list[entry];
        if (slot >= first_row || (slot > 0 && slot < num_kept)) {
          sources.push_back(slot < num_kept ? slot : slot - first_row + num_kept);
          ++node.num_sources;
        } else if (slot > 0) {
          sums.push_back(slot - first_sum);
          ++node.num_sums;
        }
      }
      node.activation = network.row_activation[row];
      node.place = row + num_kept;
      continues = node.activation == kPartialSum;
    }
  }

  void GivePlaces(const Network& network, const Networks& networks, int num_kept) {
    constexpr int32_t kForever = INT32_MAX;
    const int num_outputs = static_cast<int>(networks.num_outputs());
    last_reader_.assign(num_kept + network.num_rows, 0);
    place_.resize(num_kept + network.num_rows);
    for (size_t n = 0; n < nodes.size(); ++n) {
      for (int i = 0; i < nodes[n].num_sources; ++i) last_reader_[sources[nodes[n].first_source + i]] = n;
    }
    for (int kept = 0; kept < num_kept; ++kept) last_reader_[place_[kept] = kept] = kForever;
    for (int output = 0; output < num_outputs; ++output) last_reader_[RowOf(network, networks, output) + num_kept] = kForever;
    free_.clear();
    num_places = num_kept;
    for (size_t n = 0; n < nodes.size(); ++n) {
      if (free_.empty()) free_.push_back(num_places++);
      place_[nodes[n].place] = free_.back();
      nodes[n].place = free_.back();
      free_.pop_back();
      for (int i = 0; i < nodes[n].num_sources; ++i) {
        int32_t& source = sources[nodes[n].first_source + i];
        int32_t& last = last_reader_[source];
        source = place_[source];
        if (last == static_cast<int32_t>(n)) {
          free_.push_back(source);
          last = kForever;  // should the same node name it again
        }
      }
    }
    output_places.resize(num_outputs);
    for (int output = 0; output < num_outputs; ++output) {
      output_places[output] = place_[RowOf(network, networks, output) + num_kept];
    }
  }

  static int RowOf(const Network& network, const Networks& networks, int output) {
    return network.output_slot[output] - static_cast<int>(networks.first_row_slot());
  }

  std::vector<int32_t> last_reader_, place_, free_;
};

// Lanes [W, S] that are added up; with a stride of 0, the first are the same under every weight.
struct Addends {
  const float* first;
  int64_t stride;
  const float* rest[kRowWidth - 1];
};

// out = function(weight, sum of the first kCount)
template <int kCount, typename Function>
[[gnu::flatten]] void Combine(Addends from, const float* weights, int64_t num_weights, float* __restrict out, Function function) {
  const float* __restrict a = from.first;
  const float *b = from.rest[0], *c = from.rest[1], *d = from.rest[2];
  for (int64_t w = 0; w < num_weights; ++w, a += from.stride) {
    const float weight = weights[w];
    const int64_t begin = w * kSampleLanes;
    for (int i = 0; i < kSampleLanes; ++i) {
      float sum = a[i];
      if constexpr (kCount > 1) sum += b[begin + i];
      if constexpr (kCount > 2) sum += c[begin + i];
      if constexpr (kCount > 3) sum += d[begin + i];
      out[begin + i] = function(weight, sum);
    }
  }
}

template <typename Function>
void CombineSome(int count, const Addends& from, const float* weights, int64_t num_weights, float* out, Function function) {
  static_assert(kRowWidth == 4, "written out for four sources");
  switch (count) {
    case 1: return Combine<1>(from, weights, num_weights, out, function);
    case 2: return Combine<2>(from, weights, num_weights, out, function);
    case 3: return Combine<3>(from, weights, num_weights, out, function);
    default: return Combine<4>(from, weights, num_weights, out, function);
  }
}

// One runner for each thread. Tiles [T, 2 + I, S] hold constants and inputs.
class TileRunner {
 public:
  TileRunner(const Networks& networks, Floats shared_weights, Floats tiles)
      : networks_(networks),
        weights_(shared_weights.typed_data()),
        num_weights_(shared_weights.element_count()),
        width_(num_weights_ * kLanes),
        num_kept_(networks.max_sums() == 0 ? networks.num_constants() : 0),
        tiles_(tiles),
        outputs_(networks.num_outputs()) {}

  // Makes this network the one that runs.
  void Choose(int64_t index) {
    network_ = networks_[index];
    program_.Load(network_, networks_, static_cast<int>(num_kept_));
  }

  // Calls visit(w, outputs) with the outputs' lanes, one pointer for each output.
  template <typename Visit>
  void Run(int64_t tile, Visit visit) {
    constants_ = tiles_.typed_data() + tile * networks_.num_constants() * kLanes;
    values_ = Scratch((program_.num_places + 2) * width_ + kLanes);
    sum_ = values_ + program_.num_places * width_;
    other_sum_ = sum_ + width_;
    input_sum_ = other_sum_ + width_;
    for (int64_t lanes = 0; lanes < num_kept_ * num_weights_; ++lanes) {
      const float* constant = constants_ + lanes / num_weights_ * kLanes;
      std::copy(constant, constant + kLanes, values_ + lanes * kLanes);
    }
    for (const Node& node : program_.nodes) RunNode(node);
    for (int64_t w = 0; w < num_weights_; ++w) {
      for (size_t k = 0; k < outputs_.size(); ++k) outputs_[k] = At(program_.output_places[k]) + w * kLanes;
      visit(w, outputs_);
    }
  }

 private:
  static constexpr int kLanes = kSampleLanes;

  float* At(int32_t place) { return values_ + place * width_; }

  void RunNode(const Node& node) {
    const int32_t* source = program_.sources.data() + node.first_source;
    const int32_t* const end = source + node.num_sources;
    Addends addends{constants_, 0, {}};  // zero, if there is nothing to add
    if (node.num_sums > 0) {
      AddInputs(node);
      addends.first = input_sum_;
    } else if (source < end) {
      addends = {At(*source++), kLanes, {}};
    }
    for (;;) {
      const int count = 1 + static_cast<int>(std::min<int64_t>(end - source, kRowWidth - 1));
      for (int i = 1; i < count; ++i) addends.rest[i - 1] = At(*source++);
      if (source == end) return Finish(count, node.activation, addends, At(node.place));
      Finish(count, kPartialSum, addends, sum_);
      addends = {sum_, kLanes, {}};
      std::swap(sum_, other_sum_);
    }
  }

  void Finish(int count, int activation, const Addends& addends, float* out) {
    const auto plain = [](float, float sum) { return sum; };
    const auto apply = [&](auto function) {
      const auto scaled = [=](float weight, float sum) { return function(weight * sum); };
      CombineSome(count, addends, weights_, num_weights_, out, scaled);
    };
    switch (activation) {
      case kPartialSum: CombineSome(count, addends, weights_, num_weights_, out, plain); break;
      WANN_ACTIVATION_CASES(apply)
    }
  }

  // A node's input sums, each of up to kRowWidth inputs, added up.
  void AddInputs(const Node& node) {
    constexpr float kUnused = 0.0f;
    alignas(64) float one[kLanes];
    for (int i = 0; i < node.num_sums; ++i) {
      const int32_t* list = network_.sum_source + program_.sums[node.first_sum + i] * kRowWidth;
      Addends addends{constants_, 0, {}};
      int count = 0;
      for (int entry = 0; entry < kRowWidth; ++entry) {
        if (list[entry] == 0) continue;
        const float* input = constants_ + int64_t{list[entry]} * kLanes;
        (count == 0 ? addends.first : addends.rest[count - 1]) = input;
        ++count;
      }
      float* out = i == 0 ? input_sum_ : one;
      const auto plain = [](float, float sum) { return sum; };
      CombineSome(std::max(count, 1), addends, &kUnused, 1, out, plain);
      if (i > 0) {
        for (int lane = 0; lane < kLanes; ++lane) input_sum_[lane] += one[lane];
      }
    }
  }

  const Networks& networks_;
  const float* weights_;
  int64_t num_weights_, width_, num_kept_;
  Floats tiles_;
  std::vector<const float*> outputs_;
  Program program_;
  Network network_{};
  const float* constants_ = nullptr;
  float *values_ = nullptr, *sum_ = nullptr, *other_sum_ = nullptr, *input_sum_ = nullptr;  // of this thread's block
};

}  // namespace wann
