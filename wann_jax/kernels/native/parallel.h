// A batch divided over XLA's own threads. Items do not meet, so results are the same for any number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

#include "xla/ffi/api/ffi.h"

namespace wann {

constexpr int kBlocksPerThread = 4;  // blocks differ in work: those who are done early take more of them
constexpr int kSpins = 2000;         // looks at what others still do before the caller sleeps: some microseconds

inline void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

// What the caller and its helpers share. A helper that starts late finds no block left, and touches nothing else.
struct Blocks {
  explicit Blocks(int64_t number) : num_blocks(number) {}

  const int64_t num_blocks;
  std::atomic<int64_t> next{0}, num_done{0};

  template <typename Work>
  void TakeAll(const Work& work) {
    for (int64_t block; (block = next.fetch_add(1, std::memory_order_relaxed)) < num_blocks;) {
      work(block);
      if (num_done.fetch_add(1, std::memory_order_acq_rel) + 1 == num_blocks) num_done.notify_all();
    }
  }

  void WaitForOthers() const {
    for (int spin = 0; spin < kSpins && num_done.load(std::memory_order_acquire) < num_blocks; ++spin) Pause();
    for (int64_t done; (done = num_done.load(std::memory_order_acquire)) < num_blocks;) num_done.wait(done);
  }
};

// Calls work(begin, end) for blocks that together make [0, count), on several threads at once. No block has fewer than
// `least` items but the last: so many that to wake a thread costs little beside them.
//
// It cannot dead-lock, whatever else holds the pool's threads: the caller takes blocks until none is left, and then
// waits only for those that somebody has begun.
template <typename Work>
void InBlocks(xla::ffi::ThreadPool& pool, int64_t count, int64_t least, const Work& work) {
  const int64_t num_threads = count > least ? pool.num_threads() : 1;
  const int64_t even = (count + num_threads * kBlocksPerThread - 1) / std::max<int64_t>(num_threads * kBlocksPerThread, 1);
  const int64_t size = std::max<int64_t>({least, even, 1}), num_blocks = (count + size - 1) / size;
  if (num_threads <= 1 || num_blocks <= 1) {
    if (count > 0) work(int64_t{0}, count);
    return;
  }
  const auto run = [&work, size, count](int64_t block) { work(block * size, std::min(count, (block + 1) * size)); };
  const auto blocks = std::make_shared<Blocks>(num_blocks);
  for (int64_t helper = 1; helper < std::min(num_threads, num_blocks); ++helper) {
    // `run` outlives every block that is begun: see WaitForOthers.
    pool.Schedule([blocks, run = &run] { blocks->TakeAll(*run); });
  }
  blocks->TakeAll(run);
  blocks->WaitForOthers();
}

// The least number of items for a block, from what one item costs in elementary operations.
inline int64_t LeastItems(int64_t operations) {
  constexpr int64_t kOperations = 1 << 13;  // about ten microseconds
  return std::max<int64_t>(1, kOperations / std::max<int64_t>(operations, 1));
}

}  // namespace wann
