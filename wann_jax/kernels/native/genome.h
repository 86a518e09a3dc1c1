// Gene tables as ../../genomes/genome.py lays them out.
#pragma once

#include <cstdint>

#include "xla/ffi/api/ffi.h"

namespace wann {

using Table = xla::ffi::Buffer<xla::ffi::S32>;
using Flags = xla::ffi::Buffer<xla::ffi::PRED>;
using Seeds = xla::ffi::Buffer<xla::ffi::U32>;
using Floats = xla::ffi::Buffer<xla::ffi::F32>;
using TableResult = xla::ffi::ResultBuffer<xla::ffi::S32>;
using FlagsResult = xla::ffi::ResultBuffer<xla::ffi::PRED>;

// Node slots, in order: bias, inputs, outputs, hidden nodes.
struct Sizes {
  int num_inputs, num_outputs;
  int first_output() const { return 1 + num_inputs; }
  int num_fixed() const { return 1 + num_inputs + num_outputs; }
  bool is_input(int node) const { return node < first_output(); }
};

}  // namespace wann
