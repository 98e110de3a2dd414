// The scrambling bits of MPEG streams (ISO 13818-1). Internal to video/.
#pragma once

#include "video/container_walk.h"

namespace shijian::video {

// Whether most of a stream is scrambled: the packets of one PID of a transport stream, or the video
// of a program stream. Reads three places of the file, since films often begin unscrambled.
bool is_scrambled_transport(const FileBytes& file, int pid);
bool is_scrambled_program(const FileBytes& file);

}  // namespace shijian::video
