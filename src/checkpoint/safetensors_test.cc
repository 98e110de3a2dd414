#include "checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace shijian::checkpoint {
namespace {

using testing::HasSubstr;

std::string with_length(uint64_t length, std::string_view rest) {
  std::string out(8, '\0');
  for (int i = 0; i < 8; ++i) out[i] = static_cast<char>(length >> (8 * i));
  return out.append(rest);
}

std::string file_of(std::string header, size_t data_bytes) {
  while (header.size() % 8 != 0) header += ' ';
  return with_length(header.size(), header) + std::string(data_bytes, '\1');
}

// The parser takes bytes in place, so they must be aligned as a map is.
struct Parsed {
  explicit Parsed(const std::string& content) : bytes(content.size()) {
    std::memcpy(bytes.data(), content.data(), content.size());
    header = parse_safetensors(bytes, "t.safetensors");
  }
  std::vector<std::byte> bytes;
  SafetensorsHeader header;
};

std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return R"({"a":{"dtype":)" + std::string(dtype) + R"(,"shape":)" + std::string(shape) +
         R"(,"data_offsets":)" + std::string(offsets) + "}}";
}

struct Hostile {
  const char* what;
  std::string content;
  const char* message;  // a part of it
};

std::vector<Hostile> hostile_files() {
  const std::string ok = one("\"U8\"", "[4]", "[0,4]");
  const std::string deep = "{\"a\":" + std::string(2000, '[') + std::string(2000, ']') + "}";
  return {
      {"empty file", "", "too few"},
      {"seven bytes", "1234567", "too few"},
      {"length only", with_length(0, ""), "not a JSON object"},
      {"length beyond the file", with_length(100, "{}"), "claims 100 bytes"},
      {"length of one too many", with_length(3, "{}"), "claims 3 bytes"},
      {"length negative as signed", with_length(~uint64_t{0}, "{}"), "claims 18446744073709551615"},
      {"length near overflow", with_length(~uint64_t{0} - 7, "{}"), "claims"},
      {"length of 1 TB", with_length(uint64_t{1} << 40, ok), "claims"},
      {"not JSON", file_of("hello", 0), "not a JSON object"},
      {"a list", file_of("[]", 0), "not a JSON object"},
      {"a number", file_of("3", 0), "not a JSON object"},
      {"cut JSON", file_of("{\"a\":{\"dtype\"", 0), "not a JSON object"},
      {"two values", file_of("{}{}", 0), "not a JSON object"},
      {"invalid UTF-8", file_of("{\"\xff\":1}", 0), "not a JSON object"},
      {"deep nesting", file_of(deep, 0), "not a JSON object"},
      {"entry is a number", file_of("{\"a\":3}", 0), "tensor a: its entry is not an object"},
      {"entry is a list", file_of("{\"a\":[]}", 0), "not an object"},
      {"entry empty", file_of("{\"a\":{}}", 0), "is missing"},
      {"no dtype", file_of(R"({"a":{"shape":[4],"data_offsets":[0,4]}})", 4), "missing"},
      {"no shape", file_of(R"({"a":{"dtype":"U8","data_offsets":[0,4]}})", 4), "missing"},
      {"no offsets", file_of(R"({"a":{"dtype":"U8","shape":[4]}})", 4), "missing"},
      {"unknown key", file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}})", 4),
       "unknown key x"},
      {"repeated key",
       file_of(R"({"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4),
       "repeated"},
      {"dtype a number", file_of(one("1", "[4]", "[0,4]"), 4), "its dtype is"},
      {"dtype unknown", file_of(one("\"Q4\"", "[4]", "[0,4]"), 4), "dtype \"Q4\" is unknown"},
      {"dtype lower case", file_of(one("\"f32\"", "[1]", "[0,4]"), 4), "unknown"},
      {"dtype empty", file_of(one("\"\"", "[4]", "[0,4]"), 4), "unknown"},
      {"shape a number", file_of(one("\"U8\"", "4", "[0,4]"), 4), "its shape is"},
      {"shape negative", file_of(one("\"U8\"", "[-4]", "[0,4]"), 4), "other than sizes"},
      {"shape fraction", file_of(one("\"U8\"", "[4.0]", "[0,4]"), 4), "other than sizes"},
      {"shape text", file_of(one("\"U8\"", "[\"4\"]", "[0,4]"), 4), "other than sizes"},
      {"shape null", file_of(one("\"U8\"", "[null]", "[0,4]"), 4), "other than sizes"},
      {"shape NaN", file_of(one("\"U8\"", "[NaN]", "[0,4]"), 4), "not a JSON object"},
      {"shape above int64", file_of(one("\"U8\"", "[9223372036854775808]", "[0,4]"), 4),
       "other than sizes"},
      {"product overflows", file_of(one("\"U8\"", "[4294967296,4294967296]", "[0,0]"), 0),
       "overflows"},
      {"product wraps to 4", file_of(one("\"U8\"", "[4611686018427387905,4]", "[0,4]"), 4),
       "overflows"},
      {"bytes overflow", file_of(one("\"F64\"", "[9223372036854775807]", "[0,0]"), 0), "overflows"},
      {"zero hides overflow", file_of(one("\"U8\"", "[4611686018427387904,4,0]", "[0,0]"), 0),
       "overflows"},
      {"nine dimensions", file_of(one("\"U8\"", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1),
       "more than 8 dimensions"},
      {"offsets a number", file_of(one("\"U8\"", "[4]", "4"), 4), "its data_offsets is"},
      {"one offset", file_of(one("\"U8\"", "[4]", "[0]"), 4), "not two offsets"},
      {"three offsets", file_of(one("\"U8\"", "[4]", "[0,4,4]"), 4), "not two offsets"},
      {"offset negative", file_of(one("\"U8\"", "[4]", "[-4,0]"), 4), "not two offsets"},
      {"offset fraction", file_of(one("\"U8\"", "[4]", "[0,4.5]"), 4), "not two offsets"},
      {"offsets reversed", file_of(one("\"U8\"", "[4]", "[4,0]"), 4), "lie outside"},
      {"offset beyond the file", file_of(one("\"U8\"", "[5]", "[0,5]"), 4), "lie outside"},
      {"offset of 2^64-1", file_of(one("\"U8\"", "[4]", "[0,18446744073709551615]"), 4),
       "lie outside"},
      {"size and shape differ", file_of(one("\"F32\"", "[4]", "[0,4]"), 4), "needs 16 bytes"},
      {"empty shape, some bytes", file_of(one("\"U8\"", "[0]", "[0,4]"), 4), "needs 0 bytes"},
      {"gap at the start", file_of(one("\"U8\"", "[4]", "[4,8]"), 8), "beyond the tensor before"},
      {"rest at the end", file_of(ok, 5), "the file holds 5"},
      {"truncated data", file_of(ok, 3), "lie outside"},
      {"no tensor, some data", file_of("{}", 1), "the tensors take 0 bytes"},
      {"overlap",
       file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
               R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
               6),
       "tensor b: its bytes start at 2 inside"},
      {"same bytes twice",
       file_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
               R"("b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
               4),
       "inside"},
      {"gap between",
       file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
               R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
               3),
       "beyond"},
      {"name twice",
       file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
               R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
               2),
       "tensor a: the name appears twice"},
      {"unaligned",
       file_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
               R"("b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})",
               5),
       "not a multiple of 4"},
      {"metadata a list", file_of(R"({"__metadata__":[]})", 0), "__metadata__ is not an object"},
      {"metadata holds a number", file_of(R"({"__metadata__":{"n":1}})", 0), "n is not a string"},
      {"metadata twice", file_of(R"({"__metadata__":{},"__metadata__":{}})", 0), "twice"},
  };
}

