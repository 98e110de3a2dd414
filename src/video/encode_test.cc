#include "video/encode.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "video/decode.h"
#include "video/test_video.h"

namespace shijian::video {
namespace {

constexpr int kAcross = 96, kDown = 64, kFrames = 9;

// A soft picture that changes from frame to frame.
void draw(int index, uint8_t* rgb) {
  for (int y = 0; y < kDown; ++y) {
    for (int x = 0; x < kAcross; ++x) {
      *rgb++ = static_cast<uint8_t>(60 + x);
      *rgb++ = static_cast<uint8_t>(40 + 2 * y);
      *rgb++ = static_cast<uint8_t>(20 + 25 * index);
    }
  }
}

// The mean difference of an image from what is drawn.
double difference(int index, const ConstImage& image) {
  std::vector<uint8_t> drawn(size_t{kAcross} * kDown * 3);
  draw(index, drawn.data());
  double sum = 0;
  for (int y = 0; y < kDown; ++y) {
    for (int x = 0; x < kAcross * 3; ++x) {
      sum += std::abs(drawn[y * kAcross * 3 + x] - image.data[y * image.stride + x]);
    }
  }
  return sum / static_cast<double>(drawn.size());
}

EncodeOptions options_for(const std::string& codec) {
  EncodeOptions options;
  options.codec = codec;
  options.preset = "ultrafast";
  options.quality = codec == "mpeg4" ? 3 : 20;
  options.b_frames = codec == "mpeg4" ? 0 : 2;
  return options;
}

class Encoding : public TestVideos {};

TEST_F(Encoding, FilesShowWhatIsDrawnAtItsTime) {
  for (const char* codec : {"libx264", "mpeg4"}) {
    const std::string bytes =
        encode_mp4(options_for(codec), kAcross, kDown, {30000, 1001}, kFrames, draw);
    EXPECT_TRUE(bytes ==
                encode_mp4(options_for(codec), kAcross, kDown, {30000, 1001}, kFrames, draw));
    const auto path = write("drawn.mp4", bytes);
    const VideoInfo info = probe(path);
    EXPECT_EQ(info.frame_count, kFrames);
    EXPECT_EQ(info.frame_rate.num, 30000);
    EXPECT_EQ(info.frame_rate.den, 1001);
    EXPECT_FALSE(info.variable_rate);
    EXPECT_EQ(info.start_time, 0);
    DecodeOptions decoding;
    decoding.source_size = true;
    const Frames frames =
        decode_frames(path, info, plan_frames(info, samples(kFrames), {}), decoding, pool_);
    ASSERT_EQ(frames.shown.size(), size_t{kFrames});
    for (int i = 0; i < kFrames; ++i) {
      EXPECT_EQ(frames.shown[i], i);
      const uint8_t* rgb = frames.rgb.data<uint8_t>() + size_t{kAcross} * kDown * 3 * i;
      EXPECT_LT(difference(i, {rgb, kDown, kAcross, int64_t{kAcross} * 3}), 5) << codec;
    }
  }
}

TEST_F(Encoding, EveryFrameComesBack) {
  for (const char* codec : {"libx264", "mpeg4"}) {
    int next = 0;
    recompress(options_for(codec), kAcross, kDown, kFrames, draw,
               [&](int i, const ConstImage& image) {
                 EXPECT_EQ(i, next++);
                 EXPECT_EQ(image.width, kAcross);
                 EXPECT_EQ(image.height, kDown);
                 EXPECT_LT(difference(i, image), 5) << codec;
               });
    EXPECT_EQ(next, kFrames);
  }
}

TEST_F(Encoding, ACodecThatIsMissingIsAnError) {
  try {
    encode_mp4(options_for("no-such-codec"), kAcross, kDown, {25, 1}, 1, draw);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_EQ(error.message(), "encode video: libavcodec has no encoder no-such-codec");
  }
}

}  // namespace
}  // namespace shijian::video
