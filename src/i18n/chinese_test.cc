#include "i18n/chinese.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"

namespace shijian::i18n {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

TEST(Chinese, PutsNamesAndNumbersWhereTheyBelong) {
  EXPECT_EQ(in_chinese("name a regular file"), "请给出普通文件");
  EXPECT_EQ(in_chinese("open movie.mp4: No such file or directory"),
            "打开 movie.mp4：没有这个文件或目录");
  EXPECT_EQ(in_chinese("open video a.txt: it holds no known video format"),
            "打开视频 a.txt：不是已知的视频格式");
  EXPECT_EQ(in_chinese("queue 3 jobs: 999 of 1000 places are taken"),
            "排入 3 个任务：1000 个位置已占用 999 个");
  EXPECT_EQ(in_chinese("read m/a.safetensors: tensor w: its shape [2, 3] overflows"),
            "读取 m/a.safetensors：张量 w：它的形状 [2, 3] 溢出");
  EXPECT_EQ(in_chinese("cancel job 7: it is done"), "取消任务 7：它已完成");
}

TEST(Chinese, LeavesNamesAndWhatItDoesNotKnowAlone) {
  EXPECT_EQ(in_chinese("open done: Permission denied"), "打开 done：没有权限");
  EXPECT_EQ(in_chinese("open {}: {2*}: Permission denied"), "打开 {}：{2*}: Permission denied");
  EXPECT_EQ(in_chinese("a sentence of somebody else"), "a sentence of somebody else");
  EXPECT_EQ(in_chinese(""), "");
  EXPECT_EQ(in_chinese("hint\n"), "hint\n");
  const std::string cut = "name \xe4\xba";
  EXPECT_EQ(in_chinese("open " + cut + ": Permission denied"), "打开 " + cut + "：没有权限");
}

TEST(Chinese, DoesBoundedWork) {
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += "read a: ";
  EXPECT_TRUE(in_chinese(deep).starts_with("读取 a：读取 a：读取 a："));
  const std::string longer(1 << 20, ' ');
  EXPECT_EQ(in_chinese("open " + longer + ": x"), "open " + longer + ": x");
}

TEST(Chinese, FollowsTheLocaleUntilToldOtherwise) {
  for (const char* name : {"SHIJIAN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"}) ::unsetenv(name);
  EXPECT_FALSE(reads_chinese());
  EXPECT_EQ(for_reader("hint"), "hint");
  ::setenv("LANG", "zh_CN.UTF-8", 1);
  EXPECT_TRUE(reads_chinese());
  EXPECT_EQ(for_reader("hint"), "提示");
  ::setenv("LC_ALL", "C.UTF-8", 1);
  EXPECT_FALSE(reads_chinese());
  ::setenv("SHIJIAN_LANG", "zh", 1);
  EXPECT_TRUE(reads_chinese());
  ::setenv("SHIJIAN_LANG", "en", 1);
  EXPECT_FALSE(reads_chinese());
}

TEST(Chinese, FollowsAcceptLanguage) {
  for (const char* header : {"zh", "zh-CN,zh;q=0.9,en;q=0.8", "en;q=0.5, zh;q=0.6", "fr, zh-TW"}) {
    EXPECT_TRUE(accepts_chinese(header)) << header;
  }
  for (const char* header :
       {"", "en", "en-GB,en;q=0.9,zh;q=0.8", "zh;q=0", "*", "de", ",,;q=,zh;q="}) {
    EXPECT_FALSE(accepts_chinese(header)) << header;
  }
}

TEST(Chinese, EveryPlaceOfALineIsOneOfItsEnglish) {
  std::istringstream table(read(fs::path(SHIJIAN_SOURCE_DIR) / "src/i18n/chinese.txt"));
  std::string english;
  int pairs = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line.starts_with("# ")) continue;
    if (!line.starts_with("  ")) {
      EXPECT_EQ(english, "") << "no Chinese";
      english = line;
      continue;
    }
    int places = 0;
    for (size_t at = 0; (at = english.find("{}", at)) != std::string::npos; ++at) ++places;
    int next = 1;
    for (size_t at = 0; (at = line.find('{', at)) != std::string::npos;) {
      int number = 0;
      for (++at; at < line.size() && std::isdigit(static_cast<unsigned char>(line[at])); ++at)
        number = number * 10 + (line[at] - '0');
      if (line[at] == '*') ++at;
      if (line[at] != '}') continue;  // a brace of the text
      if (number == 0) number = next;
      EXPECT_LE(number, places) << english;
      next = number + 1;
    }
    EXPECT_TRUE(has_chinese(english)) << english;
    english.clear();
    ++pairs;
  }
  EXPECT_GT(pairs, 800);
}