TEST(Safetensors, HostileFilesAreErrorsThatNameTheFile) {
  const auto cases = hostile_files();
  ASSERT_GE(cases.size(), 40u);
  for (const Hostile& hostile : cases) {
    try {
      Parsed parsed(hostile.content);
      ADD_FAILURE() << hostile.what << ": accepted";
    } catch (const Error& e) {
      EXPECT_THAT(e.message(), HasSubstr("t.safetensors")) << hostile.what;
      EXPECT_THAT(e.message(), HasSubstr(hostile.message)) << hostile.what;
      EXPECT_EQ(e.message().find('\n'), std::string::npos) << hostile.what;
      EXPECT_LT(e.message().size(), 600u) << hostile.what;
    }
  }
}

TEST(Safetensors, EveryCutOfAFileIsAnError) {
  const std::string whole = file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                    R"("b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})",
                                    11);
  EXPECT_NO_THROW(Parsed{whole});
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(Parsed(whole.substr(0, size)), Error) << size;
  }
}

TEST(Safetensors, ReadsScalarsEmptyTensorsAndMetadata) {
  const Parsed parsed(file_of(R"({"z":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                              R"("e":{"dtype":"F16","shape":[0,4],"data_offsets":[8,8]},)"
                              R"("__metadata__":{"format":"pt"}})",
                              8));
  ASSERT_EQ(parsed.header.tensors.size(), 2u);
  EXPECT_EQ(parsed.header.tensors[0].name, "z");
  EXPECT_EQ(parsed.header.tensors[0].view.elements(), 1);
  EXPECT_EQ(parsed.header.tensors[1].view.elements(), 0);
  EXPECT_EQ(parsed.header.metadata.at("format"), "pt");
}

