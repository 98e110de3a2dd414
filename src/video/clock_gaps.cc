#include "video/clock_gaps.h"

#include <algorithm>
#include <cmath>

namespace shijian::video {
namespace {

// Seconds that a picture may stand before the clock counts as having jumped. Broadcast containers
// have clocks that may change at any time; in others a still is a still for long.
constexpr double kLongestGap = 1800;
constexpr double kLongestBroadcastGap = 10;
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
  const bool broadcast = (input.format()->iformat->flags & AVFMT_TS_DISCONT) != 0;
  ClockGaps gaps;
  gaps.longest = std::llround((broadcast ? kLongestBroadcastGap : kLongestGap) /
                              av_q2d(input.video()->time_base));
  if (broadcast && leaps(log, gaps.longest)) {
    gaps.sound = sound_runs(file, gaps.longest, cancel, heartbeat);
  }
  return gaps;
}

}  // namespace shijian::video
