// Native `express` (../../networks/network.py defines what it computes): genomes to networks, to the bit.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "genome.h"
#include "layout.h"
#include "parallel.h"

namespace ffi = xla::ffi;

namespace {

using namespace wann;
using Result = TableResult;

// One genome's live part.
struct Genome {
  const int32_t *activation, *layer, *source, *target;
  const bool* enabled;
  int num_nodes, num_connections;
};

struct NetworkSizes : Sizes {
  int max_sums;
  int first_sum_slot() const { return kFirstInputSlot + num_inputs; }
  int first_row_slot() const { return first_sum_slot() + max_sums; }
};

constexpr int kNone = -1;

int CeilDiv(int count, int size) { return (count + size - 1) / size; }

// One entry of a row's or a sum's list.
struct Entry {
  int row, column, slot, connection;
};

// Works out one network at a time; keeps its memory for the next.
class Compiler {
 public:
  explicit Compiler(NetworkSizes sizes) : sizes_(sizes) {}

  void Compile(const Genome& genome) {
    FindLive(genome);
    OrderNodes(genome);
    CountSources(genome);
    LayOutRows();
    ListEntries(genome);
  }

  std::vector<int> node;      // by place in the order of evaluation
  std::vector<int> last_row;  // by place: where the node's value is
  std::vector<int> place;     // by node; kNone: not computed
  std::vector<Entry> row_entries, sum_entries;
  std::vector<int> continued_rows;  // rows that begin with the one before
  int num_sums, num_rows, num_enabled;

 private:
  // Takes away, until nothing changes, every node from which no enabled connection leads to a live one.
  void FindLive(const Genome& genome) {
    live_.assign(genome.num_nodes, true);
    for (bool changed = true; changed;) {
      left_.assign(genome.num_nodes, false);
      std::fill(left_.begin() + sizes_.first_output(), left_.begin() + sizes_.num_fixed(), true);
      for (int c = 0; c < genome.num_connections; ++c) {
        left_[genome.source[c]] |= genome.enabled[c] & live_[genome.target[c]];
      }
      changed = left_ != live_;
      live_.swap(left_);
    }
  }

  // Live hidden nodes by layer, then by birth; the outputs last.
  void OrderNodes(const Genome& genome) {
    begin_.assign(genome.num_nodes + 2, 0);
    const auto is_computed = [&](int n) { return n >= sizes_.num_fixed() && live_[n]; };
    for (int n = 0; n < genome.num_nodes; ++n) {
      if (is_computed(n)) ++begin_[genome.layer[n] + 1];
    }
    for (int layer = 1; layer <= genome.num_nodes; ++layer) begin_[layer + 1] += begin_[layer];
    const int num_hidden = begin_[genome.num_nodes + 1];
    node.assign(num_hidden + sizes_.num_outputs, 0);
    place.assign(genome.num_nodes, kNone);
    for (int n = 0; n < genome.num_nodes; ++n) {
      if (is_computed(n)) node[place[n] = begin_[genome.layer[n]]++] = n;
    }
    for (int output = 0; output < sizes_.num_outputs; ++output) {
      node[place[sizes_.first_output() + output] = num_hidden + output] = sizes_.first_output() + output;
    }
  }

  bool IsActive(const Genome& genome, int c) const {
    return genome.enabled[c] && place[genome.target[c]] != kNone &&
           (sizes_.is_input(genome.source[c]) || place[genome.source[c]] != kNone);
  }

  bool GoesToSum(const Genome& genome, int c) const { return sizes_.max_sums > 0 && sizes_.is_input(genome.source[c]); }

  void CountSources(const Genome& genome) {
    num_summed_.assign(node.size(), 0);
    num_others_.assign(node.size(), 0);
    for (int c = 0; c < genome.num_connections; ++c) {
      if (IsActive(genome, c)) ++(GoesToSum(genome, c) ? num_summed_ : num_others_)[place[genome.target[c]]];
    }
  }

