// Plain data as bytes and back, for processes of one program. Internal to video/.
//
// A struct takes part by a function `void each_field(auto& wire, Struct& s) { wire(s.a, s.b); }`.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace shijian::video {

class WireWriter {
 public:
  template <typename... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }
  std::string_view bytes() const { return bytes_; }

 private:
  template <typename T>
  void put(const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      each_field(*this, const_cast<T&>(value));  // one list of fields serves both directions
    }
  }
  void put(const std::string& text) {
    put(text.size());
    bytes_ += text;
  }
  template <typename T>
  void put(const std::vector<T>& values) {
    put(values.size());
    for (const T& value : values) put(value);
  }

  std::string bytes_;
};

// Any bytes are safe. Throws Error(kInvalid) where they end too soon.
class WireReader {
 public:
  static constexpr size_t kMaxOwners = 10000;  // texts, tracks, ... of one list
  static constexpr int kMaxDepth = 16;         // of structs in structs

  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}
  template <typename... T>
  void operator()(T&... values) {
    (get(values), ...);
  }

 private:
  std::string_view take(size_t size) {
    if (size > bytes_.size()) throw Error(ErrorCode::kInvalid, "message: it is cut short"_text);
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  template <typename T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = take(1).front() != 0;
    } else if constexpr (std::is_arithmetic_v<T>) {
      std::memcpy(&value, take(sizeof value).data(), sizeof value);
    } else {
      if (depth_ == kMaxDepth) {
        throw Error(ErrorCode::kInvalid, "message: it is nested too deep"_text);
      }
      ++depth_;
      each_field(*this, value);
      --depth_;
    }
  }
  void get(std::string& text) {
    size_t size = 0;
    get(size);
    text = take(size);
  }
  template <typename T>
  void get(std::vector<T>& values) {
    size_t count = 0;
    get(count);
    // What owns memory takes more of it than of the message.
    if (!std::is_trivially_copyable_v<T> && count > kMaxOwners) {
      throw Error(ErrorCode::kInvalid, "message: it has too many items"_text);
    }
    values.clear();
    for (size_t i = 0; i < count; ++i) get(values.emplace_back());
  }

  std::string_view bytes_;
  int depth_ = 0;
};

}  // namespace shijian::video
