// The frames of one video in presentation order, with jumps to key frames. Internal to video/.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/cancel.h"
#include "video/media_input.h"
#include "video/probe.h"

namespace shijian {

// Not thread-safe; `info` outlives it. Throws as probe() does.
class FrameReader {
 public:
  // `targets`: the frames that are wanted; others may be left out.
  FrameReader(const InputFile& file, const VideoInfo& info, const std::vector<int64_t>& targets,
              int threads, const CancelToken& cancel);

  // Jumps ahead when a key frame lies well before `target` and well after the current place.
  void approach(int64_t target);
  // The next frame and its index; null at the end. The frame is valid until the next call.
  const AVFrame* next(int64_t& index);
  // Some data could not be decoded.
  bool broken() const { return broken_; }

 private:
  AVCodecID open();
  bool seek_to(const KeyFrame& key, int64_t pts);
  void feed();
  int64_t index_of(const AVFrame& frame);

  const InputFile file_;
  const VideoInfo& info_;
  int threads_;
  CancelToken cancel_;
  std::vector<int64_t> target_pts_;
  std::unique_ptr<MediaInput> input_;
  CodecPtr decoder_;
  PacketPtr packet_;
  FramePtr frame_;
  int64_t next_ = 0;  // the index that the next frame has if nothing is left out
  bool can_skip_ = false;
  bool may_seek_ = true;
  bool lost_ = false;         // a failed seek has left the input somewhere else
  bool have_packet_ = false;  // packet_ waits to be sent
  bool ended_ = false;
  bool broken_ = false;
};

}  // namespace shijian
