#include "video/image.h"

#include <random>

#include "base/file.h"
#include "video/exif.h"
#include "video/test_video.h"

namespace shijian::video {
namespace {

class ImageTest : public TestVideos {
 protected:
  // Quarters red, green, blue and grey, 40 wide and 24 high.
  static constexpr int kW = 40, kH = 24;
  static constexpr uint8_t kColors[4][3] = {
      {220, 20, 30}, {10, 200, 40}, {30, 40, 210}, {128, 128, 128}};
  std::filesystem::path picture(const std::string& name, const std::string& arguments) {
    std::string frame;
    for (int y = 0; y < kH; ++y) {
      for (int x = 0; x < kW; ++x) {
        frame.append(reinterpret_cast<const char*>(kColors[x / (kW / 2) + y / (kH / 2) * 2]), 3);
      }
    }
    return encode(name, frame, "rgb24", kW, kH, "1", arguments + " -frames:v 1");
  }

  static void expect_quarters(const tensor::Tensor& rgb, const std::string& name, int tolerance) {
    ASSERT_EQ(rgb.shape(), (tensor::Shape{kH, kW, 3})) << name;
    for (int q = 0; q < 4; ++q) {
      const uint8_t* p =
          rgb.data<uint8_t>() + ((q / 2 * 2 + 1) * kH / 4 * kW + (q % 2 * 2 + 1) * kW / 4) * 3;
      for (int c = 0; c < 3; ++c) EXPECT_NEAR(p[c], kColors[q][c], tolerance) << name;
    }
  }
};

TEST_F(ImageTest, LoadsTheUsualFormatsByContent) {
  struct ImageKind {
    const char* name;
    const char* arguments;
    const char* format;
    int tolerance;
  };
  for (const ImageKind& c :
       {ImageKind{"a.png", "", "png", 0}, ImageKind{"deep.png", "-pix_fmt rgb48be", "png", 0},
        ImageKind{"alpha.png", "-pix_fmt rgba", "png", 0}, ImageKind{"a.bmp", "", "bmp", 0},
        ImageKind{"a.tiff", "-pix_fmt rgb24", "tiff", 0}, ImageKind{"a.gif", "", "gif", 60},
        ImageKind{"a.jpg", "-q:v 1 -pix_fmt yuvj444p", "jpeg", 6},
        ImageKind{"b.jpg", "-q:v 1 -pix_fmt yuvj420p", "jpeg", 6},
        ImageKind{"a.webp", "-lossless 1", "webp", 0},
        ImageKind{"b.webp", "-quality 95", "webp", 12}}) {
    const auto path = picture(c.name, c.arguments);
    const auto renamed = dir_ / "noname";
    std::filesystem::rename(path, renamed);
    const StillImage image = load_image(renamed);
    EXPECT_EQ(image.format, c.format);
    expect_quarters(image.rgb, c.name, c.tolerance);
  }
}

// An EXIF block with nothing but the orientation.
std::string exif_block(int orientation, bool little) {
  const char o = static_cast<char>(orientation);
  if (little)
    return std::string("II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0", 18) + o + std::string(7, 0);
  return std::string("MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0", 19) + o + std::string(6, 0);
}

TEST_F(ImageTest, TheExifOrientationTurnsThePicture) {
  const std::string jpeg = read_file(picture("a.jpg", "-q:v 1 -pix_fmt yuvj444p"), 1 << 20);
  // Where the four quarters go: index of the source quarter at top left and at top right.
  constexpr int kTopLeft[9] = {0, 0, 1, 3, 2, 0, 2, 3, 1},
                kTopRight[9] = {1, 1, 0, 2, 3, 2, 0, 1, 3};
  for (int o = 1; o <= 8; ++o) {
    const std::string block = std::string("Exif\0\0", 6) + exif_block(o, o % 2 == 0);
    std::string size(2, 0);
    size[1] = static_cast<char>(block.size() + 2);
    const auto path =
        write("turned.jpg", jpeg.substr(0, 2) + "\xFF\xE1" + size + block + jpeg.substr(2));
    const tensor::Tensor rgb = load_image(path).rgb;
    const bool swap = o >= 5;
    ASSERT_EQ(rgb.shape(), (swap ? tensor::Shape{kW, kH, 3} : tensor::Shape{kH, kW, 3})) << o;
    const int64_t width = rgb.dim(1), row = rgb.dim(0) / 4 * width;
    const uint8_t* left = rgb.data<uint8_t>() + (row + width / 4) * 3;
    const uint8_t* right = rgb.data<uint8_t>() + (row + width * 3 / 4) * 3;
    for (int c = 0; c < 3; ++c) {
      EXPECT_NEAR(left[c], kColors[kTopLeft[o]][c], 6) << o;
      EXPECT_NEAR(right[c], kColors[kTopRight[o]][c], 6) << o;
    }
  }
}

TEST_F(ImageTest, ADamagedExifBlockIsUpright) {
  auto orientation = [](const std::string& bytes, const char* format) {
    return exif_orientation(std::as_bytes(std::span(bytes.data(), bytes.size())), format);
  };
  EXPECT_EQ(orientation(exif_block(6, true), "tiff"), 6);
  EXPECT_EQ(orientation(exif_block(9, true), "tiff"), 1);
  EXPECT_EQ(orientation("", "jpeg"), 1);
  std::mt19937 random(3);
  const std::string block = exif_block(6, false);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = block.substr(0, random() % (block.size() + 1));
    for (int k = 0; k < 3 && !bytes.empty(); ++k) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const char* format = round % 4 == 0 ? "jpeg" : round % 4 == 1 ? "png" : "tiff";
    const int value = orientation(round % 4 == 3 ? "RIFF----WEBPEXIF" + bytes : bytes,
                                  round % 4 == 3 ? "webp" : format);
    EXPECT_GE(value, 1);
    EXPECT_LE(value, 8);
  }
}

TEST_F(ImageTest, OtherFilesAreErrors) {
  auto code = [](const std::filesystem::path& path) {
    try {
      load_image(path);
    } catch (const Error& e) {
      EXPECT_FALSE(e.hint().empty()) << e.message();
      EXPECT_NE(e.message().find(path.filename().string()), std::string::npos) << e.message();
      return e.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code(dir_ / "missing.png"), ErrorCode::kNotFound);
  EXPECT_EQ(code(dir_), ErrorCode::kInvalid);
  EXPECT_EQ(code(write("empty.png", "")), ErrorCode::kInvalid);
  EXPECT_EQ(code(write("text.png", "no picture")), ErrorCode::kInvalid);
  EXPECT_EQ(code(make("video.mp4", 3, "25", "-c:v mpeg4")), ErrorCode::kInvalid);
  const std::string png = read_file(picture("a.png", ""), 1 << 20);
  EXPECT_EQ(code(write("half.png", png.substr(0, 40))), ErrorCode::kInvalid);
  std::string huge = png;
  huge[16] = huge[20] = '\x01';  // 16 million pixels on a side
  EXPECT_EQ(code(write("huge.png", huge)), ErrorCode::kInvalid);
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::string bytes = png;
    for (int k = 0; k < 4; ++k)
      bytes[8 + random() % (bytes.size() - 8)] = static_cast<char>(random());
    try {
      decode_image(std::as_bytes(std::span(bytes.data(), bytes.size())), "mutant");
    } catch (const Error& e) {
      EXPECT_NE(e.code(), ErrorCode::kInternal);
    }
  }
}

}  // namespace
}  // namespace shijian::video
