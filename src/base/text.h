// Translatable text as data: an English form and its arguments, so that it can be shown in the
// reader's language (i18n/).
//
//   throw Error(ErrorCode::kUsage, "jobs: more than {} in one call"_text(kMaxJobs),
//               "submit them in several calls"_text);
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace shijian {

enum class Language { kEnglish, kChinese };

// A form with what stands at its places; or a value, which is the same in every language.
class Text {
 public:
  Text() = default;
  // A name or a number.
  static Text value(std::string value) { return {std::move(value), {}, true}; }
  // Words that somebody else wrote: the system, a library. Translated where they are known.
  static Text words(std::string words) { return {std::move(words), {}, false}; }
  // `form` has {} where each argument stands.
  static Text filled(std::string form, std::vector<Text> arguments) {
    return {std::move(form), std::move(arguments), false};
  }

  bool empty() const { return form_.empty(); }
  bool is_value() const { return is_value_; }
  const std::string& form() const { return form_; }
  std::span<const Text> arguments() const { return arguments_; }
  std::string english() const;
  // Formats the text with each form replaced by form_of(form), which may return its argument.
  std::string format_with(std::string_view (*form_of)(const std::string& form)) const;

  // The same with `change` made to every form and value.
  template <typename Change>
  Text changed(const Change& change) const {
    Text text{change(form_), {}, is_value_};
    for (const Text& argument : arguments_) text.arguments_.push_back(argument.changed(change));
    return text;
  }

 private:
  Text(std::string form, std::vector<Text> arguments, bool is_value)
      : form_(std::move(form)), arguments_(std::move(arguments)), is_value_(is_value) {}

  std::string form_;
  std::vector<Text> arguments_;
  bool is_value_ = false;
};

// {} or {2}: the next or the second text. A place without a text stays as it is.
std::string fill(std::string_view form, std::span<const std::string> texts);

// The forms of all texts in the program, without what says how to write a value ("{:.3f}" is "{}"):
// for the test that none lacks its Chinese, and to know our own forms from those that a stranger
// made up.
std::vector<std::string_view> text_forms();

namespace internal {

template <size_t N>
struct Literal {
  // NOLINTNEXTLINE(google-explicit-constructor): a literal becomes a template argument
  constexpr Literal(const char (&text)[N]) { std::copy_n(text, N, value); }
  constexpr std::string_view view() const { return {value, N - 1}; }
  char value[N] = {};
};

// Adds itself to text_forms() before main() runs.
class ListedForm {
 public:
  explicit ListedForm(std::string_view form) noexcept;

 private:
  friend std::vector<std::string_view> shijian::text_forms();
  std::string_view form_;
  const ListedForm* next_;
};

// Where `found` stands from `begin` on, else the size. GCC 12 takes string_view::find() of a
// template argument for no constant where a sanitizer is on.
constexpr size_t find_char(std::string_view form, char found, size_t begin) {
  while (begin < form.size() && form[begin] != found) ++begin;
  return begin;
}

constexpr bool has_place(std::string_view form) {
  for (size_t i = 0; i + 1 < form.size(); ++i) {
    if (form[i] == '{' && (form[i + 1] == '}' || form[i + 1] == ':')) return true;
  }
  return false;
}

constexpr size_t count_places(std::string_view form) {
  size_t places = 0;
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '{') continue;
    if (i + 1 < form.size() && form[i + 1] == '{') {
      ++i;
    } else {
      ++places;
    }
  }
  return places;
}

// A form of fmt's taken apart: where each value is to be written, and how.
template <Literal L>
struct ParsedForm {
  static constexpr size_t kPlaces = count_places(L.view());

  constexpr ParsedForm() {
    const std::string_view form = L.view();
    size_t place = 0;
    for (size_t i = 0; i < form.size(); ++i) {
      plain[size++] = form[i];
      if (form[i] == '}' && i + 1 < form.size() && form[i + 1] == '}') ++i;
      if (form[i] != '{') continue;
      if (form[i + 1] == '{') {
        ++i;
        continue;
      }
      const size_t end = find_char(form, '}', i);
      how[place++] = form.substr(i, end + 1 - i);
      plain[size++] = '}';
      i = end;
    }
  }

  std::array<std::string_view, kPlaces> how = {};  // "{:.3f}"
  char plain[sizeof(L.value)] = {};                // with {} in their place
  size_t size = 0;
};

// What `"..."_text` is: a text where the form has no places, else what makes one of its values.
template <Literal L>
class Form {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a form without places is a text
  operator Text() const {
    static_assert(!has_place(L.view()), "give a value for each {}");
    static const ListedForm* const listed = &whole_;
    static_cast<void>(listed);
    return Text::words(std::string(L.view()));
  }

  template <typename... T>
  Text operator()(const T&... values) const {
    static_assert(sizeof...(T) == kParsed.kPlaces, "each {} takes one value, in order");
    static constexpr fmt::format_string<const Shown<T>&...> kChecked{L.value};
    static_cast<void>(kChecked);
    static const ListedForm* const listed = &plain_;
    static_cast<void>(listed);
    size_t place = 0;
    std::vector<Text> arguments;
    arguments.reserve(sizeof...(T));
    (arguments.push_back(argument(kParsed.how[place++], values)), ...);
    return Text::filled({kParsed.plain, kParsed.size}, std::move(arguments));
  }

 private:
  template <typename T>
  using Shown = std::conditional_t<std::is_convertible_v<const T&, Text>, Text, T>;

  template <typename T>
  static Text argument(std::string_view how, const T& value) {
    if constexpr (std::is_convertible_v<const T&, Text>) {
      return value;
    } else {
      return Text::value(fmt::format(fmt::runtime(how), value));
    }
  }

  static constexpr ParsedForm<L> kParsed{};
  static inline const ListedForm whole_{L.view()};
  static inline const ListedForm plain_{std::string_view(kParsed.plain, kParsed.size)};
};

}  // namespace internal

template <internal::Literal L>
constexpr internal::Form<L> operator""_text() {
  return {};
}

}  // namespace shijian

// In English, as logs have it.
template <>
struct fmt::formatter<shijian::Text> : fmt::formatter<std::string_view> {
  auto format(const shijian::Text& text, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(text.english(), context);
  }
};
