// One answer to a question that was asked of several windows of a video.
#pragma once

#include <string>
#include <vector>

#include "grounding/output.h"
#include "localise/windows.h"

namespace shijian::engine {

class JoinedAnswer {
 public:
  explicit JoinedAnswer(const std::string& question);

  const std::string& plain() const { return plain_; }  // without its ordinal: as windows are asked

  // Answers to plain(), in the windows' order, one at least.
  void add(grounding::Answer seen);
  // Gives the answer out.
  grounding::Answer take();

 private:
  const std::string question_;
  const std::string plain_;
  std::vector<localise::WindowEvents> windows_;
  std::vector<grounding::WindowWords> words_;
  grounding::Answer answer_;
};

}  // namespace shijian::engine
