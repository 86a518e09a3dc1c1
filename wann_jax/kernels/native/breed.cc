// Native `breed` (../../genomes/mutation.py defines what it does): children of chosen parents, each with a few changes, to the bit.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <unordered_map>
#include <vector>

#include "genome.h"
#include "hashing.h"
#include "parallel.h"

namespace ffi = xla::ffi;

namespace {

using namespace wann;

constexpr int kOutputLayer = WANN_GENOME_OUTPUT_LAYER, kOutputDepth = WANN_GENOME_OUTPUT_DEPTH;
constexpr int kAtAnyDepth[] = {WANN_GENOME_AT_ANY_DEPTH};
// The order of MUTATIONS in ../../genomes/mutation.py, and what each of them needs.
enum Kind {
  kNoChange = -1,
  kAddConnection = WANN_ADD_CONNECTION,
  kAddNode = WANN_ADD_NODE,
  kEnableConnection = WANN_ENABLE_CONNECTION,
  kChangeActivation = WANN_CHANGE_ACTIVATION,
  kDisableConnection = WANN_DISABLE_CONNECTION,
};
constexpr bool kGrows[] = {WANN_GROWS};
constexpr int kNewNodes[] = {WANN_NEW_NODES}, kNewConnections[] = {WANN_NEW_CONNECTIONS};
constexpr int kNumKinds = static_cast<int>(std::size(kGrows));
static_assert(kNumKinds == 5, "written out for five kinds");

// One parent's tables.
struct Parent {
  const int32_t *activation, *mark, *layer, *depth, *source, *target;
  const bool* enabled;
  int num_nodes, num_connections;
};

// One child: its tables, which begin as a copy of its parent's.
class Child {
 public:
  int32_t *activation, *mark, *layer, *depth, *source, *target;
  bool* enabled;
  int num_nodes, num_connections, max_nodes, max_connections;
  int connection_limit;  // enabled connections; 0: no limit
  bool is_ordered;       // connections go up in depth instead of layers
  int graded_depth;      // of outputs, where connections lead from one depth to the next (../../genomes/graded.py); or 0
  Sizes sizes;
  const int32_t* allowed;  // activations of hidden nodes
  int num_allowed;

  // Adds every gene of the other that is not here yet (../../genomes/crossover.py); false: the tables are too small.
  bool MergeFrom(const Parent& other, uint32_t coins) {
    MatchNodes(other);
    MatchConnections(other);
    int nodes_after = num_nodes, connections_after = num_connections, enabled_after = NumEnabled();
    for (int n = 0; n < other.num_nodes; ++n) nodes_after += slot_of_[n] >= num_nodes;
    for (int c = 0; c < other.num_connections; ++c) {
      connections_after += at_[c] >= num_connections;
      if (at_[c] >= num_connections) {
        enabled_after += other.enabled[c];
      } else if (FlagFromOther(other, c, coins)) {
        enabled_after += other.enabled[c] - enabled[at_[c]];
      }
    }
    if (nodes_after > max_nodes || connections_after > max_connections) return false;
    if (connection_limit && enabled_after > connection_limit) return true;

    for (int c = 0; c < other.num_connections; ++c) {
      const bool is_new = at_[c] >= num_connections;
      if (is_new || FlagFromOther(other, c, coins)) enabled[at_[c]] = other.enabled[c];
      if (!is_new) continue;
      source[at_[c]] = slot_of_[other.source[c]];
      target[at_[c]] = slot_of_[other.target[c]];
    }
    for (int n = 0; n < other.num_nodes; ++n) {
      const int slot = slot_of_[n];
      const bool is_new = slot >= num_nodes;
      if (is_new || (n >= sizes.num_fixed() && Coin(coins, other.mark[n]))) activation[slot] = other.activation[n];
      layer[slot] = is_new ? other.layer[n] : std::max(layer[slot], other.layer[n]);
      if (!is_new) continue;
      mark[slot] = other.mark[n];
      depth[slot] = other.depth[n];
    }
    num_nodes = nodes_after;
    num_connections = connections_after;
    RelaxLayers();
    return true;
  }