// "{:.3f}" is "{}".
std::string without_specifiers(std::string text) {
  for (size_t at = 0; (at = text.find("{:", at)) != std::string::npos; ++at)
    text.erase(at + 1, text.find('}', at) - at - 1);
  return text;
}

// The literals of the call whose arguments begin at `begin`, adjacent ones joined; none for our own
// bugs, which are told in English.
std::vector<std::string> literals(const std::string& source, size_t begin) {
  std::vector<std::string> found;
  bool joined = false;  // only space since the last literal
  int depth = 1;
  for (size_t i = begin; i < source.size() && depth > 0; ++i) {
    const char c = source[i];
    if (c == '(') ++depth;
    if (c == ')' || c == ';') --depth;
    if (source.compare(i, 9, "kInternal") == 0) return {};
    if (c != '"') {
      joined = joined && std::isspace(static_cast<unsigned char>(c)) != 0;
      continue;
    }
    std::string text;
    for (++i; i < source.size() && source[i] != '"'; ++i) {
      if (source[i] == '\\') ++i;
      text += source[i];
    }
    if (!joined) found.emplace_back();
    found.back() += text;
    joined = true;
  }
  for (std::string& text : found) text = without_specifiers(text);
  return found;
}

// What every call that makes an error says.
std::vector<std::string> texts_of_errors(const std::string& source) {
  std::vector<std::string> texts;
  for (const std::string call : {"Error(", "fail(", "refuse(", "wrong(", "malformed(", "need(",
                                 "bad_request(", "forbidden_path(", "Hint ="}) {
    for (size_t at = 0; (at = source.find(call, at)) != std::string::npos;) {
      at += call.size();
      for (std::string& text : literals(source, at)) texts.push_back(std::move(text));
    }
  }
  return texts;
}

// Words of the table, alone or behind what they are said of.
bool is_known(std::string text) {
  for (const char* before : {"", "{} ", "{}", "{}: "}) {
    if (has_chinese(before + text) || has_chinese(before + text + "{}")) return true;
  }
  return false;
}

TEST(Chinese, LacksNoErrorOfTheSources) {
  // What only puts together what others say, and parts of a sentence.
  const std::vector<std::string> parts{
      "{}: {}",
      "{} {}: {}",
      "open {}",
      "read {}: {}{} {}",
      "{} {}: not a time",
      "read {}: {} is {}, expected an object",
      ", or a larger context",
      "{} {}: it needs more than {} MiB of memory",
      "{} {}: the decoder said nothing for {} s",
      "says ",
      "shape {}, expected {}{}",
      "line {}: {}",
      "use less text, fewer or smaller frames, a shorter part or answer{}"};
  size_t seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(SHIJIAN_SOURCE_DIR) / "src")) {
    const std::string name = entry.path().filename().string();
    const std::string kind = entry.path().extension().string();
    if ((kind != ".cc" && kind != ".h") || name.find("_test") != name.npos ||
        name.find("fixture") != name.npos || name == "test_client.h") {
      continue;
    }
    for (const std::string& text : texts_of_errors(read(entry.path()))) {
      const bool sentence = std::count(text.begin(), text.end(), ' ') > 0 && text.size() > 8;
      if (!sentence || std::find(parts.begin(), parts.end(), text) != parts.end()) continue;
      ++seen;
      EXPECT_TRUE(is_known(text)) << entry.path() << ": src/i18n/chinese.txt lacks: " << text;
    }
  }
  EXPECT_GT(seen, 500u);
}

TEST(Chinese, KnowsWhatTheSystemSays) {
  for (const int number : {ENOENT, EACCES, EPERM, EISDIR, ENOTDIR, ENOSPC, EFBIG, EIO, EROFS,
                           ENOMEM, EMFILE, EPIPE, EAGAIN, ENAMETOOLONG, ELOOP}) {
    const Error error = system_error("open", "a.mp4", number);
    EXPECT_TRUE(in_chinese(error.message()).starts_with("打开 a.mp4：")) << error.message();
    EXPECT_TRUE(has_chinese(std::strerror(number))) << error.message();
    EXPECT_NE(in_chinese(error.hint()), error.hint());
  }
}

}  // namespace
}  // namespace shijian::i18n