class SafetensorsFiles : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("shijian_safetensors_" + std::to_string(::getpid()));
    std::filesystem::create_directories(path_);
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  std::filesystem::path path_;
};

TEST_F(SafetensorsFiles, WhatIsWrittenIsReadBack) {
  const std::vector<float> floats{1.5f, -2, 3, 4, 5, 6};
  const std::vector<uint8_t> bytes{7, 8, 9};
  const int64_t number = 42;
  const std::map<std::string, tensor::TensorView> tensors{
      {"bytes \"quoted\" \xe4\xba\x8b", {bytes.data(), tensor::DType::kU8, {3}}},
      {"floats", {floats.data(), tensor::DType::kF32, {2, 3}}},
      {"number", {&number, tensor::DType::kI64, {}}},
      {"nothing", {nullptr, tensor::DType::kF16, {0, 7}}}};
  const auto file = path_ / "out.safetensors";
  write_safetensors(file, tensors, {{"format", "pt"}, {"note", "a\nb"}});

  SafetensorsFile opened(file);
  SafetensorsFile read = std::move(opened);  // views survive a move
  EXPECT_EQ(read.tensors().size(), 4u);
  EXPECT_EQ(read.metadata().at("note"), "a\nb");
  const tensor::TensorView& view = read.tensor("floats");
  EXPECT_EQ(view.shape, (tensor::Shape{2, 3}));
  EXPECT_TRUE(std::equal(floats.begin(), floats.end(), view.span<float>().begin()));
  EXPECT_EQ(read.tensor("bytes \"quoted\" \xe4\xba\x8b").span<uint8_t>()[2], 9);
  EXPECT_EQ(read.tensor("number").span<int64_t>()[0], 42);
  EXPECT_EQ(read.tensor("nothing").elements(), 0);
  EXPECT_EQ(read.find("other"), nullptr);
  EXPECT_THROW(read.tensor("other"), Error);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path_), {}), 1)
      << "nothing left over";
}

TEST_F(SafetensorsFiles, MissingFilesAndDirectoriesAreErrors) {
  EXPECT_THROW(SafetensorsFile(path_ / "absent"), Error);
  EXPECT_THROW(SafetensorsFile{path_}, Error);
  EXPECT_THROW(write_safetensors(path_ / "no" / "such" / "dir", {}), Error);
}

}  // namespace
}  // namespace shijian::checkpoint
