#include "base/text_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "base/utf8.h"

namespace shijian {
namespace {

using testing::ElementsAre;
using namespace std::string_literals;

TEST(Utf8, KnowsWhatIsWellFormed) {
  for (const char* good :
       {"", "a", "é", "中文", "\xf0\x9f\x8e\xac", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_valid_utf8(good)) << good;
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xff", "a\xe4\xb8", "\xf8\x88\x80\x80\x80"})
    EXPECT_FALSE(is_valid_utf8(bad));
}

TEST(Utf8, TakesTheLongestBeginningOfWhatIsIllFormed) {
  EXPECT_EQ(to_valid_utf8("a\xe4\xb8z\xff"), "a\uFFFDz\uFFFD");
  const Utf8Char cut = read_utf8("a\xe4\xb8", 1);
  EXPECT_TRUE(cut.truncated && !cut.valid);
  EXPECT_EQ(cut.size, 2u);
  EXPECT_FALSE(read_utf8("\xe4z", 0).truncated);
  EXPECT_EQ(read_utf8("中文", 3).code, U'文');
}

TEST(TextFile, MarksAreNoText) {
  const std::string text = "Wann? 何时 \U0001F3AC";
  EXPECT_EQ(decode_text(text, "q"), text);
  EXPECT_EQ(decode_text("\uFEFF" + text, "q"), text);
  EXPECT_EQ(decode_text("\xFF\xFEW\0h\0\r\0\n\0\x55\x4F\x3C\xD8\xAC\xDF"s, "q"),
            "Wh\r\n何\U0001F3AC");
  EXPECT_EQ(decode_text("\xFE\xFF\0W\x4F\x55\xD8\x3C\xDF\xAC"s, "q"), "W何\U0001F3AC");
  EXPECT_EQ(decode_text("\xFF\xFE"s, "q"), "");
  EXPECT_EQ(without_bom("\uFEFF\uFEFFa\uFEFF"), "a\uFEFF");
}

TEST(TextFile, SaysWhatIsNoText) {
  const auto message = [](const std::string& bytes) {
    try {
      decode_text(bytes, "q.txt");
    } catch (const Error& error) {
      return error.message();
    }
    return "nothing"s;
  };
  EXPECT_EQ(message("a\nb\n\xC4\xE3\xBA\xC3"), "read q.txt: line 3 is not text in UTF-8");  // GBK
  EXPECT_EQ(message("W\0h\0"s), "read q.txt: line 1 is not text in UTF-8");  // no mark
  EXPECT_EQ(message("\xFF\xFEWh\0"s), "read q.txt: its UTF-16 ends in half a character");
  EXPECT_EQ(message("\xFF\xFE\x3C\xD8W\0"s), "read q.txt: its UTF-16 has half a character");
}

TEST(TextFile, LinesEndInAnyWay) {
  EXPECT_THAT(filled_lines("one\r\n\r\n  two\t\n\u3000\n\uFEFFthree\rfour"),
              ElementsAre("one", "two", "three", "four"));
  EXPECT_THAT(filled_lines(" \n"), ElementsAre());
  const TemporaryFolder folder;
  write_file_atomic(folder.path() / "q", "\uFEFFone\r\n");
  EXPECT_EQ(read_text_file(folder.path() / "q", 100), "one\r\n");
}

TEST(TextFile, JsonMayHaveAMark) {
  EXPECT_EQ(parse_json("\uFEFF{\"a\": 1}", "the body")["a"], 1);
  EXPECT_EQ(parse_json("\xFF\xFE[\0\x32\0]\0"s, "the body")[0], 2);
}

}  // namespace
}  // namespace shijian
