// The pass over a file that scan() makes.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <utility>

#include "base/error.h"
#include "video/calls.h"
#include "video/frame_reader.h"
#include "video/media_input.h"

extern "C" {
#include <libswscale/swscale.h>
}

namespace shijian::video {
namespace {

// Of the small pictures that are compared.
constexpr int kWidth = 64;
constexpr int kHeight = 36;
using SmallPicture = std::array<uint8_t, size_t{3} * kWidth * kHeight>;

// Mean difference of two small pictures, of 255: a cut is larger, unless the shots look alike.
constexpr double kCutDifference = 12;
// Neighbouring frames that differ by as much are as busy as can be.
constexpr double kMoving = 4;
// Neighbouring key frames that differ by less have no cut between them.
constexpr double kAlike = 6;
// Key frames that differ by more and that the encoder put there out of turn begin a shot.
constexpr double kSurelyCut = 20;
// A cut differs by so many times as much as each of two frames on either side of it.
constexpr double kAboveNeighbours = 2;
constexpr int64_t kNeighbours = 2;
// A packet between key frames with so much of their bytes shows a new picture.
constexpr double kLikeKey = 0.4;
// Seconds between two key frames that are looked at, at least.
constexpr double kBetweenAnchors = 0.5;
// Bytes of a pixel and frame, below which a picture stands still whatever the rest does.
constexpr double kStillBytes = 0.0004;
// Files whose busiest parts have less than so many times the bytes of the quietest do not tell.
constexpr double kTellingRatio = 3;
constexpr double kMostDecoded = 0.25;  // of the frames, to find cuts
constexpr int64_t kAlwaysDecoded = 1500;

double difference(const SmallPicture& a, const SmallPicture& b) {
  int64_t sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::abs(int{a[i]} - int{b[i]});
  return static_cast<double>(sum) / static_cast<double>(a.size());
}

class Shrinker {
 public:
  Shrinker() = default;
  ~Shrinker() { sws_freeContext(scaler_); }
  Shrinker(const Shrinker&) = delete;
  Shrinker& operator=(const Shrinker&) = delete;

  SmallPicture shrink(const AVFrame& frame) {
    scaler_ = sws_getCachedContext(scaler_, frame.width, frame.height,
                                   static_cast<AVPixelFormat>(frame.format), kWidth, kHeight,
                                   AV_PIX_FMT_RGB24, SWS_AREA, nullptr, nullptr, nullptr);
    if (scaler_ == nullptr)
      throw_libav(AVERROR(EINVAL),
                  "scan: a picture of {}x{} cannot be converted"_text(frame.width, frame.height));
    SmallPicture small;
    uint8_t* const planes[4] = {small.data(), nullptr, nullptr, nullptr};
    const int strides[4] = {3 * kWidth, 0, 0, 0};
    sws_scale(scaler_, frame.data, frame.linesize, 0, frame.height, planes, strides);
    return small;
  }

 private:
  SwsContext* scaler_ = nullptr;
};

// A key frame that is looked at by itself.
struct Anchor {
  int64_t frame = 0;
  int64_t packet = 0;
  std::optional<SmallPicture> picture;  // none where it does not decode alone
};

// What lies between an anchor and the next.
struct Stretch {
  size_t anchor = 0;
  bool large = false;     // a packet within it is like a key frame's
  double difference = 0;  // of its ends
};

class Scanner {
 public:
  Scanner(const InputFile& file, const VideoInfo& info, const std::stop_token& cancel,
          const Heartbeat& heartbeat)
      : file_(file), info_(info), cancel_(cancel), heartbeat_(heartbeat) {}

  VideoScan run() {
    VideoScan scan;
    if (is_animation()) {
      // Its pictures are put together from parts, and it is short.
      anchors_.push_back({});
      decode({0});
      scan.activity = activity_of_changes();
    } else {
      choose_anchors();
      read_packets();
      find_cuts();
      scan.activity = intra_only() ? activity_of_pictures() : activity_of_bytes();
    }
    std::sort(cuts_.begin(), cuts_.end());
    cuts_.erase(std::unique(cuts_.begin(), cuts_.end()), cuts_.end());
    scan.cuts = std::move(cuts_);
    return scan;
  }

