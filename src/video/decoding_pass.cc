#include "video/decoding_pass.h"

#include <algorithm>

namespace shijian::video {
namespace {

int64_t first_key(const PacketLog& log) {
  const auto key = std::find_if(log.packets.begin(), log.packets.end(),
                                [](const PacketFacts& p) { return p.key; });
  return key == log.packets.end() ? 0 : key - log.packets.begin();
}

// Packets from a key packet on.
struct Group {
  int64_t begin, end;
};

Group group_around(const PacketLog& log, int64_t packet) {
  constexpr int64_t kBeyond = 40;  // of the next group, which may refer to this one
  Group group{packet, packet + 1};
  while (group.begin > 0 && !log.packets[group.begin].key) --group.begin;
  while (group.end < std::ssize(log.packets) && !log.packets[group.end].key) ++group.end;
  group.end = std::min(group.end + kBeyond, std::ssize(log.packets));
  return group;
}

}  // namespace

std::vector<int64_t> decoded_frames(const InputFile& file, const PacketLog& log, int64_t limit,
                                    const std::stop_token& cancel, const Heartbeat& heartbeat) {
  MediaInput input(file, cancel);
  const CodecPtr decoder = input.make_decoder(kCodecThreads);
  // The pixels are not looked at.
  decoder->skip_loop_filter = AVDISCARD_ALL;
  decoder->skip_idct = AVDISCARD_ALL;
  std::vector<int64_t> frames;
  const FramePtr frame = make_frame();
  const auto receive = [&] {
    while (std::ssize(frames) < limit) {
      const int status = avcodec_receive_frame(decoder.get(), frame.get());
      if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
      // After an error the decoder goes on with what follows.
      if (status >= 0 && frame->pts >= 0) frames.push_back(frame->pts);
    }
  };
  // Some decoders make pictures out of what refers to nothing.
  const int64_t first = first_key(log);
  const PacketPtr packet = make_packet();
  for (int64_t number = 0; std::ssize(frames) < limit && input.read(packet.get()); ++number) {
    heartbeat();
    if (number < first) continue;
    packet->pts = number;
    packet->dts = AV_NOPTS_VALUE;
    packet->flags &= ~AV_PKT_FLAG_CORRUPT;
    while (avcodec_send_packet(decoder.get(), packet.get()) == AVERROR(EAGAIN)) receive();
    receive();
  }
  if (std::ssize(frames) < limit) {
    avcodec_send_packet(decoder.get(), nullptr);
    receive();
  }
  return frames;
}

bool decodes_around(const InputFile& file, const PacketLog& log,
                    const std::vector<int64_t>& packets, const std::stop_token& cancel,
                    const Heartbeat& heartbeat) {
  MediaInput input(file, cancel);
  const CodecPtr decoder = input.make_decoder(kCodecThreads);
  const FramePtr frame = make_frame();
  const PacketPtr packet = make_packet();
  silence_libav();
  bool sound = true;
  const auto receive = [&] {
    int status;
    while ((status = avcodec_receive_frame(decoder.get(), frame.get())) != AVERROR(EAGAIN)) {
      if (status == AVERROR_EOF) return;
      sound = sound && status >= 0 && frame->decode_error_flags == 0 &&
              (frame->flags & AV_FRAME_FLAG_CORRUPT) == 0;
    }
  };
  int64_t number = 0;
  for (const int64_t suspect : packets) {
    const Group group = group_around(log, suspect);
    if (number > group.begin) continue;  // with the one before it
    while (sound && number < group.end && input.read(packet.get())) {
      heartbeat();
      if (number++ < group.begin) continue;
      packet->flags &= ~AV_PKT_FLAG_CORRUPT;
      int status;
      while ((status = avcodec_send_packet(decoder.get(), packet.get())) == AVERROR(EAGAIN)) {
        receive();
      }
      sound = sound && status >= 0;
      receive();
    }
    avcodec_send_packet(decoder.get(), nullptr);
    receive();
    avcodec_flush_buffers(decoder.get());
  }
  return sound && !decoder_warned();  // missing references are errors to no decoder
}

}  // namespace shijian::video
