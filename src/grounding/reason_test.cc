#include "grounding/reason.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shijian::grounding {
namespace {

using testing::HasSubstr;

Answer found(Language language) {
  Answer answer;
  answer.language = language;
  Event event;
  event.start = 85.2;
  event.end = 88.3;
  event.evidence = Evidence{0.99, 0.97, 2, 1};
  answer.events = {event};
  answer.sampling.plan = {{0, 60, 2, "whole"}, {60, 120, 2, "whole"}, {84, 90, 10.67, "event"}};
  return answer;
}

TEST(Reason, SaysWhatWasMeasured) {
  EXPECT_EQ(evidence_reason(found(Language::kEnglish)),
            "00:01:25.200 - 00:01:28.300: looked at 2 times, most closely at 10.7 frames a second; "
            "the model found it 97% likely to be there at all, and its times 99% likely");
  EXPECT_THAT(evidence_reason(found(Language::kChinese)),
              HasSubstr("看了 2 次，最细的一次每秒 10.7 帧"));
  Answer unknown = found(Language::kEnglish);
  unknown.events[0].evidence.reset();
  EXPECT_THAT(evidence_reason(unknown), testing::EndsWith("10.7 frames a second"));
  EXPECT_EQ(evidence_reason({}), "");
}

TEST(Reason, IsAskedInTheLanguageOfTheQuestion) {
  EXPECT_THAT(std::string(reason_question(Language::kEnglish)), HasSubstr("what do you see"));
  EXPECT_THAT(std::string(reason_question(Language::kChinese)), HasSubstr("看到了什么"));
}

}  // namespace
}  // namespace shijian::grounding
