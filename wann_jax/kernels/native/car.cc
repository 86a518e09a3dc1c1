// One step of many racing cars, sixteen at once: ../../envs/car_racing/drive.py defines what it computes. Lanes are the last
// axis of every array. Contacts are found car by car, as each looks at other tiles.

#include <algorithm>
#include <cstring>

#include "car_motion.h"
#include "parallel.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

using namespace wann::car;
using wann::car::Body;

constexpr int kWindow = WANN_TILE_MAP_WINDOW, kCells = WANN_TILE_MAP_CELLS;
constexpr int kMaxTiles = WANN_TRACK_MAX_TILES, kWords = WANN_DRIVE_NUM_WORDS;
constexpr float kField = WANN_TRACK_FIELD, kMargin = WANN_CONTACTS_MARGIN, kHalfWidth = WANN_PARTS_WHEEL_HALF_WIDTH;
constexpr float kGrip[] = {WANN_DYNAMICS_GRIP};  // on grass and on the road

struct Tracks {
  const float* corners;  // [K, tiles, 4, 2]
  const int32_t *num_tiles, *first_tile;
};

bool IsWide(float gap, float x, float y) { return gap > 0.0f && gap * gap >= kMargin * kMargin * (x * x + y * y); }

// contacts.py's test of one quad against a wheel; most are settled by an edge, or by the wheel's middle.
bool Touches(const float* corners, float wheel_x, float wheel_y, float sine, float cosine) {
  float x[4], y[4];
  for (int i = 0; i < 4; ++i) {
    const float dx = corners[2 * i] - wheel_x, dy = corners[2 * i + 1] - wheel_y;
    x[i] = cosine * dx + sine * dy, y[i] = cosine * dy - sine * dx;
  }
  bool holds_middle = true;
  for (int i = 0; i < 4; ++i) {
    const float normal_x = y[(i + 1) & 3] - y[i], normal_y = x[i] - x[(i + 1) & 3];
    const float middle = -(normal_x * x[i] + normal_y * y[i]);
    holds_middle &= middle < 0.0f;
    if (IsWide(middle - std::abs(normal_x) * kHalfWidth - std::abs(normal_y) * kRadius, normal_x, normal_y)) return false;
  }
  if (holds_middle) return true;
  for (int i = 0; i < 4; ++i) {
    const float near_x = std::clamp(x[i], -kHalfWidth, kHalfWidth), near_y = std::clamp(y[i], -kRadius, kRadius);
    const float way_x = x[i] - near_x, way_y = y[i] - near_y;
    float gap = INFINITY;
    for (int j = 0; j < 4; ++j) gap = std::min(gap, way_x * (x[j] - near_x) + way_y * (y[j] - near_y));
    if (IsWide(gap, way_x, way_y)) return false;
  }
  return true;
}

int Cell(float coordinate) {
  const float cell = std::floor((coordinate + kField) / (2.0f * kField / kCells));
  return static_cast<int>(std::clamp(cell, 0.0f, static_cast<float>(kCells - 1)));  // NaN gives 0 or an end
}

// Marks the tiles under one wheel; returns whether there are any.
bool Visit(const Tracks& tracks, int64_t track, float x, float y, float sine, float cosine, uint32_t* visited) {
  if (!(std::abs(x) < 1e6f && std::abs(y) < 1e6f)) return false;
  const int first = tracks.first_tile[(track * kCells + Cell(y)) * kCells + Cell(x)];
  if (first < 0) return false;
  const int number = tracks.num_tiles[track];
  bool found = false;
  for (int k = 0; k < kWindow; ++k) {
    const int tile = first + k >= number ? first + k - number : first + k;
    if (!Touches(tracks.corners + (track * kMaxTiles + tile) * 8, x, y, sine, cosine)) continue;
    visited[tile >> 5] |= 1u << (tile & 31);
    found = true;
  }
  return found;
}

// Every number of sixteen cars, row by row as the arrays' leading axes have them.
template <class Visit>
void EachRow(Cars& car, Visit visit) {
  const auto body = [&](int array, int row, int rows, Body& b) {
    visit(array, row, b.x), visit(array, rows + row, b.y), visit(array, 2 * rows + row, b.angle);
  };
  body(0, 0, 1, car.hull), body(1, 0, 1, car.hull_velocity);
  for (int w = 0; w < kWheels; ++w) {
    body(2, w, kWheels, car.wheel[w]), body(3, w, kWheels, car.wheel_velocity[w]);
    visit(4, w, car.spin[w]), visit(5, w, car.phase[w]), visit(6, w, car.hold[w]);
    visit(7, w, car.pull[w].x), visit(7, kWheels + w, car.pull[w].y);
  }
  visit(8, 0, car.gas);
}

