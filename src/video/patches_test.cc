#include "video/patches.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/file.h"
#include "source_dir.h"
#include "video/image.h"
#include "video/resize.h"

namespace shijian::video {
namespace {

// The noise of tests/video/make_resize_fixture.py.
tensor::Tensor noise(int64_t height, int64_t width) {
  tensor::Tensor out(tensor::DType::kU8, {height, width, 3});
  for (uint32_t i = 0; i < out.elements(); ++i) {
    uint32_t x = i * 2654435761u + 12345u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    out.data<uint8_t>()[i] = static_cast<uint8_t>(x >> 8);
  }
  return out;
}

// From frames to patches as the reference's processors go: size, resize, order, values.
TEST(PatchesTest, GivesTheReferencesValues) {
  const std::string file = read_file(source_dir() / "tests/video/patches.bin", 1 << 20);
  size_t at = 0;
  auto read = [&](auto value) {
    std::memcpy(&value, file.data() + at, 4);
    at += 4;
    return value;
  };
  ThreadPool pool(2);
  const PatchGeometry geometry;
  const int cases = read(int32_t{});
  for (int i = 0; i < cases; ++i) {
    const bool video = read(int32_t{}) != 0;
    const int frames = read(int32_t{}), height = read(int32_t{}), width = read(int32_t{});
    const int low = read(int32_t{}), high = read(int32_t{});
    const int64_t rows = read(int32_t{}), columns = read(int32_t{}), step = read(int32_t{});
    const tensor::Tensor source = noise(int64_t{frames} * height, width);
    tensor::Tensor patches;
    if (video) {
      const Size size = smart_resize_video(frames, height, width, 2, 32, low, high);
      tensor::Tensor resized(tensor::DType::kU8, {frames, size.height, size.width, 3});
      for (int f = 0; f < frames; ++f) {
        resize_bicubic({source.data<uint8_t>() + int64_t{f} * height * width * 3, height, width,
                        int64_t{width} * 3},
                       {resized.data<uint8_t>() + int64_t{f} * size.height * size.width * 3,
                        size.height, size.width, int64_t{size.width} * 3},
                       pool);
      }
      patches = make_patches(resized, geometry, pool);
    } else {
      patches = image_patches(source, {low, high}, geometry, pool).patches;
    }
    ASSERT_EQ(patches.shape(), (tensor::Shape{rows, columns}));
    int64_t different = 0, samples = 0;
    float worst = 0;
    for (int64_t k = 0; k < rows * columns; k += step, ++samples) {
      const float error = std::abs(patches.floats()[k] - read(float{}));
      different += error > 1e-6f;
      worst = std::max(worst, error);
    }
    EXPECT_LE(different * 1000, samples) << "case " << i;
    EXPECT_LE(worst, 1.001f / 127.5f) << "case " << i;
  }
  EXPECT_EQ(at, file.size());
}

TEST(PatchesTest, ThreadsChangeNothing) {
  tensor::Tensor frames(tensor::DType::kU8, {3, 64, 96, 3});
  const tensor::Tensor pixels = noise(3 * 64, 96);
  std::memcpy(frames.data<uint8_t>(), pixels.data<uint8_t>(), frames.elements());
  ThreadPool one(1), four(4);
  const tensor::Tensor a = make_patches(frames, {}, one), b = make_patches(frames, {}, four);
  EXPECT_EQ(std::memcmp(a.data<float>(), b.data<float>(), a.elements() * 4), 0);
}

}  // namespace
}  // namespace shijian::video
