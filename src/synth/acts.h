// Fills the script of a clip that lasts minutes or hours.
#pragma once

#include "synth/random.h"
#include "synth/script.h"

namespace shijian::synth {

// Fills scenes, objects and events of a held-out script of at least 60 s whose size, rate and
// duration are set, act after act. False when this draw of random numbers leads nowhere; the script
// is then to be thrown away.
bool direct_acts(Random random, const ScriptOptions& options, Script* script);

}  // namespace shijian::synth
