#include "http/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "http/sse.h"

namespace shijian::http {
namespace {

using testing::ElementsAre;

// Writes down what it hears: "name|filename|type|bytes".
struct Notes : MultipartSink {
  void begin_part(const MultipartPart& part) override {
    EXPECT_FALSE(inside);
    inside = true;
    parts.push_back(part.name + "|" + part.filename + "|" + part.content_type + "|");
  }
  void part_bytes(std::span<const std::byte> bytes) override {
    EXPECT_TRUE(inside);
    largest = std::max(largest, bytes.size());
    parts.back().append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void end_part() override {
    EXPECT_TRUE(inside);
    inside = false;
  }
  std::vector<std::string> parts;
  size_t largest = 0;
  bool inside = false;
};

constexpr const char* kType = "multipart/form-data; boundary=XX";

// The status of the error, 200 for none.
int read_in_pieces(const std::string& body, size_t piece, Notes& notes, const char* type = kType) {
  try {
    MultipartReader reader(type, notes);
    for (size_t at = 0; at < body.size(); at += piece)
      reader.write(std::as_bytes(std::span(body).subspan(at, std::min(piece, body.size() - at))));
    reader.finish();
  } catch (const HttpError& error) {
    return error.status();
  }
  return 200;
}

int status_of(const std::string& body, const char* type = kType) {
  Notes notes;
  return read_in_pieces(body, body.size() + 1, notes, type);
}

std::string part(const std::string& headers, const std::string& bytes = "a") {
  return "--XX\r\n" + headers + "\r\n\r\n" + bytes + "\r\n";
}
const std::string kField = "Content-Disposition: form-data; name=f";

TEST(Multipart, ReadsPartsHoweverTheyArrive) {
  const std::string bytes = "\r\n--X\r\n-\r\n--XY\r\r\n--\r\n";  // all but a boundary
  const std::string body =
      "a preamble\r\n" + part("Content-Disposition: form-data; name=\"query\"", "进球") +
      part(
          "Content-Type: video/mp4\r\ncontent-disposition: form-data; name=f; filename=\"a b.mp4\"",
          bytes) +
      part(kField, "") + "--XX--\r\nepilogue --XX\r\n";
  for (size_t piece = 1; piece <= body.size(); ++piece) {
    Notes notes;
    ASSERT_EQ(read_in_pieces(body, piece, notes), 200) << piece;
    ASSERT_THAT(notes.parts, ElementsAre("query|||进球", "f|a b.mp4|video/mp4|" + bytes, "f|||"))
        << piece;
    ASSERT_FALSE(notes.inside);
  }
}

TEST(Multipart, KeepsLittle) {
  const std::string bytes(5 << 20, '\r');
  const std::string body = part(kField, bytes) + "--XX--";
  Notes notes;
  ASSERT_EQ(read_in_pieces(body, 1 << 16, notes), 200);
  EXPECT_EQ(notes.parts.at(0).size(), bytes.size() + 4);
  EXPECT_LE(notes.largest, size_t{1} << 17);
}

TEST(Multipart, ReadsFileNamesAsClientsSendThem) {
  const auto name = [](const std::string& parameters) {
    Notes notes;
    EXPECT_EQ(read_in_pieces(part(kField + "; " + parameters) + "--XX--", 1000, notes), 200);
    return notes.parts.empty() ? "" : notes.parts[0].substr(2, notes.parts[0].rfind("||") - 2);
  };
  EXPECT_EQ(name("filename=\"球赛.mp4\""), "球赛.mp4");
  EXPECT_EQ(name("filename=\"a %22b%22 100%.mp4\""), "a \"b\" 100%.mp4");
  EXPECT_EQ(name("filename=\"a \\\"b\\\".mp4\""), "a \"b\".mp4");
  EXPECT_EQ(name("filename=x.mp4; filename*=utf-8''%e7%90%83.mp4"), "球.mp4");
  EXPECT_EQ(name("filename*=UTF-8'en'a%20b.mp4"), "a b.mp4");
}

TEST(Multipart, RefusesTypesWithoutAProperBoundary) {
  EXPECT_EQ(status_of("", "application/json"), 415);
  EXPECT_EQ(status_of("", "multipart/mixed; boundary=XX"), 415);
  EXPECT_EQ(status_of("", ""), 415);
  const std::string name = "multipart/form-data; boundary=";
  for (const std::string& boundary :
       {std::string(), std::string("\"\""), std::string(71, 'a'), std::string("a\"b"),
        std::string("\"a \""), std::string("\"a\\b\""), std::string("\"a\x01\""), std::string("é")})
    EXPECT_EQ(status_of("", (name + boundary).c_str()), 400) << boundary;
  EXPECT_EQ(status_of("", "multipart/form-data"), 400);
  EXPECT_EQ(status_of("--" + std::string(70, '-') + "\r\n" + kField + "\r\n\r\n\r\n--" +
                          std::string(70, '-') + "--",
                      (name + std::string(70, '-')).c_str()),
            200);
}

TEST(Multipart, RefusesMalformedBodies) {
  const std::string end = "--XX--";
  ASSERT_EQ(status_of(part(kField) + end), 200);
  EXPECT_EQ(status_of(end), 200);  // a form without fields
  for (const std::string& body : {std::string(),
                                  std::string("a"),
                                  std::string("--X"),
                                  std::string("--XX"),
                                  std::string("--XX-"),
                                  part(kField),
                                  part(kField) + "--XX\r\n",
                                  "--XX\r\n" + kField + "\r\n",
                                  "--XX\r\n" + kField + "\r\n\r\na",
                                  "--XXY\r\n" + kField + "\r\n\r\na\r\n" + end,
                                  "--XX\n" + kField + "\n\na\n" + end,
                                  part("no header") + end,
                                  part(": a") + end,
                                  part("A b: c") + end,
                                  part("Content-Type: a") + end,
                                  part("Content-Disposition: form-data") + end,
                                  part("Content-Disposition: file; name=a") + end,
                                  part("Content-Disposition: form-data; name=\"a") + end,
                                  part(kField + "; name=g") + end,
                                  part(kField + "\r\n" + kField) + end,
                                  part(kField + "; filename=\"a\tb\"") + end,
                                  part(kField + "; filename=\"\xff\"") + end,
                                  part(kField + "; filename*=latin1''a") + end,
                                  part(kField + "; filename*=utf-8''%f") + end,
                                  part(kField + "; filename*=utf-8''a%0ab") + end,
                                  part(kField + "; filename*=a") + end,
                                  "--XX\r\n\r\n\r\na\r\n" + end})
    EXPECT_EQ(status_of(body), 400) << body;
}

TEST(Multipart, RefusesWhatHasNoBounds) {
  EXPECT_EQ(status_of(std::string(20 << 10, 'a')), 400);  // a preamble
  EXPECT_EQ(status_of("--XX" + std::string(20 << 10, ' ') + "\r\n"),
            400);  // blanks behind a boundary
  EXPECT_EQ(status_of("--XX\r\n" + kField + "; a=" + std::string(20 << 10, 'a')), 413);
  std::string body;
  for (int i = 0; i < MultipartReader::kMaxParts; ++i) body += part(kField, "");
  EXPECT_EQ(status_of(body + "--XX--"), 200);
  EXPECT_EQ(status_of(body + part(kField, "") + "--XX--"), 413);
}

TEST(Multipart, SurvivesDamage) {
  const std::string body = part(kField + "; filename=\"a.mp4\"", "bytes") + part(kField) + "--XX--";
  std::mt19937 random(7);
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = body;
    for (int k = 0; k < 3; ++k) {
      const size_t at = random() % damaged.size();
      switch (random() % 3) {
        case 0:
          damaged[at] = static_cast<char>(random());
          break;
        case 1:
          damaged.erase(at, random() % 8);
          break;
        default:
          damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 16));
      }
    }
    Notes whole, pieces;
    const int status = read_in_pieces(damaged, damaged.size(), whole);
    refused += status != 200;
    EXPECT_EQ(read_in_pieces(damaged, 1 + random() % 7, pieces), status) << damaged;
    if (status == 200) {
      EXPECT_EQ(pieces.parts, whole.parts) << damaged;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 5000);
}

TEST(ServerSentEvents, AreLines) {
  EXPECT_EQ(sse_event("job", "{\"id\":1}"), "event: job\ndata: {\"id\":1}\n\n");
  EXPECT_EQ(sse_event("text", "a\nb\r\nc\rd"),
            "event: text\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
  EXPECT_EQ(sse_event("text", ""), "event: text\ndata: \n\n");
  EXPECT_EQ(sse_event("", "a"), "data: a\n\n");
  EXPECT_EQ(sse_event("text", "a\n"), "event: text\ndata: a\ndata: \n\n");
  EXPECT_EQ(sse_comment("alive"), ": alive\n\n");
}

}  // namespace
}  // namespace shijian::http