Pack Load(const float* row, int count) {  // past the end, the last lane again
  Pack pack;
  if (count >= kLanes) {
    std::memcpy(&pack, row, sizeof pack);
  } else {
    for (int lane = 0; lane < kLanes; ++lane) pack[lane] = row[std::min(lane, count - 1)];
  }
  return pack;
}

// parts [12], corners, num_tiles, first_tile, track_index [B], steer, gas, brake [B], Car's arrays [..., B], on_road [4, B],
// visited [13, B] -> Car's arrays, on_road, visited after the step.
ffi::Error StepCars(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results) {
  constexpr int kFirst = 8, kFields = 9;
  const auto floats = [&](size_t i) { return arguments.get<ffi::Buffer<ffi::F32>>(i)->typed_data(); };
  const auto ints = [&](size_t i) { return arguments.get<ffi::Buffer<ffi::S32>>(i)->typed_data(); };
  Parts parts;
  std::memcpy(&parts, floats(0), sizeof parts);
  const Tracks tracks = {floats(1), ints(2), ints(3)};
  const int32_t* track_index = ints(4);
  const int64_t number = arguments.get<ffi::Buffer<ffi::S32>>(4)->element_count();
  const bool* was_on_road = arguments.get<ffi::Buffer<ffi::PRED>>(kFirst + kFields)->typed_data();
  const uint32_t* was_visited = arguments.get<ffi::Buffer<ffi::U32>>(kFirst + kFields + 1)->typed_data();
  bool* on_road = (*results.get<ffi::Buffer<ffi::PRED>>(kFields))->typed_data();
  uint32_t* visited = (*results.get<ffi::Buffer<ffi::U32>>(kFields + 1))->typed_data();
  const float *wishes[3] = {floats(5), floats(6), floats(7)}, *from[kFields];
  float* to[kFields];
  for (int i = 0; i < kFields; ++i) from[i] = floats(kFirst + i), to[i] = (*results.get<ffi::Buffer<ffi::F32>>(i))->typed_data();
  const auto step = [&](int64_t begin) {
    const int count = static_cast<int>(std::min<int64_t>(kLanes, number - begin));
    Cars car;
    EachRow(car, [&](int array, int row, Pack& pack) { pack = Load(from[array] + row * number + begin, count); });
    const Controls controls = {Load(wishes[0] + begin, count), Load(wishes[1] + begin, count), Load(wishes[2] + begin, count)};
    Pack sine[kWheels], cosine[kWheels], grip[kWheels];
    for (int w = 0; w < kWheels; ++w) {
      SinCos(car.wheel[w].angle, sine[w], cosine[w]);
      for (int lane = 0; lane < kLanes; ++lane) {
        grip[w][lane] = kGrip[was_on_road[w * number + begin + std::min(lane, count - 1)]];
      }
    }
    for (int lane = 0; lane < count; ++lane) {
      uint32_t words[kWords];
      for (int i = 0; i < kWords; ++i) words[i] = was_visited[i * number + begin + lane];
      for (int w = 0; w < kWheels; ++w) {
        on_road[w * number + begin + lane] = Visit(tracks, track_index[begin + lane], car.wheel[w].x[lane],
                                                   car.wheel[w].y[lane], sine[w][lane], cosine[w][lane], words);
      }
      for (int i = 0; i < kWords; ++i) visited[i * number + begin + lane] = words[i];
    }
    MoveCars(car, parts, controls, grip, sine, cosine);
    EachRow(car, [&](int array, int row, Pack& pack) {
      std::memcpy(to[array] + row * number + begin, &pack, count * sizeof(float));
    });
  };
  constexpr int64_t kOperations = 2000;  // for each car
  const int64_t num_groups = (number + kLanes - 1) / kLanes;
  wann::InBlocks(pool, num_groups, wann::LeastItems(kLanes * kOperations), [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) step(group * kLanes);
  });
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(wann_car, StepCars, ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().RemainingArgs().RemainingRets());
