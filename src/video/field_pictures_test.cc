// Interlaced video whose fields are coded apart, as broadcasts and camcorders have it.
#include "video/packet_surgery.h"

namespace shijian::video {
namespace {

class Bits {
 public:
  void put(uint32_t value, int count) {
    for (int i = count - 1; i >= 0; --i) {
      if (used_ == 0) bytes_ += '\0';
      bytes_.back() = static_cast<char>(bytes_.back() | ((value >> i & 1) << (7 - used_)));
      used_ = (used_ + 1) % 8;
    }
  }
  void golomb(uint32_t value) {
    int length = 0;
    while ((value + 1) >> (length + 1)) ++length;
    put(0, length);
    put(value + 1, length + 1);
  }
  void align() { used_ = 0; }
  void raw(char byte) { bytes_ += byte; }
  // With its start code, the bit that ends it, and bytes that keep others from looking like a
  // start.
  std::string unit(uint8_t head) {
    put(1, 1);
    std::string out = std::string("\0\0\0\1", 4) + static_cast<char>(head);
    int zeros = 0;
    for (const char byte : bytes_) {
      if (zeros >= 2 && static_cast<uint8_t>(byte) <= 3) {
        out += '\3';
        zeros = 0;
      }
      zeros = byte == 0 ? zeros + 1 : 0;
      out += byte;
    }
    return out;
  }

 private:
  std::string bytes_;
  int used_ = 0;  // bits of the last byte
};

// H.264 of uncompressed macroblocks, each field a picture of its own.
class FieldTest : public PacketSurgery {
 protected:
  static constexpr int kRate = 10, kGroup = 20;

  static std::string parameters() {
    Bits sps;
    sps.put(77, 8);  // profile: main
    sps.put(0, 8);   // constraints
    sps.put(30, 8);  // level
    sps.golomb(0);   // its number
    sps.golomb(0);   // frame_num has 4 bits
    sps.golomb(2);   // shown in the order of decoding
    sps.golomb(1);   // reference frames
    sps.put(0, 1);   // no gaps in frame_num
    sps.golomb(kWidth / 16 - 1);
    sps.golomb(kHeight / 32 - 1);
    sps.put(0b001, 3);    // fields; not in macroblocks; direct_8x8_inference
    sps.put(0b01, 2);     // no cropping; VUI
    sps.put(0b00001, 5);  // of the VUI the timing alone
    sps.put(1, 32);
    sps.put(2 * kRate, 32);
    sps.put(0b10001, 5);  // fixed rate; no HRDs, no pic_struct; restrictions:
    sps.put(1, 1);
    for (const uint32_t limit : {0u, 0u, 0u, 0u, 0u, 1u})
      sps.golomb(limit);  // nothing is reordered
    Bits pps;
    pps.golomb(0);
    pps.golomb(0);
    pps.put(0, 2);  // CAVLC
    for (int i = 0; i < 3; ++i) pps.golomb(0);
    pps.put(0, 3);
    for (int i = 0; i < 3; ++i) pps.golomb(0);
    pps.put(0b100, 3);  // slices say whether to deblock
    return sps.unit(0x67) + pps.unit(0x68);
  }

  // The rows of picture `n` from `parity` on, every other one.
  static std::string field(int n, int parity) {
    const std::string picture = numbered(n);
    const bool idr = n % kGroup == 0 && parity == 0;
    Bits slice;
    slice.golomb(0);  // from the first macroblock
    slice.golomb(7);  // intra
    slice.golomb(0);
    slice.put(n % kGroup % 16, 4);
    slice.put(2 | parity, 2);
    if (idr) slice.golomb(n / kGroup % 2);
    slice.put(0, idr ? 2 : 1);  // how it is kept for reference
    slice.golomb(0);
    slice.golomb(1);  // not deblocked
    for (int y = 0; y < kHeight / 2; y += 16) {
      for (int x = 0; x < kWidth; x += 16) {
        slice.golomb(25);  // I_PCM
        slice.align();
        for (int i = 0; i < 256; ++i) {
          const int row = 2 * (y + i / 16) + parity;
          slice.raw(picture[row * kWidth + x + i % 16] == 0 ? '\x10' : '\xeb');
        }
        for (int i = 0; i < 128; ++i) slice.raw('\x80');
      }
    }
    return (idr ? parameters() : "") + slice.unit(idr ? 0x65 : 0x61);
  }

  // `count` pictures; both fields in one packet, or each in its own.
  std::filesystem::path fields(const std::string& name, int count, bool together) {
    AVCodecParameters* codec = avcodec_parameters_alloc();
    codec->codec_type = AVMEDIA_TYPE_VIDEO;
    codec->codec_id = AV_CODEC_ID_H264;
    codec->width = kWidth;
    codec->height = kHeight;
    const std::string head = parameters();
    codec->extradata =
        static_cast<uint8_t*>(av_mallocz(head.size() + AV_INPUT_BUFFER_PADDING_SIZE));
    std::copy(head.begin(), head.end(), codec->extradata);
    codec->extradata_size = static_cast<int>(head.size());
    {
      Writer out((dir_ / name).string(), *codec, {1, 2 * kRate});
      for (int n = 0; n < count; ++n) {
        const std::string first = field(n, 0), second = field(n, 1);
        write(out, together ? first + second : first, 2 * n, together ? 2 : 1, n % kGroup == 0);
        if (!together) write(out, second, 2 * n + 1, 1, false);
      }
    }
    avcodec_parameters_free(&codec);
    return dir_ / name;
  }

 private:
  static void write(Writer& out, const std::string& data, int64_t pts, int64_t duration, bool key) {
    const PacketPtr packet = make_packet();
    ASSERT_GE(av_new_packet(packet.get(), static_cast<int>(data.size())), 0);
    std::copy(data.begin(), data.end(), packet->data);
    packet->pts = packet->dts = pts;
    packet->duration = duration;
    packet->flags = key ? AV_PKT_FLAG_KEY : 0;
    out.write(*packet);
  }
};

TEST_F(FieldTest, TwoFieldsAreOneFrame) {
  for (const char* name : {"pairs.ts", "pairs.mkv", "pairs.mp4"}) {
    expect_all(fields(name, 100, true), 100, kRate);
  }
  for (const char* name : {"fields.ts", "fields.mkv"}) {
    const auto path = fields(name, 100, false);
    expect_all(path, 100, kRate);
    EXPECT_EQ(probe(path).frame_rate.value(), 10.0) << name;
    EXPECT_TRUE(probe(path).field_pairs) << name;
    EXPECT_TRUE(probe(path).frame_packets.empty()) << name;  // their times tell them apart
  }
}

TEST_F(FieldTest, TheSecondFieldMayHaveNoTime) {
  const auto path = without_times(fields("fields.ts", 100, false), "half.ts",
                                  [](int number) { return number % 2 == 0; });
  expect_all(path, 100, kRate);
}

// Interlaced, but each frame is one picture.
TEST_F(FieldTest, InterlacedFramesStayFrames) {
  for (const char* arguments : {"-c:v libx264 -preset veryfast -g 20 -flags +ilme+ildct "
                                "-x264-params tff=1 -pix_fmt yuv420p",
                                "-c:v mpeg2video -g 20 -bf 2 -q:v 4 -flags +ilme+ildct"}) {
    for (const char* name : {"a.ts", "a.mkv"}) {
      const auto path = make(name, 60, "25", arguments);
      expect_all(path, 60, 25);
      EXPECT_FALSE(probe(path).field_pairs) << name;
    }
  }
}

}  // namespace
}  // namespace shijian::video
