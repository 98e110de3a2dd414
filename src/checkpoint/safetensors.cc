#include "checkpoint/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace shijian::checkpoint {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr size_t kMaxTensors = 1'000'000;
constexpr size_t kMaxRank = 8;

std::optional<tensor::DType> dtype_from_name(std::string_view name) {
  for (tensor::DType dtype :
       {tensor::DType::kF32, tensor::DType::kF16, tensor::DType::kBF16, tensor::DType::kF64,
        tensor::DType::kI64, tensor::DType::kI32, tensor::DType::kI16, tensor::DType::kI8,
        tensor::DType::kU8, tensor::DType::kBool, tensor::DType::kF8E4M3, tensor::DType::kF8E5M2}) {
    if (tensor::dtype_name(dtype) == name) return dtype;
  }
  return std::nullopt;
}

// Names come from the file: cut to a length that a one-line message can bear.
std::string shown(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, 200)) out += static_cast<unsigned char>(c) < 32 ? '?' : c;
  return text.size() > 200 ? out + "..." : out;
}

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, std::string_view file) : bytes_(bytes), file_(file) {}

  SafetensorsHeader parse() {
    SafetensorsHeader out;
    out.json = header_text();
    simdjson::dom::parser parser(kMaxHeaderBytes);  // a bound: it takes memory for what it parses
    simdjson::dom::object root;
    const auto error = parser.parse(out.json.data(), out.json.size()).get(root);
    if (error != simdjson::SUCCESS) {
      fail("the header is not a JSON object: {}"_text(Text::words(simdjson::error_message(error))));
    }
    read_tensors(root, out);
    check_layout(out.tensors);
    return out;
  }

 private:
  [[noreturn]] void fail(const Text& what) const {
    throw Error(ErrorCode::kInvalid, "read {}: {}"_text(file_, what),
                "the file is damaged or was not downloaded whole; fetch it again"_text);
  }
  [[noreturn]] void fail(std::string_view tensor, const Text& what) const {
    fail("tensor {}: {}"_text(shown(tensor), what));
  }

  std::string_view header_text() const {
    if (bytes_.size() < kLengthBytes) {
      fail("{} bytes are too few for a safetensors file"_text(bytes_.size()));
    }
    uint64_t length = 0;
    for (size_t i = 0; i < kLengthBytes; ++i) {
      length |= static_cast<uint64_t>(bytes_[i]) << (8 * i);
    }
    const uint64_t limit = std::min<uint64_t>(bytes_.size() - kLengthBytes, kMaxHeaderBytes);
    if (length > limit) {
      fail("the header claims {} bytes, at most {} are possible"_text(length, limit));
    }
    return {reinterpret_cast<const char*>(bytes_.data()) + kLengthBytes,
            static_cast<size_t>(length)};
  }

  void read_tensors(simdjson::dom::object root, SafetensorsHeader& out) {
    if (root.size() > kMaxTensors) fail("more than {} tensors"_text(kMaxTensors));
    data_ = bytes_.data() + kLengthBytes + out.json.size();
    data_size_ = bytes_.size() - kLengthBytes - out.json.size();
    std::unordered_set<std::string_view> seen;
    for (const auto [key, value] : root) {
      if (!seen.insert(key).second) fail(key, "the name appears twice"_text);
      if (key == "__metadata__") {
        read_metadata(value, out);
      } else {
        out.tensors.push_back(read_tensor(key, value));
      }
    }
  }

  void read_metadata(simdjson::dom::element value, SafetensorsHeader& out) const {
    simdjson::dom::object fields;
    if (value.get(fields) != simdjson::SUCCESS) fail("__metadata__ is not an object"_text);
    for (const auto [key, item] : fields) {
      std::string_view text;
      if (item.get(text) != simdjson::SUCCESS) {
        fail("__metadata__ {} is not a string"_text(shown(key)));
      }
      out.metadata.insert_or_assign(std::string(key), std::string(text));
    }
  }

  SafetensorsEntry read_tensor(std::string_view name, simdjson::dom::element value) const {
    simdjson::dom::object fields;
    if (value.get(fields) != simdjson::SUCCESS) fail(name, "its entry is not an object"_text);
    std::optional<std::string_view> dtype_text;
    std::optional<simdjson::dom::array> shape_list, offset_list;
    for (const auto [key, item] : fields) {
      bool fits = true;
      if (key == "dtype") {
        std::string_view text;
        fits = !dtype_text && item.get(text) == simdjson::SUCCESS;
        dtype_text = text;
      } else if (key == "shape" || key == "data_offsets") {
        auto& target = key == "shape" ? shape_list : offset_list;
        simdjson::dom::array list;
        fits = !target && item.get(list) == simdjson::SUCCESS;
        target = list;
      } else {
        fail(name, "unknown key {}"_text(shown(key)));
      }
      if (!fits) fail(name, "its {} is repeated or of the wrong type"_text(shown(key)));
    }
    if (!dtype_text || !shape_list || !offset_list) {
      fail(name, "dtype, shape or data_offsets is missing"_text);
    }
    const auto dtype = dtype_from_name(*dtype_text);
    if (!dtype) {
      throw Error(ErrorCode::kUnsupported,
                  "read {}: tensor {}: dtype \"{}\" is unknown"_text(file_, shown(name),
                                                                     shown(*dtype_text)),
                  "use a checkpoint in BF16, F16 or F32"_text);
    }
    SafetensorsEntry entry{std::string(name), {nullptr, *dtype, {}}};
    const uint64_t bytes = read_shape(name, *shape_list, entry.view);
    place(name, *offset_list, bytes, entry.view);
    return entry;
  }

  // Fills the shape; returns the bytes that it needs.
  uint64_t read_shape(std::string_view name, simdjson::dom::array list,
                      tensor::TensorView& view) const {
    if (list.size() > kMaxRank) fail(name, "more than {} dimensions"_text(kMaxRank));
    int64_t elements = 1;
    for (simdjson::dom::element item : list) {
      int64_t extent = 0;
      if (!item.is_int64() || item.get(extent) != simdjson::SUCCESS || extent < 0) {
        fail(name, "its shape holds something other than sizes"_text);
      }
      view.shape.push_back(extent);
    }
    // A zero anywhere makes the tensor empty, yet the others may not overflow either: later code
    // multiplies them in any order.
    for (int64_t extent : view.shape) {
      if (__builtin_mul_overflow(elements, std::max<int64_t>(extent, 1), &elements)) {
        fail(name, "its shape {} overflows"_text(tensor::shape_string(view.shape)));
      }
    }
    const bool empty = std::find(view.shape.begin(), view.shape.end(), 0) != view.shape.end();
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(elements), tensor::dtype_size(view.dtype),
                               &bytes)) {
      fail(name, "its shape {} overflows"_text(tensor::shape_string(view.shape)));
    }
    return empty ? 0 : bytes;
  }

  void place(std::string_view name, simdjson::dom::array list, uint64_t bytes,
             tensor::TensorView& view) const {
    uint64_t offsets[2] = {0, 0};
    size_t count = 0;
    for (simdjson::dom::element item : list) {
      if (count == 2 || item.get(offsets[count]) != simdjson::SUCCESS) {
        fail(name, "its data_offsets are not two offsets"_text);
      }
      ++count;
    }
    if (count != 2) fail(name, "its data_offsets are not two offsets"_text);
    const auto [begin, end] = offsets;
    if (begin > end || end > data_size_) {
      fail(name,
           "its bytes {} to {} lie outside the {} bytes of data"_text(begin, end, data_size_));
    }
    if (end - begin != bytes) {
      fail(name, "{} {} needs {} bytes, its data_offsets hold {}"_text(
                     tensor::dtype_name(view.dtype), tensor::shape_string(view.shape), bytes,
                     end - begin));
    }
    view.data = data_ + begin;
    if (reinterpret_cast<uintptr_t>(view.data) % tensor::dtype_size(view.dtype) != 0) {
      throw Error(ErrorCode::kUnsupported,
                  "read {}: tensor {}: its bytes start at {}, not a multiple of {}"_text(
                      file_, shown(name), begin, tensor::dtype_size(view.dtype)),
                  "save the file again with the safetensors library, which aligns tensors"_text);
    }
  }

  // Tensors in the order of their bytes must follow each other and fill the data.
  void check_layout(std::vector<SafetensorsEntry>& tensors) const {
    const auto begin_of = [&](const SafetensorsEntry& e) {
      return static_cast<uint64_t>(static_cast<const std::byte*>(e.view.data) - data_);
    };
    std::sort(tensors.begin(), tensors.end(), [&](const auto& a, const auto& b) {
      return std::tuple(begin_of(a), a.view.bytes(), std::string_view(a.name)) <
             std::tuple(begin_of(b), b.view.bytes(), std::string_view(b.name));
    });
    uint64_t end = 0;
    for (const SafetensorsEntry& entry : tensors) {
      const uint64_t begin = begin_of(entry);
      if (begin != end) {
        fail(entry.name,
             begin < end
                 ? "its bytes start at {} inside the tensor before it, which ends at {}"_text(begin,
                                                                                              end)
                 : "its bytes start at {} beyond the tensor before it, which ends at {}"_text(begin,
                                                                                              end));
      }
      end = begin + entry.view.bytes();
    }
    if (end != data_size_) {
      fail("the tensors take {} bytes, the file holds {}"_text(end, data_size_));
    }
  }

  std::span<const std::byte> bytes_;
  std::string_view file_;
  const std::byte* data_ = nullptr;
  uint64_t data_size_ = 0;
};

