// Colours and turns: what comes out of a decoded file is what went into it.
#include "video/picture.h"

#include "base/file.h"
#include "video/test_video.h"

namespace shijian::video {
namespace {

class PictureTest : public TestVideos {
 protected:
  static constexpr int kSide = 32;  // of a patch

  // Pictures of kPatches coloured patches in a row, as rgb24.
  static constexpr uint8_t kColors[8][3] = {{255, 0, 0},     {0, 255, 0},   {0, 0, 255},
                                            {255, 255, 255}, {0, 0, 0},     {128, 128, 128},
                                            {200, 120, 40},  {30, 160, 210}};
  static std::string patches() {
    std::string frame;
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < 8 * kSide; ++x) {
        frame.append(reinterpret_cast<const char*>(kColors[x / kSide]), 3);
      }
    }
    return frame + frame;
  }

  Frames decode(const std::filesystem::path& path, VideoInfo& info) {
    info = probe(path);
    DecodeOptions options;
    options.source_size = true;
    return decode_frames(path, info, plan_frames(info, samples(2), {}), options, pool_);
  }
};

TEST_F(PictureTest, EveryMatrixRangeAndDepthGivesTheColoursBack) {
  struct Kind {
    const char* matrix;
    const char* scale_matrix;
    const char* range;
    const char* format;
  };
  for (const Kind& kind :
       {Kind{"smpte170m", "bt601", "tv", "yuv420p"}, Kind{"bt709", "bt709", "tv", "yuv420p"},
        Kind{"bt709", "bt709", "pc", "yuv420p"}, Kind{"bt2020nc", "bt2020", "tv", "yuv420p10le"},
        Kind{"bt470bg", "bt601", "pc", "yuv444p"},
        Kind{"bt2020nc", "bt2020", "pc", "yuv422p10le"}}) {
    const auto path = encode(
        "a.mkv", patches(), "rgb24", 8 * kSide, kSide, "25",
        fmt::format("-vf scale=out_color_matrix={}:out_range={}:flags=accurate_rnd -pix_fmt {} "
                    "-c:v libx264 -preset veryfast -qp 4 -colorspace {} -color_range {}",
                    kind.scale_matrix, kind.range, kind.format, kind.matrix, kind.range));
    VideoInfo info;
    const Frames out = decode(path, info);
    EXPECT_EQ(info.color_matrix, kind.matrix);
    EXPECT_EQ(info.color_range, kind.range == std::string("pc") ? "full" : "limited");
    EXPECT_EQ(info.bit_depth, std::string(kind.format).ends_with("10le") ? 10 : 8);
    for (int p = 0; p < 8; ++p) {
      const uint8_t* pixel =
          out.rgb.data<uint8_t>() + (kSide / 2 * 8 * kSide + p * kSide + kSide / 2) * 3;
      for (int c = 0; c < 3; ++c) {
        EXPECT_NEAR(pixel[c], kColors[p][c], 5)
            << kind.matrix << ' ' << kind.range << ' ' << kind.format << " patch " << p;
      }
    }
  }
}

TEST_F(PictureTest, UnknownColoursCountAsLimitedBt601) {
  // ffmpeg writes no colour tags for raw grey; 16 is black and 235 white in limited range.
  const auto path =
      encode("a.mp4", std::string(64 * 64, 16) + std::string(64 * 64, '\xeb'), "gray", 64, 64, "25",
             "-vf scale=in_range=tv:out_range=tv,format=yuv420p -c:v libx264 -qp 4");
  VideoInfo info;
  const Frames out = decode(path, info);
  EXPECT_NEAR(out.rgb.data<uint8_t>()[0], 0, 2);
  EXPECT_NEAR(out.rgb.data<uint8_t>()[64 * 64 * 3], 255, 2);
}

// The eight display matrices of an MP4, written into its track header.
TEST_F(PictureTest, TurnsAndMirrorsAsTheFileAsks) {
  // Four quarters of grey: 20, 90, 160 and 230 from top left, row by row.
  constexpr int w = 96, h = 64;
  std::string frame;
  for (int y = 0; y < h; ++y) {
    for (int x = 0; x < w; ++x) {
      frame.push_back(static_cast<char>(20 + 70 * (x / (w / 2) + y / (h / 2) * 2)));
    }
  }
  const auto path =
      encode("a.mp4", frame + frame, "gray", w, h, "25", "-c:v libx264 -qp 4 -pix_fmt yuv420p");
  const std::string good = read_file(path, 1 << 20);
  const size_t at = good.find("tkhd");
  ASSERT_NE(at, std::string::npos);

  struct Matrix {
    int a, b, c, d;  // right = a * x + c * y, down = b * x + d * y
    int rotation;
    bool mirrored;
  };
  for (const Matrix& m : {Matrix{1, 0, 0, 1, 0, false}, Matrix{0, 1, -1, 0, 90, false},
                          Matrix{-1, 0, 0, -1, 180, false}, Matrix{0, -1, 1, 0, 270, false},
                          Matrix{-1, 0, 0, 1, 0, true}, Matrix{1, 0, 0, -1, 180, true},
                          Matrix{0, 1, 1, 0, 90, true}, Matrix{0, -1, -1, 0, 270, true}}) {
    std::string bytes = good;
    const int values[9] = {m.a, m.b, 0, m.c, m.d, 0, 0, 0, 0};
    for (int i = 0; i < 8; ++i) {
      for (int k = 0; k < 4; ++k) {
        bytes[at + 44 + i * 4 + k] =
            static_cast<char>(static_cast<uint32_t>(values[i] * 65536) >> (24 - 8 * k));
      }
    }
    VideoInfo info;
    const Frames out = decode(write("turned.mp4", bytes), info);
    EXPECT_EQ(info.rotation, m.rotation);
    EXPECT_EQ(info.mirrored, m.mirrored);
    const int width = m.a == 0 ? h : w, height = m.a == 0 ? w : h;
    ASSERT_EQ(out.rgb.shape(), (tensor::Shape{2, height, width, 3}));
    EXPECT_EQ(info.width, width);
    for (int quarter = 0; quarter < 4; ++quarter) {
      const int x = quarter % 2 == 0 ? -1 : 1, y = quarter / 2 == 0 ? -1 : 1;
      const int right = m.a * x + m.c * y, down = m.b * x + m.d * y;
      const int px = right < 0 ? width / 4 : width * 3 / 4;
      const int py = down < 0 ? height / 4 : height * 3 / 4;
      EXPECT_NEAR(out.rgb.data<uint8_t>()[(py * width + px) * 3], 20 + 70 * quarter, 3)
          << m.rotation << ' ' << m.mirrored << " quarter " << quarter;
    }
  }
}

TEST_F(PictureTest, OtherTurnsBecomeTheNearestQuarter) {
  const std::string frame(96 * 64, '\x40');
  const auto path =
      encode("a.mp4", frame, "gray", 96, 64, "25", "-c:v libx264 -qp 4 -pix_fmt yuv420p");
  // An eighth to the left.
  const VideoInfo info = probe(copy(path, "turned.mp4", "-metadata:s:v rotate=45"));
  EXPECT_EQ(info.rotation, 0);
  ASSERT_EQ(info.notes.size(), 1u);
  EXPECT_EQ(info.notes.front().english(), "the file asks for a turn by 315 degrees: turned by 0");
}

}  // namespace
}  // namespace shijian::video