  // Makes one change, drawn by the rates among those that can apply; returns its kind. Sets overflow where a full
  // table kept a change out.
  Kind Mutate(const float* draws, const float* rates, int new_mark, bool* overflow) {
    graded_depth ? CountByDepth() : CountLaterNodes();
    const int num_enabled = NumEnabled(), num_places = graded_depth ? NumAbove() : NumSplittable();
    const int num_changeable = NumChangeable();
    const int free_nodes = max_nodes - num_nodes, free_connections = max_connections - num_connections;
    const bool may_grow = connection_limit == 0 || num_enabled < connection_limit;
    bool wants[kNumKinds];
    wants[kAddConnection] = (graded_depth ? OpenSteps() : OpenPairs()) > 0;
    wants[kAddNode] = num_places > 0;
    wants[kEnableConnection] = num_enabled < num_connections;
    wants[kChangeActivation] = num_changeable > 0;
    wants[kDisableConnection] = num_enabled > 0;
    float cumulated[kNumKinds], total = 0.0f;
    for (int kind = 0; kind < kNumKinds; ++kind) {
      const bool has_room = free_nodes >= kNewNodes[kind] && free_connections >= kNewConnections[kind];
      total += wants[kind] && has_room && (may_grow || !kGrows[kind]) ? rates[kind] : 0.0f;
      cumulated[kind] = total;
      *overflow |= wants[kind] && !has_room;
    }
    if (!(total > 0.0f)) return kNoChange;
    const float place = draws[0] * total;
    int kind = 0;
    while (kind < kNumKinds - 1 && cumulated[kind] <= place) ++kind;
    switch (kind) {
      case kAddConnection: graded_depth ? Join(draws[1], draws[2]) : AddConnection(draws[1], draws[2]); break;
      case kAddNode:
        graded_depth ? PutBetween(draws[1], draws[2], num_places, new_mark)
                     : AddNode(draws[1], draws[2], num_places, new_mark);
        break;
      case kEnableConnection: EnableConnection(draws[1], num_connections - num_enabled); break;
      case kChangeActivation: ChangeActivation(draws[1], draws[2], num_changeable); break;
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

  int NumEnabled() const { return std::count(enabled, enabled + num_connections, true); }

  static bool Coin(uint32_t coins, uint32_t number) { return Mix(number ^ coins) & 1u; }

  bool FlagFromOther(const Parent& other, int c, uint32_t coins) const {
    const uint32_t pair = Mix(other.mark[other.source[c]]) + static_cast<uint32_t>(other.mark[other.target[c]]);
    return Coin(coins, Mix(pair));
  }

  // slot_of_[n]: where the other's node is, or will be appended.
  void MatchNodes(const Parent& other) {
    slots_.clear();
    for (int n = 0; n < num_nodes; ++n) slots_[mark[n]] = n;
    slot_of_.resize(other.num_nodes);
    int next = num_nodes;
    for (int n = 0; n < other.num_nodes; ++n) {
      const auto found = slots_.find(other.mark[n]);
      slot_of_[n] = found == slots_.end() ? next++ : found->second;
    }
  }

  // at_[c]: where the other's connection is, or will be appended. Most begin alike: those need no look-up.
  void MatchConnections(const Parent& other) {
    const auto pair = [](int from, int to) { return (static_cast<int64_t>(from) << 32) | to; };
    const auto is_same = [&](int c) {
      return source[c] == slot_of_[other.source[c]] && target[c] == slot_of_[other.target[c]];
    };
    int alike = 0;
    while (alike < std::min(num_connections, other.num_connections) && is_same(alike)) ++alike;
    pairs_.clear();
    for (int c = alike; c < num_connections; ++c) pairs_[pair(source[c], target[c])] = c;
    at_.resize(other.num_connections);
    int next = num_connections;
    for (int c = 0; c < other.num_connections; ++c) {
      if (c < alike) {
        at_[c] = c;
        continue;
      }
      const auto found = pairs_.find(pair(slot_of_[other.source[c]], slot_of_[other.target[c]]));
      at_[c] = found == pairs_.end() ? next++ : found->second;
    }
  }

  // later_[l]: nodes in layers after l, for layers of inputs and hidden nodes. Ordered: depths_, sorted.
  void CountLaterNodes() {
    if (is_ordered) {
      depths_.assign(depth, depth + num_nodes);
      std::sort(depths_.begin(), depths_.end());
      return;
    }
    later_.assign(num_nodes + 2, 0);
    for (int n = sizes.num_fixed(); n < num_nodes; ++n) ++later_[layer[n]];
    int after = sizes.num_outputs;
    for (int l = num_nodes + 1; l >= 0; --l) {
      after += later_[l];
      later_[l] = after - later_[l];
    }
  }

  int LaterNodes(int n) const {
    if (is_ordered) return static_cast<int>(depths_.end() - std::upper_bound(depths_.begin(), depths_.end(), depth[n]));
    return layer[n] == kOutputLayer ? 0 : later_[layer[n]];
  }

  bool IsHigher(int n, int than) const { return is_ordered ? depth[n] > depth[than] : layer[n] > layer[than]; }

  bool IsSplittable(int c) const { return enabled[c] && (!is_ordered || depth[target[c]] - depth[source[c]] >= 2); }

  int NumSplittable() const {
    int count = 0;
    for (int c = 0; c < num_connections; ++c) count += IsSplittable(c);
    return count;
  }

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
    const auto is_open = [&](int n) { return IsHigher(n, from) && !joined_[n]; };
    const int to = Pick(target_draw, LaterNodes(from) - num_targets_[from], is_open);
    Append(from, to);
    if (layer[to] <= layer[from]) RelaxLayers();
  }

  void EnableConnection(float draw, int num_disabled) {
    enabled[Pick(draw, num_disabled, [&](int c) { return !enabled[c]; })] = true;
  }

  void DisableConnection(float draw, int num_enabled) {
    enabled[Pick(draw, num_enabled, [&](int c) { return enabled[c]; })] = false;
  }

  // Whether a hidden node may have an activation: in a graded genome, at its depth.
  bool IsAllowed(int kind, int at) const {
    return !graded_depth || at % 2 == 0 ||
           std::find(std::begin(kAtAnyDepth), std::end(kAtAnyDepth), kind) != std::end(kAtAnyDepth);
  }

  int NumAllowed(int at) const {
    return std::count_if(allowed, allowed + num_allowed, [&](int kind) { return IsAllowed(kind, at); });
  }

  bool IsChangeable(int n) const { return n >= sizes.num_fixed() && NumAllowed(layer[n]) > 1; }

  int NumChangeable() const {
    if (!graded_depth) return num_allowed > 1 ? num_nodes - sizes.num_fixed() : 0;
    int count = 0;
    for (int n = 0; n < num_nodes; ++n) count += IsChangeable(n);
    return count;
  }

  void ChangeActivation(float node_draw, float activation_draw, int num_changeable) {
    const int n = graded_depth ? Pick(node_draw, num_changeable, [&](int n) { return IsChangeable(n); })
                               : sizes.num_fixed() + Nth(node_draw, num_changeable);
    const auto is_other = [&](int kind) { return kind != activation[n] && IsAllowed(kind, layer[n]); };
    const int others = std::count_if(allowed, allowed + num_allowed, is_other);
    activation[n] = allowed[Pick(activation_draw, others, [&](int i) { return is_other(allowed[i]); })];
  }

  int DepthOf(int n) const { return layer[n] == kOutputLayer ? graded_depth : layer[n]; }

  // Nodes whose depth is less than the node's by so much.
  int NumLower(int n, int by) const { return DepthOf(n) < by ? 0 : per_depth_[DepthOf(n) - by]; }

  void CountByDepth() {
    per_depth_.assign(graded_depth + 1, 0);
    for (int n = 0; n < num_nodes; ++n) ++per_depth_[DepthOf(n)];
  }

  int OpenSteps() const {
    int steps = -num_connections;
    for (int n = 0; n < num_nodes; ++n) steps += NumLower(n, 1);
    return steps;
  }

  // Nodes that another can be put under: those that have others two depths below them.
  int NumAbove() const {
    int count = 0;
    for (int n = 0; n < num_nodes; ++n) count += NumLower(n, 2) > 0;
    return count;
  }

  void Join(float target_draw, float source_draw) {
    num_sources_.assign(num_nodes, 0);
    for (int c = 0; c < num_connections; ++c) ++num_sources_[target[c]];
    const auto has_open = [&](int n) { return NumLower(n, 1) > num_sources_[n]; };
    int num_targets = 0;
    for (int n = 0; n < num_nodes; ++n) num_targets += has_open(n);
    const int to = Pick(target_draw, num_targets, has_open);

    joined_.assign(num_nodes, false);
    for (int c = 0; c < num_connections; ++c) {
      if (target[c] == to) joined_[source[c]] = true;
    }
    const auto is_open = [&](int n) { return DepthOf(n) == DepthOf(to) - 1 && !joined_[n]; };
    Append(Pick(source_draw, NumLower(to, 1) - num_sources_[to], is_open), to);
  }

  void PutBetween(float target_draw, float source_draw, int num_above, int new_mark) {
    const int to = Pick(target_draw, num_above, [&](int n) { return NumLower(n, 2) > 0; });
    const int at = DepthOf(to) - 1;
    const int from = Pick(source_draw, NumLower(to, 2), [&](int n) { return DepthOf(n) == at - 1; });
    uint32_t bits;
    std::memcpy(&bits, &source_draw, sizeof bits);
    int left = Mix(bits) % NumAllowed(at), chosen = 0;
    while (!IsAllowed(allowed[chosen], at) || left-- > 0) ++chosen;
    const int n = num_nodes++;
    activation[n] = allowed[chosen];
    mark[n] = new_mark;
    layer[n] = at;
    depth[n] = at * (kOutputDepth / graded_depth);
    Append(from, n);
    Append(n, to);
  }

  // Splits an enabled connection: source -> new node -> target.
  void AddNode(float connection_draw, float activation_draw, int num_splittable, int new_mark) {
    const int split = Pick(connection_draw, num_splittable, [&](int c) { return IsSplittable(c); });
    const int from = source[split], to = target[split], n = num_nodes++;
    activation[n] = allowed[Nth(activation_draw, num_allowed)];
    mark[n] = new_mark;
    layer[n] = layer[from] + 1;
    depth[n] = DepthBetween(depth[from], depth[to], new_mark);
    enabled[split] = false;
    Append(from, n);
    Append(n, to);
    if (layer[to] <= layer[n]) RelaxLayers();
  }

  static int DepthBetween(int low, int high, int new_mark) {
    const int rise = high - low, half = rise >> 1, share = static_cast<int>(Mix(new_mark) & 255u);
    return low + std::max((rise >> 2) + (half >> 8) * share + (((half & 255) * share) >> 8), 1);
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

  std::vector<int> later_, depths_, per_depth_, num_targets_, num_sources_, slot_of_, at_;
  std::unordered_map<int, int> slots_;
  std::unordered_map<int64_t, int> pairs_;
  std::vector<char> joined_;
};

// The tables of a population, as its parents or, copied into, as its children.
struct Parents {
  Table activation, mark, layer, depth, source, target;
  Flags enabled;
  Table num_nodes, num_connections;

  int64_t max_nodes() const { return layer.dimensions().back(); }
  int64_t max_connections() const { return source.dimensions().back(); }

  Parent operator[](int64_t i) const {
    const int64_t node = i * max_nodes(), connection = i * max_connections();
    return {activation.typed_data() + node,
            mark.typed_data() + node,
            layer.typed_data() + node,
            depth.typed_data() + node,
            source.typed_data() + connection,
            target.typed_data() + connection,
            enabled.typed_data() + connection,
            num_nodes.typed_data()[i],
            num_connections.typed_data()[i]};
  }
};

template <typename T>
T* CopyRow(const T* row, T* results, int64_t width, int64_t to) {
  return std::copy_n(row, width, results + to * width) - width;
}

ffi::Error Breed(ffi::ThreadPool pool, Table node_activation, Table node_mark, Table node_layer, Table node_depth,
                 Table conn_source, Table conn_target, Flags conn_enabled, Table num_nodes, Table num_connections, Table parents,
                 Table partners, Flags is_crossed, Seeds coins, Table num_changes, Floats draws, Floats rates,
                 Table marks, Table allowed,
                 int32_t num_inputs, int32_t num_outputs, int32_t is_ordered, int32_t graded_depth,
                 int32_t connection_limit,
                 TableResult new_activation, TableResult new_mark, TableResult new_layer, TableResult new_depth,
                 TableResult new_source, TableResult new_target, FlagsResult new_enabled, TableResult new_num_nodes,
                 TableResult new_num_connections, TableResult kinds, FlagsResult overflows) {
  const Parents population{node_activation, node_mark,    node_layer, node_depth,     conn_source,
                           conn_target,     conn_enabled, num_nodes,  num_connections};
  const int64_t max_nodes = population.max_nodes(), max_connections = population.max_connections();
  const int64_t max_changes = draws.dimensions()[1];
  const auto make = [&](Child& child, int64_t i) {
    const Parent parent = population[parents.typed_data()[i]];
    child.activation = CopyRow(parent.activation, new_activation->typed_data(), max_nodes, i);
    child.mark = CopyRow(parent.mark, new_mark->typed_data(), max_nodes, i);
    child.layer = CopyRow(parent.layer, new_layer->typed_data(), max_nodes, i);
    child.depth = CopyRow(parent.depth, new_depth->typed_data(), max_nodes, i);
    child.source = CopyRow(parent.source, new_source->typed_data(), max_connections, i);
    child.target = CopyRow(parent.target, new_target->typed_data(), max_connections, i);
    child.enabled = CopyRow(parent.enabled, new_enabled->typed_data(), max_connections, i);
    child.num_nodes = parent.num_nodes;
    child.num_connections = parent.num_connections;
    const bool fits = !is_crossed.typed_data()[i] ||
                      child.MergeFrom(population[partners.typed_data()[i]], coins.typed_data()[i]);
    bool* overflow = overflows->typed_data() + i;
    *overflow = !fits;
    for (int change = 0; change < num_changes.typed_data()[i]; ++change) {
      const Kind kind = child.Mutate(draws.typed_data() + 3 * (i * max_changes + change),
                                     rates.typed_data() + kNumKinds * i, marks.typed_data()[i] + change, overflow);
      if (change == 0) kinds->typed_data()[i] = kind;
    }
    new_num_nodes->typed_data()[i] = child.num_nodes;
    new_num_connections->typed_data()[i] = child.num_connections;
  };
  constexpr int64_t kOperations = 4;  // for each entry of a genome's tables
  const int64_t least = LeastItems(kOperations * (max_nodes + max_connections));
  InBlocks(pool, parents.element_count(), least, [&](int64_t begin, int64_t end) {
    Child child;
    child.max_nodes = static_cast<int>(max_nodes);
    child.max_connections = static_cast<int>(max_connections);
    child.connection_limit = connection_limit;
    child.is_ordered = is_ordered;
    child.graded_depth = graded_depth;
    child.sizes = {num_inputs, num_outputs};
    child.allowed = allowed.typed_data();
    child.num_allowed = static_cast<int>(allowed.element_count());
    for (int64_t i = begin; i < end; ++i) make(child, i);
  });
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(wann_breed, Breed,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Table>()   // node_activation
                                  .Arg<Table>()   // node_mark
                                  .Arg<Table>()   // node_layer
                                  .Arg<Table>()   // node_depth
                                  .Arg<Table>()   // conn_source
                                  .Arg<Table>()   // conn_target
                                  .Arg<Flags>()   // conn_enabled
                                  .Arg<Table>()   // num_nodes
                                  .Arg<Table>()   // num_connections
                                  .Arg<Table>()   // parents [P]
                                  .Arg<Table>()   // partners [P]
                                  .Arg<Flags>()   // is_crossed [P]
                                  .Arg<Seeds>()   // coins [P]
                                  .Arg<Table>()   // num_changes [P]
                                  .Arg<Floats>()  // draws [P, M, 3]
                                  .Arg<Floats>()  // rates [P, 5]
                                  .Arg<Table>()   // marks [P]
                                  .Arg<Table>()   // allowed activations
                                  .Attr<int32_t>("num_inputs")
                                  .Attr<int32_t>("num_outputs")
                                  .Attr<int32_t>("is_ordered")
                                  .Attr<int32_t>("graded_depth")
                                  .Attr<int32_t>("connection_limit")
                                  .Ret<Table>()    // the same tables of the children
                                  .Ret<Table>()
                                  .Ret<Table>()
                                  .Ret<Table>()
                                  .Ret<Table>()
                                  .Ret<Table>()
                                  .Ret<Flags>()
                                  .Ret<Table>()
                                  .Ret<Table>()
                                  .Ret<Table>()    // kind [P]
                                  .Ret<Flags>());  // overflow [P]
