// A batch divided over XLA's own threads. Items do not meet, so results are the same for any number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>

#include "xla/ffi/api/ffi.h"

namespace wann {

constexpr int kBlocksPerThread = 4;  // blocks differ in work: those who are done early take more of them
constexpr int kSpins = 4000;         // looks at what others still do before the caller sleeps
constexpr std::chrono::microseconds kPatience{50};  // that a helper waits for the next batch: episodes have one a step

inline void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

// One batch: what its caller and the helpers share. A helper that comes late finds no block left, and touches nothing
// else: `work` may be gone by then.
class Batch {
 public:
  using Call = void (*)(const void* work, int64_t block);

  Batch(int64_t num_blocks, Call call, const void* work) : num_blocks_(num_blocks), call_(call), work_(work) {}

  void TakeAll() {
    for (int64_t block; (block = next_.fetch_add(1, std::memory_order_relaxed)) < num_blocks_;) {
      call_(work_, block);
      if (num_done_.fetch_add(1, std::memory_order_acq_rel) + 1 == num_blocks_) num_done_.notify_all();
    }
  }

  void WaitForOthers() const {
    for (int spin = 0; spin < kSpins && num_done_.load(std::memory_order_acquire) < num_blocks_; ++spin) Pause();
    for (int64_t done; (done = num_done_.load(std::memory_order_acquire)) < num_blocks_;) num_done_.wait(done);
  }

 private:
  const int64_t num_blocks_;
  const Call call_;
  const void* const work_;
  std::atomic<int64_t> next_{0}, num_done_{0};
};

// Where helpers find the batch that was begun last. To wake a thread costs more than a step of an episode: a helper
// that has finished looks out for the next batch for a while before it goes.
class Crew {
 public:
  static Crew& Instance() {
    static Crew& crew = *new Crew;  // never destroyed: helpers may outlive the program's end
    return crew;
  }

  // Offers a batch to those who look out, and calls others.
  void Begin(xla::ffi::ThreadPool& pool, const std::shared_ptr<Batch>& batch, int64_t num_helpers) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      batch_ = batch;
    }
    number_.fetch_add(1, std::memory_order_release);
    for (int64_t here = num_waiting_.load(std::memory_order_relaxed); here < num_helpers; ++here) {
      pool.Schedule([this, batch] { Help(batch); });
    }
  }

 private:
  void Help(std::shared_ptr<Batch> batch) {
    for (uint64_t seen = number_.load(std::memory_order_acquire); batch != nullptr;) {
      batch->TakeAll();
      batch = Next(seen);
    }
  }

  std::shared_ptr<Batch> Next(uint64_t& seen) {
    num_waiting_.fetch_add(1, std::memory_order_relaxed);
    const auto end = std::chrono::steady_clock::now() + kPatience;
    uint64_t now = seen;
    do {
      for (int spin = 0; spin < 8 && (now = number_.load(std::memory_order_acquire)) == seen; ++spin) Pause();
    } while (now == seen && std::chrono::steady_clock::now() < end);
    num_waiting_.fetch_sub(1, std::memory_order_relaxed);
    if (now == seen) return nullptr;
    seen = now;
    const std::lock_guard<std::mutex> lock(mutex_);
    return batch_;
  }

  std::mutex mutex_;
  std::shared_ptr<Batch> batch_;
  std::atomic<uint64_t> number_{0};
  std::atomic<int64_t> num_waiting_{0};
};

// Calls work(begin, end) for blocks that together make [0, count), on several threads at once. Blocks have
// `least` items or more, but for the last: so many that a second thread is worth its while.
//
// It cannot dead-lock, whatever else holds the pool's threads: the caller takes blocks until none is left, and then
// waits only for those that somebody has begun.
template <typename Work>
void InBlocks(xla::ffi::ThreadPool& pool, int64_t count, int64_t least, const Work& work) {
  const int64_t num_threads = count > least ? std::max<int64_t>(pool.num_threads(), 1) : 1;
  const int64_t wanted = std::min(num_threads * kBlocksPerThread, std::max<int64_t>(count / least, 1));
  const int64_t size = (count + wanted - 1) / wanted, num_blocks = size > 0 ? (count + size - 1) / size : 0;
  if (num_threads == 1 || num_blocks <= 1) {
    if (count > 0) work(int64_t{0}, count);
    return;
  }
  const auto run = [&](int64_t block) { work(block * size, std::min(count, (block + 1) * size)); };
  const auto call = [](const void* run_on, int64_t block) { (*static_cast<decltype(&run)>(run_on))(block); };
  const auto batch = std::make_shared<Batch>(num_blocks, call, &run);
  Crew::Instance().Begin(pool, batch, std::min(num_threads, num_blocks) - 1);
  batch->TakeAll();
  batch->WaitForOthers();
}

// The least number of items for a block, from what one item costs in elementary operations.
inline int64_t LeastItems(int64_t operations) {
  constexpr int64_t kOperations = 1 << 12;  // some microseconds
  return std::max<int64_t>(1, kOperations / std::max<int64_t>(operations, 1));
}

}  // namespace wann
