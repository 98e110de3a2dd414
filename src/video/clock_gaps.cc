#include "video/clock_gaps.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "video/frame_rate.h"

namespace shijian::video {
namespace {

// Seconds that a picture may stand before the clock counts as having jumped. Broadcast containers
// have clocks that may change at any time; in others a still is a still for long.
constexpr double kLongestGap = 1800;
constexpr double kLongestBroadcastGap = 10;
// Usual distances of pictures that one may stand for: a slide show is slow throughout.
constexpr int64_t kUsualGaps = 4;
constexpr int64_t kLoose = 25;  // video packets by which interleaved streams may be apart

bool leaps(const PacketLog& log, int64_t longest) {
  int64_t latest = AV_NOPTS_VALUE;
  for (const PacketFacts& p : log.packets) {
    if (!p.shown || p.pts == AV_NOPTS_VALUE) continue;
    if (latest != AV_NOPTS_VALUE && p.pts > latest + longest) return true;
    latest = p.pts;
  }
  return false;
}

std::vector<int64_t> times_of(const PacketLog& log) {
  std::vector<int64_t> times;
  for (const PacketFacts& p : log.packets) {
    if (p.shown && p.pts != AV_NOPTS_VALUE) times.push_back(p.pts);
  }
  std::sort(times.begin(), times.end());
  return times;
}

std::vector<SoundRun> sound_runs(const InputFile& file, int64_t longest,
                                 const std::stop_token& cancel, const Heartbeat& heartbeat) {
  MediaInput input(file, cancel);
  const AVStream* audio = input.add_audio();
  std::vector<SoundRun> runs;
  if (audio == nullptr) return runs;
  const AVRational tick = input.video()->time_base;
  const int64_t second = av_rescale_q(1, {1, 1}, tick);
  const PacketPtr packet = make_packet();
  int64_t pictures = 0;
  while (input.read(packet.get())) {
    heartbeat();
    if (packet->stream_index != audio->index) {
      ++pictures;
      continue;
    }
    if (packet->pts == AV_NOPTS_VALUE) continue;
    const int64_t time = av_rescale_q(packet->pts, audio->time_base, tick);
    if (runs.empty() || time + 2 * second < runs.back().end ||
        time + second > runs.back().end + longest) {
      runs.push_back({time - second, time + second, pictures, pictures});
    }
    SoundRun& run = runs.back();
    run.end = std::max(run.end, time + second);
    run.last = pictures;
  }
  return runs;
}

}  // namespace

bool ClockGaps::still(int64_t from, int64_t to, int64_t packet) const {
  return std::any_of(sound.begin(), sound.end(), [&](const SoundRun& run) {
    const bool beside = run.first <= packet + kLoose && run.last >= packet - kLoose;
    return beside && run.begin <= from && run.end >= to;
  });
}

ClockGaps find_gaps(const InputFile& file, MediaInput& input, const PacketLog& log,
                    const std::stop_token& cancel, const Heartbeat& heartbeat) {
  // Ogg counts frames, however long a picture stands; a file that was joined counts from 0 again.
  const AVInputFormat& container = *input.format()->iformat;
  const bool broadcast =
      (container.flags & AVFMT_TS_DISCONT) != 0 && std::string_view(container.name) != "ogg";
  ClockGaps gaps;
  gaps.longest = std::llround((broadcast ? kLongestBroadcastGap : kLongestGap) /
                              av_q2d(input.video()->time_base));
  if (leaps(log, gaps.longest)) {
    gaps.longest = std::max(gaps.longest, kUsualGaps * usual_gap(times_of(log)));
    gaps.sound = sound_runs(file, gaps.longest, cancel, heartbeat);
  }
  return gaps;
}

}  // namespace shijian::video
