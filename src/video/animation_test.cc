// GIF, APNG and animated WebP are videos.
#include "video/animation.h"

#include <gmock/gmock.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "base/file.h"
#include "video/image.h"
#include "video/sandbox_fixture.h"

namespace shijian::video {
namespace {

using ::testing::HasSubstr;

class AnimationTest : public SandboxTest {
 protected:
  static constexpr int kFrames = 20, kDelay = 120;  // milliseconds

  // `count` numbered pictures, white and black, as libwebp's own tools would write them.
  std::filesystem::path webp(const std::string& name, int count, int delay) {
    WebPAnimEncoderOptions options;
    WebPAnimEncoderOptionsInit(&options);
    WebPAnimEncoder* encoder = WebPAnimEncoderNew(kWidth, kHeight, &options);
    WebPConfig config;
    WebPConfigInit(&config);
    config.lossless = 1;
    for (int n = 0; n < count; ++n) {
      const std::string grey = numbered(n);
      std::vector<uint8_t> rgba;
      // White is transparent: what stands there by itself is black.
      for (const char value : grey) {
        rgba.insert(rgba.end(), {0, 0, 0, static_cast<uint8_t>(value == 0 ? 255 : 0)});
      }
      WebPPicture picture;
      WebPPictureInit(&picture);
      picture.use_argb = 1;
      picture.width = kWidth;
      picture.height = kHeight;
      EXPECT_TRUE(WebPPictureImportRGBA(&picture, rgba.data(), kWidth * 4));
      EXPECT_TRUE(WebPAnimEncoderAdd(encoder, &picture, n * delay, &config));
      WebPPictureFree(&picture);
    }
    EXPECT_TRUE(WebPAnimEncoderAdd(encoder, nullptr, count * delay, nullptr));
    WebPData data;
    WebPDataInit(&data);
    EXPECT_TRUE(WebPAnimEncoderAssemble(encoder, &data));
    const auto path =
        write(name, std::string(reinterpret_cast<const char*>(data.bytes), data.size));
    WebPDataClear(&data);
    WebPAnimEncoderDelete(encoder);
    return path;
  }

