#include "guided/time_form.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace shijian::guided {
namespace {

constexpr uint32_t kLongestLabel = 200;  // characters

uint8_t byte_at(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

}  // namespace

TimeWords sentence_words(Language language) {
  TimeWords words;
  const bool chinese = language == Language::kChinese;
  words.denial = chinese ? "视频中没有出现该事件。" : "The event does not occur in the video.";
  words.open = chinese ? "事件发生在 " : "The event happens in ";
  words.between = " - ";
  words.next = ", ";
  words.close = chinese ? " 秒。" : " seconds.";
  return words;
}

TimeWords pair_words() {
  TimeWords words;
  words.denial = "[]";
  words.open = "[[";
  words.between = ", ";
  words.close_item = "]";
  words.next = ", [";
  words.close = "]";
  return words;
}

TimeWords object_words() {
  TimeWords words;
  words.denial = "[]";
  words.open = "[{\"start\": ";
  words.between = ", \"end\": ";
  words.label = ", \"label\": \"";
  words.close_item = "\"}";
  words.next = ", {\"start\": ";
  words.close = "]";
  words.prose = true;
  return words;
}

TimeForm::TimeForm(TimeWords words, const TimeRange& range)
    : words_(std::move(words)), unit_(1), decimals_(range.decimals), most_(range.most) {
  CHECK(range.decimals >= 0 && range.decimals <= 3 && range.from <= range.to);
  CHECK(!words_.open.empty() && !words_.between.empty() && !words_.next.empty() &&
        !words_.close.empty() && words_.next[0] != words_.close[0]);
  for (int i = 0; i < decimals_; ++i) unit_ *= 10;
  const auto scale = static_cast<double>(unit_);
  from_ = static_cast<int64_t>(std::floor(std::max(range.from, 0.0) * scale));
  to_ = std::max(from_, static_cast<int64_t>(std::ceil(range.to * scale)));
}

TimeState::TimeState(const TimeForm& form)
    : form_(&form), step_(form.words_.prose ? Step::kProse : Step::kHead), start_(form.from_) {}

bool TimeState::complete() const { return step_ == Step::kProse || step_ == Step::kDone; }

bool TimeState::push(uint8_t byte) {
  switch (step_) {
    case Step::kProse:
      if (byte != '[') return true;
      enter(Step::kHead);
      return head(byte);
    case Step::kHead:
      return head(byte);
    case Step::kStart:
    case Step::kEnd:
      return number(byte);
    case Step::kLabelText:
      if (byte == '"' && !character_.inside()) {
        enter(Step::kCloseItem);
        return follow(byte);
      }
      // A character that begins within the limit may end beyond it.
      if (!character_.inside() && ++length_ > kLongestLabel) return false;
      return byte >= 0x20 && byte != '\\' && character_.push(byte);
    case Step::kAfterItem:
      return after_item(byte);
    case Step::kDone:
      return false;
    default:
      return follow(byte);
  }
}

const std::string* TimeState::words() const {
  const TimeWords& words = form_->words_;
  switch (step_) {
    case Step::kDenial:
      return &words.denial;
    case Step::kOpen:
      return &words.open;
    case Step::kBetween:
      return &words.between;
    case Step::kLabel:
      return &words.label;
    case Step::kCloseItem:
      return &words.close_item;
    case Step::kNext:
      return &words.next;
    case Step::kClose:
      return &words.close;
    default:
      return nullptr;
  }
}

void TimeState::enter(Step step) {
  step_ = step;
  length_ = 0;
  number_ = {};
}

bool TimeState::follow(uint8_t byte) {
  const std::string& text = *words();
  if (byte_at(text, length_) != byte) return false;
  if (++length_ < text.size()) return true;
  switch (step_) {
    case Step::kOpen:
    case Step::kNext:
      ++count_;
      enter(Step::kStart);
      break;
    case Step::kBetween:
      enter(Step::kEnd);
      break;
    case Step::kLabel:
      enter(Step::kLabelText);
      break;
    case Step::kCloseItem:
      enter(Step::kAfterItem);
      break;
    default:
      enter(Step::kDone);
  }
  return true;
}

// While the denial and what opens are the same, both stay possible.
bool TimeState::head(uint8_t byte) {
  const std::string_view open = form_->words_.open, denial = form_->words_.denial;
  const bool opens = length_ < open.size() && byte_at(open, length_) == byte;
  const bool denies = length_ < denial.size() && byte_at(denial, length_) == byte;
  if (opens && denies) {
    ++length_;
    return true;
  }
  step_ = opens ? Step::kOpen : Step::kDenial;
  return (opens || denies) && follow(byte);
}

bool TimeState::number(uint8_t byte) {
  Number next = number_;
  if (byte == '.') {
    if (next.digits == 0 || next.decimals >= 0 || form_->decimals_ == 0) return false;
    next.decimals = 0;
  } else if (byte >= '0' && byte <= '9') {
    if (next.decimals < 0 && next.digits == 1 && next.value == 0) return false;  // 07
    next.value = next.value * 10 + (byte - '0');
    ++next.digits;
    if (next.decimals >= 0 && ++next.decimals > form_->decimals_) return false;
  } else {
    return after_number(byte);
  }
  if (!may_become(next)) return false;
  number_ = next;
  return true;
}

bool TimeState::after_number(uint8_t byte) {
  const int64_t value = value_of(number_);
  if (number_.digits == 0 || number_.decimals == 0 || value < least() || value > form_->to_) {
    return false;
  }
  if (step_ == Step::kStart) {
    start_ = value;
    enter(Step::kBetween);
  } else if (!form_->words_.label.empty()) {
    enter(Step::kLabel);
  } else if (!form_->words_.close_item.empty()) {
    enter(Step::kCloseItem);
  } else {
    enter(Step::kAfterItem);
    return after_item(byte);
  }
  return follow(byte);
}

bool TimeState::after_item(uint8_t byte) {
  const bool next = byte_at(form_->words_.next, 0) == byte && count_ < form_->most_;
  enter(next ? Step::kNext : Step::kClose);
  return follow(byte);
}

int64_t TimeState::value_of(const Number& number) const {
  int64_t value = number.value;
  for (int i = std::max(number.decimals, 0); i < form_->decimals_; ++i) value *= 10;
  return value;
}

// Ends are not before their starts, nor starts before those of earlier events.
int64_t TimeState::least() const { return std::max(form_->from_, start_); }

bool TimeState::may_become(const Number& number) const {
  const int64_t low = least(), high = form_->to_;
  const int64_t value = value_of(number);
  if (value > high) return false;
  int64_t width = 1;  // of the values that further decimals lead to
  for (int i = std::max(number.decimals, 0); i < form_->decimals_; ++i) width *= 10;
  if (value + width > low) return true;
  if (number.decimals >= 0 || number.value == 0) return false;
  // With more digits before the point.
  for (int64_t first = value * 10, last = (value + width) * 10 - 1; first <= high;
       first *= 10, last = last * 10 + 9) {
    if (last >= low) return true;
  }
  return false;
}

}  // namespace shijian::guided