  void LayOutRows() {
    first_sum_.resize(node.size());
    first_row_.resize(node.size());
    last_row.resize(node.size());
    continued_rows.clear();
    num_sums = num_rows = 0;
    for (size_t p = 0; p < node.size(); ++p) {
      const int sums = CeilDiv(num_summed_[p], kRowWidth);
      first_sum_[p] = num_sums;
      first_row_[p] = num_rows;
      num_sums += sums;
      num_rows += 1 + CeilDiv(std::max(sums + num_others_[p] - kRowWidth, 0), kRowWidth - 1);
      last_row[p] = num_rows - 1;
      for (int row = first_row_[p] + 1; row <= last_row[p]; ++row) continued_rows.push_back(row);
    }
  }

  // A node's list names its input sums first, each on behalf of its first connection, then its other sources.
  void ListEntries(const Genome& genome) {
    row_entries.clear();
    sum_entries.clear();
    seen_summed_.assign(node.size(), 0);
    seen_others_.assign(node.size(), 0);
    num_enabled = 0;
    for (int c = 0; c < genome.num_connections; ++c) {
      const int number = num_enabled;
      num_enabled += genome.enabled[c];
      if (!IsActive(genome, c)) continue;
      const int p = place[genome.target[c]], source = genome.source[c];
      if (GoesToSum(genome, c)) {
        const int rank = seen_summed_[p]++, sum = first_sum_[p] + rank / kRowWidth;
        sum_entries.push_back({sum, rank % kRowWidth, source + 1, number});
        if (rank % kRowWidth == 0) AddRowEntry(p, rank / kRowWidth, sizes_.first_sum_slot() + sum, kNone);
      } else {
        const int entry = CeilDiv(num_summed_[p], kRowWidth) + seen_others_[p]++;
        AddRowEntry(p, entry, sizes_.is_input(source) ? source + 1 : sizes_.first_row_slot() + last_row[place[source]], number);
      }
    }
  }

  void AddRowEntry(int p, int entry, int slot, int connection) {
    const int spill = entry - kRowWidth;
    const int row = first_row_[p] + (spill < 0 ? 0 : 1 + spill / (kRowWidth - 1));
    row_entries.push_back({row, spill < 0 ? entry : 1 + spill % (kRowWidth - 1), slot, connection});
  }

  NetworkSizes sizes_;
  std::vector<char> live_, left_;
  std::vector<int> begin_, num_summed_, num_others_, seen_summed_, seen_others_, first_sum_, first_row_;
};

// All genomes of a batch: any leading axes.
struct Genomes {
  Table node_activation, node_layer, conn_source, conn_target;
  Flags conn_enabled;
  Table num_nodes, num_connections;

  int64_t count() const { return num_nodes.element_count(); }
  int64_t max_nodes() const { return node_layer.dimensions().back(); }
  int64_t max_connections() const { return conn_source.dimensions().back(); }

