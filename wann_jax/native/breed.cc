// Native `breed` (../mutation.py defines what it does): children of chosen parents, each with one change, to the bit.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "genome.h"

namespace ffi = xla::ffi;

namespace {

using namespace wann;

constexpr int kOutputLayer = 1 << 14;  // genome.OUTPUT_LAYER
enum Kind { kAddConnection, kAddNode, kEnableConnection, kChangeActivation, kDisableConnection, kNumKinds, kNoChange = -1 };

// One child: its tables, which begin as a copy of its parent's.
class Child {
 public:
  int32_t *activation, *mark, *layer, *source, *target;
  bool* enabled;
  int num_nodes, num_connections, max_nodes, max_connections;
  Sizes sizes;
  const int32_t* allowed;  // activations of hidden nodes
  int num_allowed;

  // Makes one change, drawn by the rates among those that can apply; returns its kind.
  Kind Mutate(const float* draws, const float* rates, int new_mark, bool* overflow) {
    CountLaterNodes();
    const int num_enabled = std::count(enabled, enabled + num_connections, true);
    const int free = max_connections - num_connections;
    const bool wants[] = {OpenPairs() > 0, num_enabled > 0, num_enabled < num_connections,
                          num_nodes > sizes.num_fixed() && num_allowed > 1, num_enabled > 0};
    const bool room[] = {free >= 1, free >= 2 && num_nodes < max_nodes, true, true, true};
    constexpr Kind order[] = {kAddConnection, kAddNode, kEnableConnection, kChangeActivation, kDisableConnection};
    float cumulated[kNumKinds], total = 0.0f;
    *overflow = false;
    for (Kind kind : order) {
      total += wants[kind] && room[kind] ? rates[kind] : 0.0f;
      cumulated[kind] = total;
      *overflow |= wants[kind] && !room[kind];
    }
    if (!(total > 0.0f)) return kNoChange;
    const float place = draws[0] * total;
    int kind = 0;
    while (kind < kNumKinds - 1 && cumulated[kind] <= place) ++kind;
    switch (kind) {
      case kAddConnection: AddConnection(draws[1], draws[2]); break;
      case kAddNode: AddNode(draws[1], draws[2], num_enabled, new_mark); break;
      case kEnableConnection: EnableConnection(draws[1], num_connections - num_enabled); break;
      case kChangeActivation: ChangeActivation(draws[1], draws[2]); break;
      case kDisableConnection: DisableConnection(draws[1], num_enabled); break;
    }
    return static_cast<Kind>(kind);
  }

 private:
  static int Nth(float draw, int count) { return static_cast<int>(draw * static_cast<float>(count)); }

  // Index of the entry for which `holds`, drawn uniformly among `count` such entries.
  template <typename Holds>
  static int Pick(float draw, int count, Holds holds) {
    int left = Nth(draw, count), index = 0;
    while (!holds(index) || left-- > 0) ++index;
    return index;
  }

  // later_[l]: nodes in layers after l, for layers of inputs and hidden nodes.
  void CountLaterNodes() {
    later_.assign(num_nodes + 2, 0);
    for (int n = sizes.num_fixed(); n < num_nodes; ++n) ++later_[layer[n]];
    int after = sizes.num_outputs;
    for (int l = num_nodes + 1; l >= 0; --l) {
      after += later_[l];
      later_[l] = after - later_[l];
    }
  }

  int LaterNodes(int n) const { return layer[n] == kOutputLayer ? 0 : later_[layer[n]]; }

  int OpenPairs() const {
    int pairs = -num_connections;
    for (int n = 0; n < num_nodes; ++n) pairs += LaterNodes(n);
    return pairs;
  }

  void AddConnection(float source_draw, float target_draw) {
    num_targets_.assign(num_nodes, 0);
    for (int c = 0; c < num_connections; ++c) ++num_targets_[source[c]];
    const auto has_open = [&](int n) { return LaterNodes(n) > num_targets_[n]; };
    int num_sources = 0;
    for (int n = 0; n < num_nodes; ++n) num_sources += has_open(n);
    const int from = Pick(source_draw, num_sources, has_open);

    joined_.assign(num_nodes, false);
    for (int c = 0; c < num_connections; ++c) {
      if (source[c] == from) joined_[target[c]] = true;
    }
    const auto is_open = [&](int n) { return layer[n] > layer[from] && !joined_[n]; };
    Append(from, Pick(target_draw, LaterNodes(from) - num_targets_[from], is_open));
  }

  void EnableConnection(float draw, int num_disabled) {
    enabled[Pick(draw, num_disabled, [&](int c) { return !enabled[c]; })] = true;
  }

  void DisableConnection(float draw, int num_enabled) {
    enabled[Pick(draw, num_enabled, [&](int c) { return enabled[c]; })] = false;
  }

  void ChangeActivation(float node_draw, float activation_draw) {
    const int n = sizes.num_fixed() + Nth(node_draw, num_nodes - sizes.num_fixed());
    const int others = num_allowed - std::count(allowed, allowed + num_allowed, activation[n]);
    const int chosen = Pick(activation_draw, others, [&](int i) { return allowed[i] != activation[n]; });
    activation[n] = allowed[chosen];
  }

