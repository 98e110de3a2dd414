#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/pretokenizer.h"

#include <pcre2.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/error.h"
#include "base/utf8.h"

namespace shijian::text {

const std::string_view kQwenSplitPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

constexpr auto kHint = "use the tokenizer files of the model"_text;
constexpr size_t kMaxPattern = 4096;
constexpr uint32_t kMaxSteps = 20'000'000;
constexpr uint32_t kMaxHeapKiB = 256 * 1024;

// The reference's expressions know the classes of Unicode 16.0; a PCRE2 that is older does not
// see these letters and numbers as such, and takes U+180E for a space. Offsets are all that
// matters here, so such a character is matched through a stand-in of its class and length.
struct Range {
  char32_t first, last;
};
constexpr Range kYoungLetters[] = {
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3},
    {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x1123F, 0x11240},
    {0x11380, 0x11389}, {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5},
    {0x113B7, 0x113B7}, {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0},
    {0x11F02, 0x11F02}, {0x11F04, 0x11F10}, {0x11F12, 0x11F33}, {0x1342F, 0x1342F},
    {0x13441, 0x13446}, {0x13460, 0x143FA}, {0x16100, 0x1611D}, {0x16D40, 0x16D6C},
    {0x18CFF, 0x18CFF}, {0x1B132, 0x1B132}, {0x1B155, 0x1B155}, {0x1DF25, 0x1DF2A},
    {0x1E030, 0x1E06D}, {0x1E4D0, 0x1E4EB}, {0x1E5D0, 0x1E5ED}, {0x1E5F0, 0x1E5F0},
    {0x2B739, 0x2B739}, {0x2EBF0, 0x2EE5D}, {0x31350, 0x323AF}};
constexpr Range kYoungNumbers[] = {{0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9},
                                   {0x11F50, 0x11F59}, {0x16130, 0x16139}, {0x16D70, 0x16D79},
                                   {0x1CCF0, 0x1CCF9}, {0x1D2C0, 0x1D2D3}, {0x1E4F0, 0x1E4F9},
                                   {0x1E5F1, 0x1E5FA}};

template <size_t N>
bool contains(const Range (&ranges)[N], char32_t c) {
  const auto above =
      std::upper_bound(std::begin(ranges), std::end(ranges), c,
                       [](char32_t value, const Range& r) { return value < r.first; });
  return above != std::begin(ranges) && c <= std::prev(above)->last;
}

// The stand-in's UTF-8, or nothing for a character that stands for itself.
std::string_view stand_in(char32_t c) {
  if (c == 0x180E) return "\u2020";
  if (contains(kYoungLetters, c)) return c < 0x10000 ? "\u4E00" : "\U00020000";
  if (contains(kYoungNumbers, c)) return "\U0001D7CE";
  return {};
}

// Replaces in a copy; returns `text` itself when there is nothing to replace.
std::string_view with_stand_ins(std::string_view text, std::string& copy) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length > 2) {
      const std::string_view other = stand_in(read_utf8(text, i).code);
      if (!other.empty()) {
        if (copy.empty()) copy = text;
        copy.replace(i, length, other);
      }
    }
    i += length;
  }
  return copy.empty() ? text : copy;
}

struct FreeMatchData {
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
};

std::string pcre_message(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

}  // namespace

struct PreTokenizer::State {
  pcre2_code* code = nullptr;
  pcre2_match_context* limits = nullptr;
  std::string file;

  ~State() {
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
  }
};

PreTokenizer::PreTokenizer(std::string_view pattern, std::string_view file) {
  auto state = std::make_shared<State>();
  state->file = file;
  if (pattern.size() > kMaxPattern) {
    throw Error(ErrorCode::kInvalid,
                "read {}: the pre-tokeniser's expression has {} bytes, at most {} are "
                "accepted"_text(file, pattern.size(), kMaxPattern),
                kHint);
  }
  int error = 0;
  PCRE2_SIZE offset = 0;
  state->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  if (state->code == nullptr) {
    throw Error(ErrorCode::kInvalid,
                "read {}: the pre-tokeniser's expression, byte {}: {}"_text(
                    file, offset, Text::words(pcre_message(error))),
                kHint);
  }
  // Without memory for machine code PCRE2 interprets: slower, the same result.
  pcre2_jit_compile(state->code, PCRE2_JIT_COMPLETE);
  state->limits = pcre2_match_context_create(nullptr);
  if (state->limits == nullptr) throw Error(ErrorCode::kNoMemory, "prepare the pre-tokeniser"_text);
  pcre2_set_match_limit(state->limits, kMaxSteps);
  pcre2_set_heap_limit(state->limits, kMaxHeapKiB);
  state_ = std::move(state);
}

void PreTokenizer::split(std::string_view text,
                         const std::function<void(std::string_view)>& word) const {
  const std::unique_ptr<pcre2_match_data, FreeMatchData> match(
      pcre2_match_data_create_from_pattern(state_->code, nullptr));
  if (!match) throw Error(ErrorCode::kNoMemory, "split text into words"_text);
  std::string copy;
  const std::string_view subject = with_stand_ins(text, copy);
  const auto* bytes = reinterpret_cast<PCRE2_SPTR>(subject.data());
  const PCRE2_SIZE* range = pcre2_get_ovector_pointer(match.get());

  size_t done = 0;    // words were given out up to here
  size_t search = 0;  // the next match may begin here
  while (search < text.size()) {
    uint32_t options = PCRE2_NO_UTF_CHECK;
    int found = pcre2_match(state_->code, bytes, subject.size(), search, options, match.get(),
                            state_->limits);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {  // the interpreter keeps its stack on the heap
      options |= PCRE2_NO_JIT;
      found = pcre2_match(state_->code, bytes, subject.size(), search, options, match.get(),
                          state_->limits);
    }
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0 || range[0] < search || range[1] < range[0]) {
      throw Error(ErrorCode::kInvalid,
                  "split text by the pre-tokeniser of {}: {}"_text(
                      state_->file, found < 0 ? Text::words(pcre_message(found))
                                              : Text("a match that ends before it begins"_text)),
                  "use the tokenizer.json of the model"_text);
    }
    if (range[0] == range[1]) {  // an empty match: go on behind the next character
      search = range[1];
      if (search < text.size()) search += read_utf8(text, search).size;
      continue;
    }
    if (range[0] > done) word(text.substr(done, range[0] - done));
    word(text.substr(range[0], range[1] - range[0]));
    done = search = range[1];
  }
  if (done < text.size()) word(text.substr(done));
}

}  // namespace shijian::text
