#include "app/say.h"

#include <fmt/format.h>

#include <cstdio>

#include "i18n/translate.h"

namespace shijian::app {

void say(const Text& message, const Text& hint) {
  const Language language = i18n::reader_language();
  fmt::print(stderr, "shijian: {}\n", i18n::translate(message, language));
  if (hint.empty()) return;
  fmt::print(stderr, "  {}: {}\n", i18n::translate("hint"_text, language),
             i18n::translate(hint, language));
}

}  // namespace shijian::app
