// Fills a script: chooses the scenes, the objects, their roles, paths and places.
#pragma once

#include "synth/random.h"
#include "synth/script.h"

namespace shijian::synth {

// Fills scenes, objects and events of a script whose size, rate and duration are set.
// False when this draw of random numbers leads nowhere; the script is then to be thrown away.
bool direct(Random random, const ScriptOptions& options, Script* script);

}  // namespace shijian::synth
