#include "video/resize.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/file.h"
#include "source_dir.h"

namespace shijian::video {
namespace {

// The inputs of tests/video/make_resize_fixture.py.
std::vector<uint8_t> picture(int kind, int height, int width) {
  std::vector<uint8_t> out(static_cast<size_t>(height) * width * 3);
  for (uint32_t i = 0; i < out.size(); ++i) {
    uint32_t x = i * 2654435761u + 12345u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    const uint32_t noise = x >> 8 & 255;
    if (kind == 0) {
      out[i] = static_cast<uint8_t>(noise);
    } else if (kind == 1) {
      out[i] = static_cast<uint8_t>(i / 3 % width * 5 + i / (3 * width) * 3 + i % 3 * 40);
    } else {
      out[i] = noise & 1 ? 255 : 0;
    }
  }
  return out;
}

TEST(ResizeTest, GivesTheReferencesBytes) {
  const std::string file = read_file(source_dir() / "tests/video/resize.bin", 1 << 20);
  size_t at = 0;
  auto number = [&] {
    int32_t v;
    std::memcpy(&v, file.data() + at, 4);
    at += 4;
    return v;
  };
  ThreadPool pool(2);
  const int cases = number();
  ASSERT_GE(cases, 10);
  for (int i = 0; i < cases; ++i) {
    const int kind = number(), h = number(), w = number(), oh = number(), ow = number();
    const std::vector<uint8_t> in = picture(kind, h, w);
    std::vector<uint8_t> out(static_cast<size_t>(oh) * ow * 3);
    resize_bicubic({in.data(), h, w, w * 3}, {out.data(), oh, ow, ow * 3}, pool);
    size_t differ = 0;
    int worst = 0;
    for (size_t k = 0; k < out.size(); ++k, ++at) {
      const int d = std::abs(out[k] - static_cast<uint8_t>(file[at]));
      differ += d != 0;
      worst = std::max(worst, d);
    }
    EXPECT_LE(worst, 1) << w << 'x' << h << " to " << ow << 'x' << oh;
    EXPECT_LE(differ, out.size() / 1000) << w << 'x' << h << " to " << ow << 'x' << oh;
  }
  EXPECT_EQ(at, file.size());
}

TEST(ResizeTest, StrideAndThreadsChangeNothing) {
  const int h = 61, w = 83, oh = 32, ow = 96;
  const std::vector<uint8_t> in = picture(0, h, w);
  std::vector<uint8_t> expected(oh * ow * 3), padded_in(h * 300), padded_out(oh * 400, 7);
  ThreadPool one(1), three(3);
  resize_bicubic({in.data(), h, w, w * 3}, {expected.data(), oh, ow, ow * 3}, one);
  for (int y = 0; y < h; ++y) std::memcpy(&padded_in[y * 300], &in[y * w * 3], w * 3);
  resize_bicubic({padded_in.data(), h, w, 300}, {padded_out.data(), oh, ow, 400}, three);
  for (int y = 0; y < oh; ++y) {
    EXPECT_EQ(std::memcmp(&padded_out[y * 400], &expected[y * ow * 3], ow * 3), 0) << y;
    EXPECT_EQ(padded_out[y * 400 + ow * 3], 7) << "writes past the row";
  }
}

TEST(ResizeTest, AFlatPictureStaysFlat) {
  const std::vector<uint8_t> in(50 * 70 * 3, 201);
  std::vector<uint8_t> out(96 * 32 * 3);
  ThreadPool pool(1);
  resize_bicubic({in.data(), 50, 70, 210}, {out.data(), 96, 32, 96}, pool);
  for (uint8_t v : out) ASSERT_NEAR(v, 201, 1);
}

}  // namespace
}  // namespace shijian::video
