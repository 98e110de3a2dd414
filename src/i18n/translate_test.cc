#include "i18n/translate.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "base/error.h"
#include "source_dir.h"

namespace shijian::i18n {
namespace {

std::string chinese(const Text& text) { return translate(text, Language::kChinese); }

TEST(Chinese, PutsNamesAndNumbersWhereTheyBelong) {
  EXPECT_EQ(chinese("name a regular file"_text), "请给出普通文件");
  EXPECT_EQ(chinese("queue {} jobs: {} of {} places are taken"_text(3, 999, 1000)),
            "排入 3 个任务：1000 个位置已占用 999 个");
}

TEST(Chinese, SaysATextWithinATextInChineseToo) {
  const Text open = "open {} {}"_text("video"_text, "movie.mp4");
  EXPECT_EQ(chinese(system_error(open, ENOENT).message_text()),
            "打开视频 movie.mp4：没有这个文件或目录");
}

TEST(Chinese, LeavesNamesAlone) {
  EXPECT_EQ(chinese(system_error("open {}"_text("done"), EACCES).message_text()),
            "打开 done：没有权限");
  EXPECT_EQ(chinese(system_error("open {}"_text("{2}: Permission denied"), EACCES).message_text()),
            "打开 {2}: Permission denied：没有权限");
  const std::string cut = "name \xe4\xba";
  EXPECT_EQ(chinese(system_error("open {}"_text(cut), EACCES).message_text()),
            "打开 " + cut + "：没有权限");
}

TEST(Chinese, LeavesWordsThatItDoesNotKnowAlone) {
  EXPECT_EQ(chinese(Text::words("a sentence of somebody else")), "a sentence of somebody else");
  EXPECT_EQ(chinese(Text::words("{} of {}")), "{} of {}");
  EXPECT_EQ(chinese({}), "");
}

TEST(Chinese, EnglishStaysEnglish) {
  EXPECT_EQ(translate("name a regular file"_text, Language::kEnglish), "name a regular file");
}

TEST(Chinese, FollowsTheLocaleUntilToldOtherwise) {
  for (const char* name : {"SHIJIAN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"}) ::unsetenv(name);
  EXPECT_EQ(reader_language(), Language::kEnglish);
  ::setenv("LANG", "zh_CN.UTF-8", 1);
  EXPECT_EQ(reader_language(), Language::kChinese);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  EXPECT_EQ(reader_language(), Language::kEnglish);
  ::setenv("SHIJIAN_LANG", "zh", 1);
  EXPECT_EQ(reader_language(), Language::kChinese);
  ::setenv("SHIJIAN_LANG", "en", 1);
  EXPECT_EQ(reader_language(), Language::kEnglish);
}

TEST(Chinese, FollowsAcceptLanguage) {
  for (const char* header :
       {"zh", "zh-CN,zh;q=0.9,en;q=0.8", "en;q=0.5, zh;q=0.6", "fr, zh-TW", "ZH-cn"}) {
    EXPECT_EQ(accepted_language(header), Language::kChinese) << header;
  }
  for (const char* header :
       {"", "en", "en-GB,en;q=0.9,zh;q=0.8", "zh;q=0", "*", "de", ",,;q=,zh;q="}) {
    EXPECT_EQ(accepted_language(header), Language::kEnglish) << header;
  }
}

// The places of a form, "{}" counted on from the one before.
std::multiset<int> places(const std::string& form) {
  std::multiset<int> found;
  int next = 1;
  for (size_t at = 0; (at = form.find('{', at)) != std::string::npos;) {
    int number = 0;
    for (++at; at < form.size() && std::isdigit(static_cast<unsigned char>(form[at])); ++at)
      number = number * 10 + (form[at] - '0');
    if (form[at] != '}') continue;  // a brace of the text
    if (number == 0) number = next;
    found.insert(number);
    next = number + 1;
  }
  return found;
}

TEST(Chinese, EveryLineHasThePlacesOfItsEnglish) {
  std::ifstream table(source_dir() / "src/i18n/chinese.txt");
  std::string english;
  int pairs = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line.starts_with("# ")) continue;
    if (!line.starts_with("  ")) {
      EXPECT_EQ(english, "") << "no Chinese";
      english = line;
      continue;
    }
    EXPECT_EQ(places(line), places(english)) << english;
    EXPECT_EQ(chinese_form(english), line.substr(2)) << "there are two: " << english;
    english.clear();
    ++pairs;
  }
  EXPECT_GT(pairs, 800);
}

TEST(Chinese, KnowsWhatTheSystemSays) {
  for (const int number : {ENOENT, EACCES, EPERM, EISDIR, ENOTDIR, ENOSPC, EFBIG, EIO, EROFS,
                           ENOMEM, EMFILE, EPIPE, EAGAIN, ENAMETOOLONG, ELOOP}) {
    const Error error = system_error("open {}"_text("a.mp4"), number);
    EXPECT_TRUE(chinese_form(std::strerror(number))) << error.message();
    EXPECT_NE(chinese(error.hint_text()), error.hint());
  }
}

}  // namespace
}  // namespace shijian::i18n
