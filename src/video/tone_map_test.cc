#include "video/tone_map.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <random>

#include "video/clip.h"
#include "video/sandbox_fixture.h"

namespace shijian::video {
namespace {

using ::testing::HasSubstr;

// Values of the standards: SMPTE ST 2084 puts 100 cd/m² at 0.5081 and 203 at 0.5807, ITU-R BT.2100
// puts HLG's reference white at 0.75.
TEST(ToneMapTest, KnownValues) {
  const Colour pq{Transfer::kPq, Primaries::kBt2020, 1000};
  const auto grey = [](double value, const Colour& colour) {
    const auto rgb = to_bt709({value, value, value}, colour);
    EXPECT_NEAR(rgb[0], rgb[1], 1e-3);
    EXPECT_NEAR(rgb[1], rgb[2], 1e-3);
    return rgb[1];
  };
  EXPECT_EQ(grey(0, pq), 0);
  EXPECT_NEAR(grey(1, pq), 1, 1e-3);
  EXPECT_NEAR(grey(0.7518, pq), 1, 2e-3);  // its peak
  // Below the knee light is kept: 50 cd/m² are 0.2463 of 203.
  EXPECT_NEAR(grey(0.4401, pq), 1.099 * std::pow(50 / 203.0, 0.45) - 0.099, 2e-3);
  EXPECT_GT(grey(0.5807, pq), 0.8);  // reference white stays bright, and leaves room above
  EXPECT_LT(grey(0.5807, pq), 0.95);
  const Colour hlg{Transfer::kHlg, Primaries::kBt2020, 1000};
  EXPECT_NEAR(grey(0.75, hlg), grey(0.5807, pq), 0.01);  // 203 cd/m² too
  EXPECT_NEAR(grey(1, hlg), 1, 1e-3);
  // A display of no more than reference white needs no bending.
  EXPECT_NEAR(grey(0.5081, {Transfer::kPq, Primaries::kBt2020, 203}),
              1.099 * std::pow(100 / 203.0, 0.45) - 0.099, 2e-3);
  // Red of BT.709 in BT.2020 is red.
  const Colour wide{Transfer::kSdr, Primaries::kBt2020, 0};
  const auto of = [](double light) { return 1.099 * std::pow(light, 0.45) - 0.099; };
  const auto red = to_bt709({of(0.6274), of(0.0691), 4.5 * 0.0164}, wide);
  EXPECT_NEAR(red[0], 1, 2e-3);
  EXPECT_NEAR(red[1], 0, 4e-3);
  EXPECT_NEAR(red[2], 0, 4e-3);
}

TEST(ToneMapTest, TheTableFollowsTheFunction) {
  std::mt19937 random(1);
  for (const Colour& colour : {Colour{Transfer::kPq, Primaries::kBt2020, 1000},
                               Colour{Transfer::kPq, Primaries::kP3, 4000},
                               Colour{Transfer::kHlg, Primaries::kBt2020, 1000}}) {
    const ToneMap map(colour);
    int worst = 0;
    double sum = 0;
    for (int i = 0; i < 20000; ++i) {
      uint16_t in[3];
      uint8_t out[3];
      const int base = static_cast<int>(random() % 65536), spread = 1 << random() % 17;
      std::array<double, 3> rgb;
      for (size_t c = 0; c < 3; ++c) {
        const int off = static_cast<int>(random() % static_cast<unsigned>(spread)) - spread / 2;
        in[c] = static_cast<uint16_t>(std::clamp(base + off, 0, 65535));
        rgb[c] = in[c] / 65535.0;
      }
      map.map_row(in, out, 1);
      const auto exact = to_bt709(rgb, colour);
      const auto [low, high] = std::minmax_element(exact.begin(), exact.end());
      const bool inside = *low > 0.02 && *high < 0.99 && spread <= 4096;
      for (size_t c = 0; c < 3; ++c) {
        const int off = std::abs(static_cast<int>(std::lround(exact[c] * 255)) - out[c]);
        if (inside) worst = std::max(worst, off);
        sum += off;
      }
    }
    EXPECT_LE(worst, 2);  // outside the gamut the function has edges
    EXPECT_LT(sum / 60000, 0.3);
  }
}

class HdrTest : public SandboxTest {
 protected:
  // Grey patches of 16-bit values become one 10-bit picture; ten of them are a clip.
  std::filesystem::path patches(const std::string& name, const std::string& arguments) {
    std::string frame;
    for (int y = 0; y < 64; ++y) {
      for (int x = 0; x < 128; ++x) {
        for (int c = 0; c < 3; ++c) {
          const int value = kValues[x / 32];
          frame += static_cast<char>(value & 255);
          frame += static_cast<char>(value >> 8);
        }
      }
    }
    std::string frames;
    for (int i = 0; i < 10; ++i) frames += frame;
    return encode(name, frames, "rgb48le", 128, 64, "10",
                  "-vf scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p10le " + arguments);
  }
  static constexpr int kValues[4] = {0, 28842, 38057, 49270};  // PQ: 0, 50, 203 and 1000 cd/m²
  static constexpr const char* kPq =
      " -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc";
  static constexpr const char* kHlg =
      " -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc";
  static std::string x265(const std::string& transfer, const std::string& more = "") {
    return "-c:v libx265 -x265-params 'log-level=none:colorprim=bt2020:colormatrix=bt2020nc:"
           "transfer=" +
           transfer + more + "' -crf 10";
  }