 private:
  bool intra_only() const { return std::ssize(info_.key_frames) * 2 > info_.frame_count; }

  bool is_animation() const {
    return info_.codec == "gif" || info_.codec == "apng" || info_.codec == "webp";
  }

  void choose_anchors() {
    for (const KeyFrame& key : info_.key_frames) {
      const double time = info_.frame_time(key.frame);
      if (!anchors_.empty() && time < info_.frame_time(anchors_.back().frame) + kBetweenAnchors) {
        continue;
      }
      anchors_.push_back({key.frame, key.packet, std::nullopt});
    }
  }

  void read_packets() {
    MediaInput input(file_, cancel_);
    const CodecPtr decoder = input.make_decoder(1);
    decoder->skip_loop_filter = AVDISCARD_ALL;
    const PacketPtr packet = make_packet();
    const FramePtr frame = make_frame();
    bytes_.resize(static_cast<size_t>(info_.frame_count));
    const auto by_packet = frames_by_packet(info_);
    std::vector<Anchor*> in_file;
    for (Anchor& anchor : anchors_) in_file.push_back(&anchor);
    std::sort(in_file.begin(), in_file.end(),
              [](const Anchor* a, const Anchor* b) { return a->packet < b->packet; });
    auto next = in_file.begin();
    for (int64_t number = 0; input.read(packet.get()); ++number) {
      throw_if_cancelled(cancel_);
      heartbeat_();
      const int64_t shown = frame_of(*packet, number, by_packet);
      bytes_[static_cast<size_t>(shown)] += packet->size;
      while (next != in_file.end() && (*next)->packet < number) ++next;
      if (next != in_file.end() && (*next)->packet == number) {
        (*next)->picture = picture_of(*decoder, *packet, *frame);
      }
      av_packet_unref(packet.get());
    }
  }

  // The frame that a packet shows, or is a part of.
  int64_t frame_of(const AVPacket& packet, int64_t number,
                   const std::vector<std::pair<int64_t, int64_t>>& by_packet) const {
    const int64_t last = info_.frame_count - 1;
    if (info_.order_only) return std::min(number, last);
    if (!by_packet.empty()) {
      const auto after =
          std::upper_bound(by_packet.begin(), by_packet.end(), std::pair{number, last});
      return after == by_packet.begin() ? 0 : (after - 1)->second;
    }
    const auto after = std::upper_bound(info_.frame_pts.begin(), info_.frame_pts.end(), packet.pts);
    return after == info_.frame_pts.begin() ? 0 : after - info_.frame_pts.begin() - 1;
  }

  std::optional<SmallPicture> picture_of(AVCodecContext& decoder, const AVPacket& packet,
                                         AVFrame& frame) {
    avcodec_flush_buffers(&decoder);
    if (avcodec_send_packet(&decoder, &packet) < 0) return std::nullopt;
    avcodec_send_packet(&decoder, nullptr);
    if (avcodec_receive_frame(&decoder, &frame) < 0) return std::nullopt;
    return shrinker_.shrink(frame);
  }

  int64_t end_of(size_t anchor) const {  // the frame of the next one, or the video's last
    return anchor + 1 < anchors_.size() ? anchors_[anchor + 1].frame : info_.frame_count - 1;
  }

  Stretch stretch_of(size_t anchor) const {
    Stretch stretch;
    stretch.anchor = anchor;
    const Anchor& begin = anchors_[anchor];
    double like = static_cast<double>(bytes_[static_cast<size_t>(begin.frame)]);
    if (anchor + 1 < anchors_.size()) {
      const Anchor& end = anchors_[anchor + 1];
      stretch.difference =
          begin.picture && end.picture ? difference(*begin.picture, *end.picture) : kSurelyCut;
      like = (like + static_cast<double>(bytes_[static_cast<size_t>(end.frame)])) / 2;
    }
    for (int64_t frame = begin.frame + 1; frame < end_of(anchor); ++frame) {
      if (static_cast<double>(bytes_[static_cast<size_t>(frame)]) > kLikeKey * like) {
        stretch.large = true;
      }
    }
    return stretch;
  }