  void expect_video(const std::filesystem::path& path, const std::string& format, double delay) {
    EXPECT_FALSE(is_still_image(path)) << path;
    for (const bool sandboxed : {false, true}) {
      sandboxed ? start_decode_sandbox() : stop_decode_sandbox();
      const VideoInfo info = probe(path);
      EXPECT_EQ(info.container, format);
      EXPECT_EQ(info.codec, format);
      ASSERT_EQ(info.frame_count, kFrames) << path;
      EXPECT_NEAR(info.duration, kFrames * delay, 0.011) << path;
      for (int i = 0; i < kFrames; ++i) EXPECT_NEAR(info.frame_time(i), i * delay, 0.006) << path;
      EXPECT_FALSE(info.damaged);
      expect_numbers(path, info, samples(kFrames));
      // Pictures are drawn over those before: one alone needs them all.
      expect_numbers(path, info, samples(2));
      SamplingOptions late;
      late.from = 15.5 * delay;
      late.to = 18.5 * delay;
      expect_numbers(path, info, late);
    }
    stop_decode_sandbox();
  }
};

TEST_F(AnimationTest, AreReadAsVideos) {
  const std::string rate = "25/3";  // 120 ms
  expect_video(make("a.gif", kFrames, rate, "-c:v gif"), "gif", 0.12);
  expect_video(make("a.png", kFrames, rate, "-c:v apng -plays 0 -f apng"), "apng", 0.12);
  // White as a hole: what shows through is white again.
  expect_video(
      make("hole.apng", kFrames, rate,
           "-vf \"format=rgba,colorkey=white:0.1:0,geq=r=0:g=0:b=0:a='alpha(X,Y)'\" -c:v apng"),
      "apng", 0.12);
  expect_video(webp("a.webp", kFrames, kDelay), "webp", 0.12);
}

// Players show delays of 0 and 1 hundredths of a second for a tenth.
TEST_F(AnimationTest, DelaysTooShortAreATenth) {
  const auto gif = make("a.gif", kFrames, "25", "-c:v gif");
  std::string bytes = read_file(gif, 1 << 24);
  for (size_t at = 0; (at = bytes.find("\x21\xf9\x04", at)) != std::string::npos; ++at) {
    bytes[at + 4] = 1;
    bytes[at + 5] = 0;
  }
  expect_video(write("fast.gif", bytes), "gif", 0.1);
  expect_video(webp("fast.webp", kFrames, 10), "webp", 0.1);
  for (const char* rate : {"100", "200"}) {
    expect_video(make("fast.apng", kFrames, rate, "-c:v apng"), "apng", 0.1);
  }
}

// Frames that clear their place before the next one: only what is new is there.
TEST_F(AnimationTest, DisposalClears) {
  std::string bytes = "GIF89a";
  bytes += std::string("\x10\0\x10\0\x80\0\0", 7);  // 16 x 16, two colours
  bytes += std::string("\xff\xff\xff\0\0\0", 6);    // white, black
  for (int n = 0; n < 3; ++n) {
    bytes += std::string("\x21\xf9\x04\x08\x0a\0\0\0", 8);  // disposal 2, a tenth of a second
    bytes +=
        std::string("\x2c", 1) + static_cast<char>(n * 4) + std::string("\0\0\0\x04\0\x04\0\0", 8);
    // Sixteen black pixels, two bits each before the code size grows, with clear codes between.
    bytes += std::string("\x02\x0d", 2);
    std::string packed;
    int bits = 0, held = 0;
    const auto put = [&](int code) {
      held |= code << bits;
      for (bits += 3; bits >= 8; bits -= 8, held >>= 8) packed += static_cast<char>(held & 255);
    };
    for (int i = 0; i < 16; ++i) {
      if (i % 2 == 0) put(4);
      put(1);
    }
    put(5);
    while (bits > 0) {
      packed += static_cast<char>(held & 255);
      held >>= 8;
      bits -= 8;
    }
    bytes.back() = static_cast<char>(packed.size());
    bytes += packed + std::string(1, '\0');
  }
  bytes += ";";
  const auto path = write("dots.gif", bytes);
  const VideoInfo info = probe(path);
  ASSERT_EQ(info.frame_count, 3);
  DecodeOptions options;
  options.source_size = true;
  const Frames frames =
      decode_frames(path, info, plan_frames(info, samples(3), {}), options, pool_);
  for (int n = 0; n < 3; ++n) {
    for (int dot = 0; dot < 3; ++dot) {
      const int grey = frames.rgb.data<uint8_t>()[((n * 16 + 1) * 16 + dot * 4 + 1) * 3];
      EXPECT_EQ(grey, dot == n ? 0 : 255) << n << dot;
    }
  }
}

// Where a picture is asked for, the first frame is it.
TEST_F(AnimationTest, TheFirstFrameIsAPicture) {
  for (const auto& path : {webp("a.webp", 3, 100), make("a.gif", 3, "10", "-c:v gif"),
                           make("a.apng", 3, "10", "-c:v apng")}) {
    const StillImage image = load_image(path);
    EXPECT_EQ(image.rgb.shape(), (tensor::Shape{kHeight, kWidth, 3})) << path;
    EXPECT_EQ(image.rgb.data<uint8_t>()[0], 0) << path;
  }
}

TEST_F(AnimationTest, StillPicturesStayPictures) {
  for (const auto& path :
       {make("a.gif", 1, "10", "-c:v gif"), make("a.png", 1, "10", "-c:v png -f image2"),
        make("b.png", 1, "10", "-c:v apng -f apng"), make("a.webp", 1, "10", "-c:v libwebp"),
        make("a.jpg", 1, "10", "-pix_fmt yuvj420p -f image2")}) {
    EXPECT_TRUE(is_still_image(path)) << path;
    const Error error = error_of([&] { probe(path); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalid) << path;
    EXPECT_FALSE(error.hint().empty());
  }
}

// A still AVIF is read like MP4, and has items in place of a track.
TEST_F(AnimationTest, AStillAvifIsNoVideo) {
  const std::string codec = "-c:v libaom-av1 -cpu-used 8 -pix_fmt yuv420p";
  const auto still = make("a.avif", 1, "10", codec + " -still-picture 1");
  for (const auto& path : {still, write("longer.avif", read_file(still, 1 << 24) + "behind it")}) {
    const Error error = error_of([&] { probe(path); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalid) << path;
    EXPECT_NE(error.message().find("still picture (avif)"), std::string::npos) << error.message();
  }
  EXPECT_EQ(probe(make("moves.avif", 3, "10", codec)).frame_count, 3);
  EXPECT_EQ(probe(make("one.mp4", 1, "10", codec)).frame_count, 1);
}

TEST_F(AnimationTest, ThoseThatAreCutShortShowWhatIsThere) {
  for (const auto& path : {webp("a.webp", kFrames, 100), make("a.gif", kFrames, "10", "-c:v gif"),
                           make("a.apng", kFrames, "10", "-c:v apng")}) {
    const std::string bytes = read_file(path, 1 << 24);
    EXPECT_TRUE(probe(write("less", bytes.substr(0, bytes.size() - 4))).damaged) << path;
    const auto cut = write("cut", bytes.substr(0, bytes.size() * 2 / 3));
    const VideoInfo info = probe(cut);
    EXPECT_TRUE(info.damaged) << path;
    EXPECT_GE(info.frame_count, kFrames / 2) << path;
    EXPECT_LT(info.frame_count, kFrames) << path;
    SamplingOptions early = samples(6);
    early.to = 0.75;
    expect_numbers(cut, info, early);
  }
}

TEST_F(AnimationTest, DamagedOnesNeverCrash) {
  for (const auto& path : {webp("a.webp", 4, 100), make("a.gif", 4, "10", "-c:v gif"),
                           make("a.apng", 4, "10", "-c:v apng")}) {
    const std::string good = read_file(path, 1 << 24);
    for (size_t round = 0; round < 120; ++round) {
      std::string bytes = good;
      for (size_t k = 0; k < 3; ++k) {
        bytes[(round * 7919 + k * 104729) % (k == 0 ? 64 : bytes.size())] =
            static_cast<char>(round * 31 + k);
      }
      if (round % 4 == 0) bytes.resize(bytes.size() * (round % 97) / 97);
      const auto bad = write("bad", bytes);
      try {
        is_still_image(bad);
        const VideoInfo info = probe(bad);
        decode_frames(bad, info, plan_frames(info, samples(4), {}), {}, pool_);
      } catch (const Error& error) {
        EXPECT_NE(error.code(), ErrorCode::kInternal);
      }
    }
  }
}

}  // namespace
}  // namespace shijian::video
