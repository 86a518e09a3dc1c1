// The field as racing cars' cameras see it, and the cars: ../../envs/car_racing/picture.py defines what it computes.

#include <cstring>

#include "biped_math.h"
#include "parallel.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

using namespace wann::biped;

constexpr int kSize = WANN_LENS_SIZE, kCarRow = WANN_CAR_ROW, kCarRows = WANN_CAR_ROWS;
constexpr int kCarColumn = WANN_CAR_COLUMN, kCarColumns = WANN_CAR_COLUMNS;

using Floats = ffi::Buffer<ffi::F32>;
using Ints = ffi::Buffer<ffi::S32>;

// Packed colours of a row of pixels, from the window's place of its first pixel.
void DrawRow(const uint32_t* level, int side, Pack x, Pack y, Pack step_x, Pack step_y, uint32_t* colours) {
  for (int begin = 0; begin < kSize; begin += kLanes) {
    int32_t texel[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      const float column = std::floor(x[lane]), row = std::floor(y[lane]);
      const bool is_in = column >= 0.0f && row >= 0.0f && column < side && row < side;
      texel[lane] = is_in ? static_cast<int>(row) * side + static_cast<int>(column) : -1;
    }
    for (int lane = 0; lane < kLanes; ++lane) colours[begin + lane] = texel[lane] < 0 ? 0u : level[texel[lane]];
    x += step_x, y += step_y;
  }
}

void DrawCar(const float* layer, uint8_t* pixels) {
  for (int r = 0; r < kCarRows; ++r) {
    for (int c = 0; c < kCarColumns; ++c, layer += 4) {
      uint8_t* pixel = pixels + ((kCarRow + r) * kSize + kCarColumn + c) * 3;
      for (int i = 0; i < 3; ++i) pixel[i] = static_cast<uint8_t>(pixel[i] * (1.0f - layer[3]) + layer[i] + 0.5f);
    }
  }
}

// texels [..], rows [64], columns [64], middle x, middle y, across, along [B], side, first [B], car [B, 12, 8, 4] ->
// pixels [B, 64, 64, 3].
ffi::Error Draw(ffi::ThreadPool pool, ffi::Buffer<ffi::U32> texels, Floats rows, Floats columns, Floats middle_x,
                Floats middle_y, Floats across, Floats along, Ints side, Ints first, Floats car,
                ffi::ResultBuffer<ffi::U8> pixels) {
  const float *ahead = rows.typed_data(), *left = columns.typed_data();
  Pack spread;
  for (int lane = 0; lane < kLanes; ++lane) spread[lane] = left[lane];
  const float width = left[kLanes] - left[0];
  const auto draw = [&](int64_t b) {
    const float turn_x = across.typed_data()[b], turn_y = along.typed_data()[b];
    const uint32_t* level = texels.typed_data() + first.typed_data()[b];
    uint8_t* picture = pixels->typed_data() + b * kSize * kSize * 3;
    for (int r = 0; r < kSize; ++r) {
      uint32_t colours[kSize];
      const Pack x = (middle_x.typed_data()[b] - turn_y * ahead[r]) + turn_x * spread;
      const Pack y = (middle_y.typed_data()[b] + turn_x * ahead[r]) + turn_y * spread;
      DrawRow(level, side.typed_data()[b], x, y, All<Pack>(turn_x * width), All<Pack>(turn_y * width), colours);
      uint8_t* row = picture + r * kSize * 3;
      for (int c = 0; c < kSize; ++c) {
        row[3 * c] = colours[c] & 255, row[3 * c + 1] = colours[c] >> 8 & 255, row[3 * c + 2] = colours[c] >> 16 & 255;
      }
    }
    DrawCar(car.typed_data() + b * kCarRows * kCarColumns * 4, picture);
  };
  wann::InBlocks(pool, side.element_count(), wann::LeastItems(kSize * kSize), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) draw(b);
  });
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(wann_car_picture, Draw,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::Buffer<ffi::U32>>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Ints>()
                                  .Arg<Ints>()
                                  .Arg<Floats>()
                                  .Ret<ffi::Buffer<ffi::U8>>());
