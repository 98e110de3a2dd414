// The sound of a clip. Internal to video/.
#pragma once

#include <memory>

#include "video/clip.h"
#include "video/media_input.h"
#include "video/mp4_writer.h"

namespace shijian::video {

// The track of a clip that holds its sound, part after part. Not thread-safe.
class ClipSoundTrack {
 public:
  virtual ~ClipSoundTrack() = default;

  virtual void add_to(Mp4Writer& mp4) = 0;  // once, before any part
  // `clock`: seconds of the container's clock at the part's beginning.
  virtual void begin_part(double clock) = 0;
  // Writes at least up to `seconds` after the part's beginning, which is not after its end, as far
  // as there is sound.
  virtual void advance(double seconds) = 0;
  virtual void end_part(double seconds) = 0;  // the part is so long
  virtual void finish() = 0;                  // after the last part
};

// Null, with `report` saying why, when there is no sound or none that can be read. With `copy` the
// packets are copied where MP4 players know their codec; such a track has one part. `report` says
// at the end what became of the sound; it outlives the track, as do the arguments.
std::unique_ptr<ClipSoundTrack> open_clip_sound(const InputFile& video, const VideoInfo& info,
                                                const std::stop_token& cancel, bool copy,
                                                ClipSound& report);

}  // namespace shijian::video
