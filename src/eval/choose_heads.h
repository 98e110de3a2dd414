// Which attention heads of a decoder look at what a question asks for.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "engine/request.h"
#include "eval/annotations.h"
#include "grounding/calibration.h"

namespace shijian::eval {

// Scores heads by how well the time that each of them looks at agrees with the truth.
class HeadChooser {
 public:
  // What is not shown whole, or happens several times there, says nothing.
  void add(const EvalItem& item, const engine::HeadsAttention& seen);

  // The best few whose mean intersection over union is at least 0.25; none where none is so good.
  grounding::ReadoutHeads choose(int64_t rows) const;

 private:
  std::map<std::pair<int64_t, int64_t>, double> sums_;  // of each head
  size_t questions_ = 0;                                // that said something
};

}  // namespace shijian::eval