  void find_cuts() {
    // Frames that most encoders leave between key frames where nothing asks for one.
    int64_t usual = 0;
    for (size_t i = 0; i + 1 < anchors_.size(); ++i) {
      usual = std::max(usual, end_of(i) - anchors_[i].frame);
    }
    std::vector<Stretch> doubtful;
    for (size_t i = 0; i < anchors_.size(); ++i) {
      const Stretch stretch = stretch_of(i);
      const bool early = end_of(i) - anchors_[i].frame < usual;
      if (!intra_only() && !stretch.large && early && stretch.difference > kSurelyCut &&
          anchors_[i].picture && anchors_[i + 1].picture) {
        cuts_.push_back(end_of(i));
      } else if (stretch.difference > kAlike || (stretch.large && !intra_only())) {
        doubtful.push_back(stretch);
      }
    }
    std::stable_sort(doubtful.begin(), doubtful.end(), [](const Stretch& a, const Stretch& b) {
      return a.difference > b.difference;
    });
    int64_t left =
        std::max(kAlwaysDecoded,
                 static_cast<int64_t>(kMostDecoded * static_cast<double>(info_.frame_count)));
    std::vector<size_t> decoded;
    for (const Stretch& stretch : doubtful) {
      const int64_t frames = end_of(stretch.anchor) - anchors_[stretch.anchor].frame;
      if (frames <= left) {
        left -= frames;
        decoded.push_back(stretch.anchor);
      } else if (stretch.difference > kSurelyCut) {
        cuts_.push_back(largest_packet(stretch.anchor));
      }
    }
    std::sort(decoded.begin(), decoded.end());
    decode(decoded);
  }

  int64_t largest_packet(size_t anchor) const {
    const auto begin = bytes_.begin() + anchors_[anchor].frame + 1;
    const auto end = bytes_.begin() + end_of(anchor) + 1;
    return begin < end ? std::max_element(begin, end) - bytes_.begin() : end_of(anchor);
  }

  // Finds the cuts behind these anchors, which ascend, up to each one's next.
  void decode(const std::vector<size_t>& anchors) {
    if (anchors.empty()) return;
    std::vector<int64_t> wanted;
    for (const size_t anchor : anchors) {
      for (int64_t frame = first_needed(anchor); frame <= last_needed(anchor); ++frame) {
        wanted.push_back(frame);
      }
    }
    FrameReader reader(file_, info_, wanted, kCodecThreads, cancel_);
    std::optional<SmallPicture> before;
    int64_t before_index = -1;
    for (const size_t anchor : anchors) {
      if (before_index < first_needed(anchor)) {
        reader.approach(first_needed(anchor));
        before.reset();
      }
      while (before_index < last_needed(anchor)) {
        heartbeat_();
        int64_t index = -1;
        const AVFrame* frame = reader.next(index);
        if (frame == nullptr) break;
        if (index >= first_needed(anchor)) {
          const SmallPicture small = shrinker_.shrink(*frame);
          if (before && before_index == index - 1) {
            changes_.emplace_back(index, difference(*before, small));
          }
          before = small;
        }
        before_index = index;
      }
    }
    take_peaks();
  }

  int64_t first_needed(size_t anchor) const {
    return std::max<int64_t>(0, anchors_[anchor].frame - kNeighbours);
  }
  int64_t last_needed(size_t anchor) const {
    return std::min(info_.frame_count - 1, end_of(anchor) + kNeighbours);
  }

