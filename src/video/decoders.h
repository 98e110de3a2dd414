// The decoders that may run, and how they are opened. Internal to video/.
#pragma once

#include <string>

#include "video/libav.h"

namespace shijian::video {

// libavcodec's names of all of them, for pictures and for sound, with commas between.
const std::string& accepted_decoders();

// A decoder for the pictures of `stream`, whose codec is called `codec`, in the video `name`.
// Error(kUnsupported) where there is none, Error(kInvalid) where it refuses.
CodecPtr make_video_decoder(const AVStream& stream, const std::string& codec,
                            const std::string& name, int threads);

// A decoder for the sound of `stream`; null when there is none for it.
CodecPtr make_audio_decoder(const AVStream& stream);

}  // namespace shijian::video