  Genome operator[](int64_t i) const {
    return {node_activation.typed_data() + i * max_nodes(),
            node_layer.typed_data() + i * max_nodes(),
            conn_source.typed_data() + i * max_connections(),
            conn_target.typed_data() + i * max_connections(),
            conn_enabled.typed_data() + i * max_connections(),
            num_nodes.typed_data()[i],
            num_connections.typed_data()[i]};
  }
};

// Compiles every genome and hands each to `write`.
template <typename Write>
ffi::Error CompileAll(ffi::ThreadPool& pool, const Genomes& genomes, NetworkSizes sizes, Write write) {
  constexpr int64_t kOperations = 16;  // for each entry of a genome's tables
  const int64_t least = LeastItems(kOperations * (genomes.max_nodes() + genomes.max_connections()));
  InBlocks(pool, genomes.count(), least, [&](int64_t begin, int64_t end) {
    Compiler compiler(sizes);
    for (int64_t i = begin; i < end; ++i) {
      const Genome genome = genomes[i];
      compiler.Compile(genome);
      write(i, genome, compiler);
    }
  });
  return ffi::Error::Success();
}

// One genome's part of a table, which holds `value` now.
int32_t* Filled(Result& table, int64_t genome, int64_t width, int32_t value) {
  return std::fill_n(table->typed_data() + genome * width, width, value) - width;
}

// What the kernels read: slots and activations.
ffi::Error Express(ffi::ThreadPool pool, Table node_activation, Table node_layer, Table conn_source, Table conn_target,
                   Flags conn_enabled, Table num_nodes, Table num_connections, int32_t num_inputs, int32_t num_outputs,
                   Result sum_source, Result row_source, Result row_activation, Result output_slot, Result num_sums,
                   Result num_rows, Result num_enabled) {
  const int64_t max_sums = sum_source->dimensions()[sum_source->dimensions().size() - 2];
  const int64_t max_rows = row_activation->dimensions().back();
  const NetworkSizes sizes{{num_inputs, num_outputs}, static_cast<int>(max_sums)};
  const Genomes genomes{node_activation, node_layer, conn_source, conn_target, conn_enabled, num_nodes, num_connections};
  return CompileAll(pool, genomes, sizes, [&](int64_t i, const Genome& genome, const Compiler& made) {
    int32_t* sums = Filled(sum_source, i, max_sums * kRowWidth, 0);
    int32_t* rows = Filled(row_source, i, max_rows * kRowWidth, 0);
    int32_t* activations = Filled(row_activation, i, max_rows, kPartialSum);
    for (const Entry& entry : made.sum_entries) sums[entry.row * kRowWidth + entry.column] = entry.slot;
    for (const Entry& entry : made.row_entries) rows[entry.row * kRowWidth + entry.column] = entry.slot;
    for (int row : made.continued_rows) rows[row * kRowWidth] = sizes.first_row_slot() + row - 1;
    for (size_t p = 0; p < made.node.size(); ++p) {
      activations[made.last_row[p]] = genome.activation[made.node[p]];
    }
    for (int output = 0; output < num_outputs; ++output) {
      const int row = made.last_row[made.place[sizes.first_output() + output]];
      output_slot->typed_data()[i * num_outputs + output] = sizes.first_row_slot() + row;
    }
    num_sums->typed_data()[i] = made.num_sums;
    num_rows->typed_data()[i] = made.num_rows;
    num_enabled->typed_data()[i] = made.num_enabled;
  });
}

// What weights of their own need: which connection each entry stands for; max_connections: none.
ffi::Error ExpressConnections(ffi::ThreadPool pool, Table node_activation, Table node_layer, Table conn_source,
                              Table conn_target, Flags conn_enabled, Table num_nodes, Table num_connections,
                              int32_t num_inputs, int32_t num_outputs, Result sum_connection, Result row_connection) {
  const int64_t max_sums = sum_connection->dimensions()[sum_connection->dimensions().size() - 2];
  const int64_t max_rows = row_connection->dimensions()[row_connection->dimensions().size() - 2];
  const NetworkSizes sizes{{num_inputs, num_outputs}, static_cast<int>(max_sums)};
  const Genomes genomes{node_activation, node_layer, conn_source, conn_target, conn_enabled, num_nodes, num_connections};
  const int32_t none = static_cast<int32_t>(genomes.max_connections());
  return CompileAll(pool, genomes, sizes, [&](int64_t i, const Genome&, const Compiler& made) {
    int32_t* sums = Filled(sum_connection, i, max_sums * kRowWidth, none);
    int32_t* rows = Filled(row_connection, i, max_rows * kRowWidth, none);
    for (const Entry& entry : made.sum_entries) sums[entry.row * kRowWidth + entry.column] = entry.connection;
    for (const Entry& entry : made.row_entries) {
      if (entry.connection != kNone) rows[entry.row * kRowWidth + entry.column] = entry.connection;
    }
  });
}

auto GenomeBinding() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::ThreadPool>()
      .Arg<Table>()  // node_activation
      .Arg<Table>()  // node_layer
      .Arg<Table>()  // conn_source
      .Arg<Table>()  // conn_target
      .Arg<Flags>()  // conn_enabled
      .Arg<Table>()  // num_nodes
      .Arg<Table>()  // num_connections
      .Attr<int32_t>("num_inputs")
      .Attr<int32_t>("num_outputs");
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(wann_express, Express,
                              GenomeBinding()
                                  .Ret<Table>()    // sum_source
                                  .Ret<Table>()    // row_source
                                  .Ret<Table>()    // row_activation
                                  .Ret<Table>()    // output_slot
                                  .Ret<Table>()    // num_sums
                                  .Ret<Table>()    // num_rows
                                  .Ret<Table>());  // num_enabled
XLA_FFI_DEFINE_HANDLER_SYMBOL(wann_express_connections, ExpressConnections,
                              GenomeBinding()
                                  .Ret<Table>()    // sum_connection
                                  .Ret<Table>());  // row_connection
