// Asks one question about one video: asks MODEL VIDEO QUESTION.
#include <cstdio>

#include "engine/engine.h"

int main(int count, char** words) {
  if (count != 4) return 2;
  try {
    shijian::engine::Engine engine({.model = words[1]});
    shijian::engine::LocateRequest request;
    request.video = words[2];
    request.questions = {words[3]};
    for (const shijian::grounding::Answer& answer : engine.locate(request).answers) {
      for (const shijian::grounding::Event& event : answer.events) {
        std::printf("%.3f %.3f\n", event.start, event.end);
      }
    }
    return 0;
  } catch (const shijian::Error& error) {
    std::fprintf(stderr, "%s\n%s\n", error.message().c_str(), error.hint().c_str());
    return 1;
  }
}
