// ../../genomes/hashing.py, to the bit.
#pragma once

#include <cstdint>

namespace wann {

inline uint32_t Mix(uint32_t bits) {
  bits = (bits ^ (bits >> 16)) * 0x85EBCA6Bu;
  bits = (bits ^ (bits >> 13)) * 0xC2B2AE35u;
  return bits ^ (bits >> 16);
}

}  // namespace wann