  void expect_mapped(const std::filesystem::path& path, Transfer transfer, double peak) {
    for (const bool sandboxed : {false, true}) {
      sandboxed ? start_decode_sandbox() : stop_decode_sandbox();
      const VideoInfo info = probe(path);
      EXPECT_EQ(info.peak_luminance, peak) << path;
      ASSERT_EQ(info.notes.size(), 1u) << path;
      EXPECT_THAT(info.notes[0].english(), HasSubstr("tone-mapped"));
      const Frames frames = decode_frames(path, info, plan_frames(info, samples(2), {}), {}, pool_);
      const int64_t height = frames.rgb.dim(1), width = frames.rgb.dim(2);
      for (int patch = 0; patch < 4; ++patch) {
        const double value = kValues[patch] / 65535.0;
        const auto exact = to_bt709({value, value, value}, {transfer, Primaries::kBt2020, peak});
        const uint8_t* pixel =
            frames.rgb.data<uint8_t>() + (height / 2 * width + width * (2 * patch + 1) / 8) * 3;
        for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(pixel[c], exact[c] * 255, 4) << path << patch;
      }
    }
    stop_decode_sandbox();
  }
};

TEST_F(HdrTest, PicturesAreToneMapped) {
  expect_mapped(patches("pq.mkv", x265("smpte2084") + kPq), Transfer::kPq, 1000);
  expect_mapped(patches("pq.mp4", x265("smpte2084",
                                       ":master-display=G(13250,34500)B(7500,3000)"
                                       "R(34000,16000)WP(15635,16450)"
                                       "L(40000000,50):max-cll=600,400") +
                                      kPq + " -tag:v hvc1"),
                Transfer::kPq, 600);
  expect_mapped(patches("hlg.mp4", x265("arib-std-b67") + kHlg), Transfer::kHlg, 1000);
  expect_mapped(
      patches("vp9.webm", std::string("-c:v libvpx-vp9 -profile:v 2 -crf 10 -b:v 0") + kPq),
      Transfer::kPq, 1000);
}

TEST_F(HdrTest, ExactClipsAreBt709AndSaySo) {
  const auto cut = [&](const std::filesystem::path& video, ClipMode mode) {
    const auto path = dir_ / "clip.mp4";
    std::filesystem::remove(path);
    const Descriptor output(::open(path.c_str(), O_CREAT | O_RDWR, 0600));
    write_clip(video, {{0.2, 0.8}}, mode, output);
    return probe(path);
  };
  const auto pq = patches("pq.mp4", x265("smpte2084") + kPq + " -tag:v hvc1");
  for (const auto& video :
       {pq, patches("hlg.mkv", x265("arib-std-b67") + kHlg),
        patches("wide.mkv", "-c:v libx265 -x265-params log-level=none:colormatrix=bt2020nc")}) {
    const VideoInfo clip = cut(video, ClipMode::kExact);
    EXPECT_EQ(clip.color_matrix, "bt709") << video;
    EXPECT_EQ(clip.color_transfer, "bt709") << video;
    EXPECT_EQ(clip.peak_luminance, 0) << video;
  }
  // The clip shows what the model sees.
  const VideoInfo info = probe(pq);
  const FramePlan plan = plan_frames(info, samples(2), {});
  const Frames seen = decode_frames(pq, info, plan, {}, pool_);
  const VideoInfo clip_info = cut(pq, ClipMode::kExact);
  const Frames shown = decode_frames(dir_ / "clip.mp4", clip_info,
                                     plan_frames(clip_info, samples(2), {}), {}, pool_);
  ASSERT_EQ(seen.rgb.shape(), shown.rgb.shape());
  for (int patch = 0; patch < 4; ++patch) {
    const int64_t at =
        (seen.rgb.dim(1) / 2 * seen.rgb.dim(2) + seen.rgb.dim(2) * (2 * patch + 1) / 8) * 3;
    for (int c = 0; c < 3; ++c) {
      EXPECT_NEAR(seen.rgb.data<uint8_t>()[at + c], shown.rgb.data<uint8_t>()[at + c], 4) << patch;
    }
  }
  // Copied packets keep what they are.
  const VideoInfo fast = cut(pq, ClipMode::kFast);
  EXPECT_EQ(fast.color_transfer, "smpte2084");
  EXPECT_EQ(fast.color_matrix, "bt2020nc");
  // And tags of BT.709 stay.
  const auto sdr = make("sdr.mp4", 10, "10",
                        "-c:v libx264 -pix_fmt yuv420p -color_primaries bt709 -color_trc bt709 "
                        "-colorspace bt709");
  const VideoInfo kept = cut(sdr, ClipMode::kExact);
  EXPECT_EQ(kept.color_matrix, "bt709");
  EXPECT_EQ(kept.color_transfer, "bt709");
}

}  // namespace
}  // namespace shijian::video
