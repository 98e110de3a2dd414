#include "video/clip.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "video/clip_parts.h"
#include "video/sandboxed_calls.h"

namespace shijian::video {
namespace {

constexpr int kMaxTicks = 1000000, kMinTicks = 10000;  // of a second

void check_part(const VideoInfo& info, const ClipSpan& part) {
  if (part.from >= info.duration - kSameTime) {
    throw Error(ErrorCode::kUsage,
                "cut clip: from {} is after the end, {:.3f}"_text(part.from, info.duration));
  }
  if (part.to <= info.start_time + kSameTime) {
    throw Error(ErrorCode::kUsage,
                "cut clip: to {} is before the first frame, {:.3f}"_text(part.to, info.start_time));
  }
}

}  // namespace

const char* sound_state_name(SoundState state) {
  switch (state) {
    case SoundState::kAbsent:
      return "absent";
    case SoundState::kCopied:
      return "copied";
    case SoundState::kEncoded:
      return "encoded";
    case SoundState::kPartly:
      return "partly";
    case SoundState::kLost:
      break;
  }
  return "lost";
}

AVRational clip_time_base(AVRational source) {
  if (av_q2d(source) * kMaxTicks < 1) return {1, kMaxTicks};
  const auto parts = static_cast<int>(std::ceil(av_q2d(source) * kMinTicks));
  return {source.num, source.den * std::max(1, parts)};
}

ClipResult cut_file(const InputFile& file, const VideoInfo& info,
                    const std::vector<ClipSpan>& parts, ClipMode mode, int output,
                    const std::stop_token& cancel, const Heartbeat& heartbeat) {
  const ClipRequest request{file, info, parts, output, cancel, heartbeat};
  return mode == ClipMode::kExact ? encode_clip(request) : copy_clip(request);
}

ClipResult write_clip(const std::filesystem::path& video, const std::vector<ClipSpan>& parts,
                      ClipMode mode, const Descriptor& output, const std::stop_token& cancel,
                      int stream) {
  if (parts.empty() || parts.size() > kMaxClipParts) {
    throw Error(ErrorCode::kUsage,
                "cut clip: {} parts, 1 to {} can be cut"_text(parts.size(), kMaxClipParts));
  }
  for (const ClipSpan& part : parts) {
    if (part.from >= 0 && part.to > part.from) continue;
    throw Error(ErrorCode::kUsage, "cut clip: from {} to {} is no part"_text(part.from, part.to),
                "'from' is at least 0 and before 'to', in seconds"_text);
  }
  const VideoInfo info = probe(video, cancel, stream);
  for (const ClipSpan& part : parts) check_part(info, part);
  const InputFile file(video, "video"_text, info);
  const auto sandbox = decode_sandbox();
  return sandbox ? sandbox->cut(file, info, parts, mode, output.get(), cancel)
                 : cut_file(file, info, parts, mode, output.get(), cancel, [] {});
}

}  // namespace shijian::video
