// The answer parser on arbitrary text: the first two bytes are the clip's length in tenths of a
// second, the rest is what a model might have written. What comes back is sound whatever it was.
#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "grounding/answer.h"
#include "grounding/confidence.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  shijian::grounding::AnswerOptions options;
  options.to = (data[0] + 256 * data[1]) / 10.0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  shijian::grounding::ParsedAnswer answer = shijian::grounding::parse_answer(text, options);
  double previous = 0;
  for (const shijian::grounding::Event& event : answer.events) {
    CHECK(std::isfinite(event.start) && std::isfinite(event.end));
    CHECK(previous <= event.start && event.start <= event.end && event.end <= options.to);
    CHECK(event.start_range.end <= text.size() && event.end_range.end <= text.size());
    previous = event.start;
  }
  CHECK(!(answer.absent && answer.unparsed));
  CHECK(answer.events.empty() || !(answer.absent || answer.unparsed));
  CHECK(answer.trust > 0 && answer.trust <= 1);
  const shijian::grounding::GeneratedToken whole{0, std::string(text), -0.5, {}};
  shijian::grounding::set_confidence(answer.events, text, {&whole, 1}, answer.trust);
  for (const shijian::grounding::Event& event : answer.events) {
    CHECK(!event.confidence || (*event.confidence >= 0 && *event.confidence <= 1));
  }
  return 0;
}