  void take_peaks() {
    for (size_t i = 0; i < changes_.size(); ++i) {
      const auto& [frame, change] = changes_[i];
      if (change < kCutDifference) continue;
      double around = 0;
      for (size_t j = i > kNeighbours ? i - kNeighbours : 0;
           j < std::min(changes_.size(), i + kNeighbours + 1); ++j) {
        const bool near = std::abs(changes_[j].first - frame) <= kNeighbours;
        if (j != i && near) around = std::max(around, changes_[j].second);
      }
      if (change >= kAboveNeighbours * around) cuts_.push_back(frame);
    }
  }

  size_t steps() const {
    return static_cast<size_t>(std::max(1.0, std::ceil(info_.duration / VideoScan::kStep)));
  }
  size_t step_of(int64_t frame) const {
    const double step = std::floor(info_.frame_time(frame) / VideoScan::kStep);
    return static_cast<size_t>(std::clamp(step, 0.0, static_cast<double>(steps() - 1)));
  }

  // By the mean bytes of a pixel of the frames between key frames in each step.
  std::vector<float> activity_of_bytes() const {
    std::vector<bool> key(bytes_.size());
    for (const KeyFrame& frame : info_.key_frames) key[static_cast<size_t>(frame.frame)] = true;
    const double pixels = static_cast<double>(info_.coded_width) * info_.coded_height;
    std::vector<double> sum(steps()), count(steps());
    for (int64_t frame = 0; frame < info_.frame_count; ++frame) {
      if (key[static_cast<size_t>(frame)]) continue;
      sum[step_of(frame)] += static_cast<double>(bytes_[static_cast<size_t>(frame)]) / pixels;
      ++count[step_of(frame)];
    }
    std::vector<double> rate(steps());
    std::vector<double> sorted;
    for (size_t i = 0; i < rate.size(); ++i) {
      // A step without a frame of its own shows what stood before.
      rate[i] = count[i] > 0 ? sum[i] / count[i] : 0;
      sorted.push_back(rate[i]);
    }
    std::sort(sorted.begin(), sorted.end());
    const auto at = [&](double q) {
      return sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1))];
    };
    const double quiet = std::max(at(0.1), kStillBytes), busy = at(0.95);
    std::vector<float> activity(rate.size());
    for (size_t i = 0; i < rate.size(); ++i) {
      if (rate[i] <= kStillBytes) continue;
      activity[i] = busy < kTellingRatio * quiet
                        ? 1.0F
                        : static_cast<float>(std::clamp(
                              std::log(rate[i] / quiet) / std::log(busy / quiet), 0.0, 1.0));
    }
    return activity;
  }

  std::vector<float> activity_of_pictures() const {
    std::vector<float> activity(steps());
    for (size_t i = 0; i + 1 < anchors_.size(); ++i) {
      const Anchor &begin = anchors_[i], &end = anchors_[i + 1];
      const double change =
          begin.picture && end.picture ? difference(*begin.picture, *end.picture) : kCutDifference;
      const auto value = static_cast<float>(std::min(1.0, change / kCutDifference));
      for (size_t step = step_of(begin.frame); step <= step_of(end.frame); ++step) {
        activity[step] = std::max(activity[step], value);
      }
    }
    return activity;
  }

  std::vector<float> activity_of_changes() const {
    std::vector<float> activity(steps());
    for (const auto& [frame, change] : changes_) {
      float& value = activity[step_of(frame)];
      value = std::max(value, static_cast<float>(std::min(1.0, change / kMoving)));
    }
    return activity;
  }

  const InputFile& file_;
  const VideoInfo& info_;
  const std::stop_token& cancel_;
  const Heartbeat& heartbeat_;
  Shrinker shrinker_;
  std::vector<Anchor> anchors_;  // ascending
  std::vector<int64_t> bytes_;   // [frame_count] of each frame's packets
  std::vector<int64_t> cuts_;
  // Frames that were decoded one after the other, ascending, and how much each differs from the one
  // before.
  std::vector<std::pair<int64_t, double>> changes_;
};

}  // namespace

VideoScan scan_file(const InputFile& file, const VideoInfo& info, const std::stop_token& cancel,
                    const Heartbeat& heartbeat) {
  return Scanner(file, info, cancel, heartbeat).run();
}

}  // namespace shijian::video
