// The frames of one video in presentation order, with jumps to key frames. Internal to video/.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "video/media_input.h"
#include "video/probe.h"

namespace shijian::video {

// Packets and their frames, ascending; empty where frames are told apart by their times.
std::vector<std::pair<int64_t, int64_t>> frames_by_packet(const VideoInfo& info);

// Not thread-safe; `info` outlives it. Throws as probe() does.
class FrameReader {
 public:
  // `targets`: the frames that are wanted; others may be left out.
  FrameReader(const InputFile& file, const VideoInfo& info, const std::vector<int64_t>& targets,
              int threads, const std::stop_token& cancel);

  // Jumps ahead when a key frame lies well before `target` and well after the current place.
  void approach(int64_t target);
  // The next frame and its index; null at the end. The frame is valid until the next call.
  const AVFrame* next(int64_t& index);
  // Some data could not be decoded.
  bool broken() const { return broken_; }

 private:
  AVCodecID open();
  bool by_packets() const { return !info_.frame_packets.empty(); }
  // The last key frame not after `target`, or the one `back` places before that; null when there is
  // none.
  const KeyFrame* key_before(int64_t target, int64_t back) const;
  bool jump_to(const KeyFrame& key, int64_t target);
  bool seek_to(const KeyFrame& key, int64_t pts);
  bool skip_to(const KeyFrame& key);
  void restart_decoder();
  bool go_back();
  bool read();
  void feed();
  int64_t index_of(const AVFrame& frame);

  const InputFile file_;
  const VideoInfo& info_;
  int threads_;
  std::stop_token cancel_;
  std::vector<int64_t> target_pts_;
  std::vector<std::pair<int64_t, int64_t>> frames_by_packet_;  // packet and frame, ascending
  std::unique_ptr<MediaInput> input_;
  CodecPtr decoder_;
  PacketPtr packet_;
  FramePtr frame_;
  int64_t next_ = 0;          // the index that the next frame has if nothing is left out
  int64_t packets_read_ = 0;  // where frames are told apart by their packets
  int64_t sought_ = -1;       // the frame that the last jump was for, until a frame has come
  int64_t back_ = 0;          // key frames that the last jump went further back than it needed
  int misses_ = 0;            // jumps after which the frame that they were for did not come
  bool can_skip_ = false;
  bool flat_ = false;  // transparent pictures are shown on white
  bool may_seek_ = true;
  bool lost_ = false;         // a failed seek has left the input somewhere else
  bool have_packet_ = false;  // packet_ waits to be sent
  bool ended_ = false;
  bool started_ = false;  // a frame has come since reading began or jumped
  bool broken_ = false;
};

}  // namespace shijian::video