std::string json_string(std::string_view text) { return Json(text).dump(); }

}  // namespace

SafetensorsHeader parse_safetensors(std::span<const std::byte> bytes, std::string_view file) {
  return Parser(bytes, file).parse();
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : path_(path), file_(path), header_(parse_safetensors(file_.bytes(), path.string())) {
  for (size_t i = 0; i < header_.tensors.size(); ++i) index_[header_.tensors[i].name] = i;
}

const tensor::TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &header_.tensors[found->second].view;
}

const tensor::TensorView& SafetensorsFile::tensor(std::string_view name) const {
  const tensor::TensorView* view = find(name);
  if (view == nullptr) {
    throw Error(ErrorCode::kInvalid,
                "read {}: it holds no tensor {}"_text(path_.string(), shown(name)),
                "download the model again"_text);
  }
  return *view;
}

void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, tensor::TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata,
                       const std::stop_token& cancel) {
  OutputFile file(path);
  write_safetensors(file, tensors, metadata, cancel);
  file.commit();
}

void write_safetensors(OutputFile& file, const std::map<std::string, tensor::TensorView>& tensors,
                       const std::map<std::string, std::string>& metadata,
                       const std::stop_token& cancel) {
  // Widest elements first, so that every tensor is aligned to its element.
  std::vector<std::pair<std::string_view, const tensor::TensorView*>> order;
  order.reserve(tensors.size());
  for (const auto& [name, view] : tensors) order.emplace_back(name, &view);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return tensor::dtype_size(a.second->dtype) > tensor::dtype_size(b.second->dtype);
  });
  std::string header = "{\"__metadata__\":{";
  for (const auto& [key, value] : metadata) {
    if (header.back() != '{') header += ',';
    header += fmt::format("{}:{}", json_string(key), json_string(value));
  }
  header += '}';
  uint64_t offset = 0;
  for (const auto& [name, view] : order) {
    const uint64_t end = offset + view->bytes();
    header += fmt::format(",{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                          json_string(name), tensor::dtype_name(view->dtype),
                          fmt::join(view->shape, ","), offset, end);
    offset = end;
  }
  header += '}';
  while (header.size() % 8 != 0) header += ' ';
  std::string length(kLengthBytes, '\0');
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
  }
  std::vector<std::string_view> pieces{length, header};
  for (const auto& entry : order) {
    pieces.emplace_back(static_cast<const char*>(entry.second->data), entry.second->bytes());
  }
  file.write(pieces, cancel);
}

}  // namespace shijian::checkpoint
