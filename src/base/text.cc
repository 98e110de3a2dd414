#include "base/text.h"

#include <charconv>

namespace shijian {
namespace {

constinit const internal::ListedForm* latest = nullptr;

}  // namespace

namespace internal {

ListedForm::ListedForm(std::string_view form) noexcept : form_(form), next_(latest) {
  latest = this;
}

}  // namespace internal

std::vector<std::string_view> text_forms() {
  std::vector<std::string_view> forms;
  for (const internal::ListedForm* form = latest; form != nullptr; form = form->next_) {
    forms.push_back(form->form_);
  }
  return forms;
}

std::string fill(std::string_view form, std::span<const std::string> texts) {
  std::string out;
  size_t next = 1;
  while (!form.empty()) {
    const size_t open = std::min(form.find('{'), form.size());
    out += form.substr(0, open);
    form.remove_prefix(open);
    if (form.empty()) break;
    size_t number = next;
    const char* const end = form.data() + form.size();
    const char* const close = std::from_chars(form.data() + 1, end, number).ptr;
    if (close == end || *close != '}' || number == 0 || number > texts.size()) {
      out += '{';  // a brace of the text
      form.remove_prefix(1);
      continue;
    }
    out += texts[number - 1];
    next = number + 1;
    form.remove_prefix(close + 1 - form.data());
  }
  return out;
}

std::string Text::english() const {
  return format_with([](const std::string& form) -> std::string_view { return form; });
}

std::string Text::format_with(std::string_view (*form_of)(const std::string& form)) const {
  const std::string_view form = is_value_ ? form_ : form_of(form_);
  if (arguments_.empty()) return std::string(form);
  std::vector<std::string> texts;
  for (const Text& argument : arguments_) texts.push_back(argument.format_with(form_of));
  return fill(form, texts);
}

}  // namespace shijian
