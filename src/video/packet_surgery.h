// Tests alone: videos whose packets a muxer or a broadcast has mistreated.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "video/media_input.h"
#include "video/test_video.h"

namespace shijian::video {

class PacketSurgery : public TestVideos {
 protected:
  static constexpr const char* kReordered =
      "-c:v libx264 -preset veryfast -g 20 -sc_threshold 0 -bf 2 -pix_fmt yuv420p";
  static constexpr const char* kPlain =
      "-c:v libx264 -preset veryfast -g 20 -sc_threshold 0 -bf 0 -pix_fmt yuv420p";

  // Frames numbered from `first` on.
  std::filesystem::path part(const std::string& name, int first, int count, const std::string& rate,
                             const std::string& arguments) {
    std::string frames;
    for (int n = first; n < first + count; ++n) frames += numbered(n);
    return encode(name, frames, "gray", kWidth, kHeight, rate, arguments);
  }

  static std::string bytes_of(const std::filesystem::path& path) {
    return read_file(path, 1 << 26);
  }

  // The files' bytes one after the other; `skip` of each but the first are left out.
  std::filesystem::path join(const std::string& name,
                             const std::vector<std::filesystem::path>& paths, size_t skip = 0) {
    std::string bytes = bytes_of(paths.front());
    for (size_t i = 1; i < paths.size(); ++i) bytes += bytes_of(paths[i]).substr(skip);
    return write(name, bytes);
  }

  // `change` hears of the video's packets in their order and says which stay.
  using Change = std::function<bool(AVPacket& packet, int number)>;

  // The packets of the video track of `from`, written anew in the format of `name`.
  std::filesystem::path remux(const std::filesystem::path& from, const std::string& name,
                              const Change& change) {
    AVFormatContext* in = nullptr;
    EXPECT_GE(avformat_open_input(&in, from.c_str(), nullptr, nullptr), 0);
    EXPECT_GE(avformat_find_stream_info(in, nullptr), 0);
    const int video = av_find_best_stream(in, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
    Writer out((dir_ / name).string(), *in->streams[video]->codecpar,
               in->streams[video]->time_base);
    const PacketPtr packet = make_packet();
    for (int number = 0; av_read_frame(in, packet.get()) >= 0;) {
      if (packet->stream_index == video && change(*packet, number++)) out.write(*packet);
      av_packet_unref(packet.get());
    }
    avformat_close_input(&in);
    return dir_ / name;
  }

  // Writes packets of one video track as they come.
  class Writer {
   public:
    Writer(const std::string& path, const AVCodecParameters& codec, AVRational time_base)
        : time_base_(time_base) {
      EXPECT_GE(avformat_alloc_output_context2(&format_, nullptr, nullptr, path.c_str()), 0);
      AVStream* stream = avformat_new_stream(format_, nullptr);
      avcodec_parameters_copy(stream->codecpar, &codec);
      stream->codecpar->codec_tag = 0;
      stream->time_base = time_base;
      EXPECT_GE(avio_open(&format_->pb, path.c_str(), AVIO_FLAG_WRITE), 0);
      EXPECT_GE(avformat_write_header(format_, nullptr), 0);
    }
    ~Writer() {
      EXPECT_GE(av_write_trailer(format_), 0);
      avio_closep(&format_->pb);
      avformat_free_context(format_);
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void write(AVPacket& packet) {
      packet.stream_index = 0;
      packet.pos = -1;
      av_packet_rescale_ts(&packet, time_base_, format_->streams[0]->time_base);
      EXPECT_GE(av_write_frame(format_, &packet), 0);
    }

   private:
    AVFormatContext* format_ = nullptr;
    const AVRational time_base_;
  };

  // A transport stream again, in which only the PES packets that `keeps` names tell their times.
  std::filesystem::path without_times(const std::filesystem::path& path, const std::string& name,
                                      const std::function<bool(int number)>& keeps) {
    std::string bytes = bytes_of(path);
    constexpr size_t kPacket = 188;
    int number = 0;
    for (size_t at = 0; at + kPacket <= bytes.size(); at += kPacket) {
      auto* p = reinterpret_cast<uint8_t*>(bytes.data()) + at;
      if ((p[1] & 0x40) == 0 || (p[3] & 0x10) == 0) continue;  // begins nothing
      uint8_t* pes = p + 4 + ((p[3] & 0x20) ? 1 + p[4] : 0);
      if (pes[0] != 0 || pes[1] != 0 || pes[2] != 1 || (pes[3] & 0xf0) != 0xe0) continue;
      if (keeps(number++)) continue;
      pes[7] &= 0x3f;                               // neither PTS nor DTS
      std::fill_n(pes + 9, pes[8], uint8_t{0xff});  // stuffing
    }
    return write(name, bytes);
  }

  // The number shown in each frame.
  std::vector<int> numbers(const std::filesystem::path& path, const VideoInfo& info, int samples_) {
    const FramePlan plan = plan_frames(info, samples(samples_), {});
    const Frames frames = decode_frames(path, info, plan, {}, pool_);
    EXPECT_EQ(frames.shown, plan.indices) << path;
    EXPECT_FALSE(frames.damaged) << path;
    std::vector<int> all;
    for (int64_t i = 0; i < frames.rgb.dim(0); ++i) all.push_back(number(frames.rgb, i));
    return all;
  }

  // Every frame shows the number n at n / rate seconds, and so with few samples as with many.
  void expect_all(const std::filesystem::path& path, int count, double rate, int first = 0,
                  double start = 0) {
    const VideoInfo info = probe(path);
    ASSERT_EQ(info.frame_count, count) << path;
    EXPECT_FALSE(info.damaged) << path;
    EXPECT_NEAR(info.start_time, start, 0.002) << path;
    EXPECT_NEAR(info.duration, start + count / rate, 0.002) << path;
    for (int i = 0; i < count; ++i) {
      ASSERT_NEAR(info.frame_time(i), start + i / rate, 0.0025) << path << " frame " << i;
    }
    for (const int n : {3, 7, 16, count}) {
      const FramePlan plan = plan_frames(info, samples(n), {});
      const std::vector<int> seen = numbers(path, info, n);
      for (size_t i = 0; i < seen.size(); ++i) {
        ASSERT_EQ(seen[i], plan.indices[i] + first) << path << " sample " << i << " of " << n;
      }
    }
  }
};

}  // namespace shijian::video