  // Splits an enabled connection: source -> new node -> target.
  void AddNode(float connection_draw, float activation_draw, int num_enabled, int new_mark) {
    const int split = Pick(connection_draw, num_enabled, [&](int c) { return enabled[c]; });
    const int from = source[split], to = target[split], n = num_nodes++;
    activation[n] = allowed[Nth(activation_draw, num_allowed)];
    mark[n] = new_mark;
    layer[n] = layer[from] + 1;
    enabled[split] = false;
    Append(from, n);
    Append(n, to);
    if (layer[to] <= layer[n]) RelaxLayers();
  }

  void Append(int from, int to) {
    source[num_connections] = from;
    target[num_connections] = to;
    enabled[num_connections++] = true;
  }

  // Raises layers until every connection gene leads to a strictly later one.
  void RelaxLayers() {
    for (bool changed = true; changed;) {
      changed = false;
      for (int c = 0; c < num_connections; ++c) {
        if (layer[target[c]] <= layer[source[c]]) {
          layer[target[c]] = layer[source[c]] + 1;
          changed = true;
        }
      }
    }
  }

  std::vector<int> later_, num_targets_;
  std::vector<char> joined_;
};

template <typename T>
T* CopyRow(const T* tables, T* results, int64_t width, int64_t from, int64_t to) {
  std::copy_n(tables + from * width, width, results + to * width);
  return results + to * width;
}

ffi::Error Breed(Table node_activation, Table node_mark, Table node_layer, Table conn_source, Table conn_target,
                 Flags conn_enabled, Table num_nodes, Table num_connections, Table parents, Floats draws, Floats rates,
                 Table marks, Table allowed, int32_t num_inputs, int32_t num_outputs, TableResult new_activation,
                 TableResult new_mark, TableResult new_layer, TableResult new_source, TableResult new_target,
                 FlagsResult new_enabled, TableResult new_num_nodes, TableResult new_num_connections, TableResult kinds,
                 FlagsResult overflows) {
  const int64_t max_nodes = node_layer.dimensions().back(), max_connections = conn_source.dimensions().back();
  Child child;
  child.max_nodes = static_cast<int>(max_nodes);
  child.max_connections = static_cast<int>(max_connections);
  child.sizes = {num_inputs, num_outputs};
  child.allowed = allowed.typed_data();
  child.num_allowed = static_cast<int>(allowed.element_count());
  for (int64_t i = 0; i < static_cast<int64_t>(parents.element_count()); ++i) {
    const int64_t from = parents.typed_data()[i];
    child.activation = CopyRow(node_activation.typed_data(), new_activation->typed_data(), max_nodes, from, i);
    child.mark = CopyRow(node_mark.typed_data(), new_mark->typed_data(), max_nodes, from, i);
    child.layer = CopyRow(node_layer.typed_data(), new_layer->typed_data(), max_nodes, from, i);
    child.source = CopyRow(conn_source.typed_data(), new_source->typed_data(), max_connections, from, i);
    child.target = CopyRow(conn_target.typed_data(), new_target->typed_data(), max_connections, from, i);
    child.enabled = CopyRow(conn_enabled.typed_data(), new_enabled->typed_data(), max_connections, from, i);
    child.num_nodes = num_nodes.typed_data()[from];
    child.num_connections = num_connections.typed_data()[from];
    kinds->typed_data()[i] = child.Mutate(draws.typed_data() + 3 * i, rates.typed_data() + kNumKinds * i,
                                          marks.typed_data()[i], overflows->typed_data() + i);
    new_num_nodes->typed_data()[i] = child.num_nodes;
    new_num_connections->typed_data()[i] = child.num_connections;
  }
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(wann_breed, Breed,
                              ffi::Ffi::Bind()
                                  .Arg<Table>()   // node_activation
                                  .Arg<Table>()   // node_mark
                                  .Arg<Table>()   // node_layer
                                  .Arg<Table>()   // conn_source
                                  .Arg<Table>()   // conn_target
                                  .Arg<Flags>()   // conn_enabled
                                  .Arg<Table>()   // num_nodes
                                  .Arg<Table>()   // num_connections
                                  .Arg<Table>()   // parents [P]
                                  .Arg<Floats>()  // draws [P, 3]
                                  .Arg<Floats>()  // rates [P, 5]
                                  .Arg<Table>()   // marks [P]
                                  .Arg<Table>()   // allowed activations
                                  .Attr<int32_t>("num_inputs")
                                  .Attr<int32_t>("num_outputs")
                                  .Ret<Table>()    // the same tables of the children
                                  .Ret<Table>()
                                  .Ret<Table>()
                                  .Ret<Table>()
                                  .Ret<Table>()
                                  .Ret<Flags>()
                                  .Ret<Table>()
                                  .Ret<Table>()
                                  .Ret<Table>()    // kind [P]
                                  .Ret<Flags>());  // overflow [P]
