#include "kernels/lanes_avx2.h"
// The order matters: what follows is written on the lanes above.
#include "kernels/attention_lanes.h"

namespace shijian::kernels {

void attention_avx2(const AttentionBlock& block, float* scratch) {
  AttentionRun(block, scratch).run();
}

}  // namespace shijian::kernels
