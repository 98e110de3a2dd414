#include "http/multipart.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text_file.h"
#include "base/utf8.h"
#include "http/text.h"

namespace shijian::http {

namespace {

HttpError malformed(const Text& what) {
  return HttpError(400, "read multipart body: {}"_text(what));
}

std::string boundary_of(std::string_view content_type) {
  const auto header = parse_header_value(content_type);
  if (!header) throw malformed("the Content-Type cannot be read"_text);
  if (header->value != "multipart/form-data") {
    throw HttpError(415, "read multipart body: the Content-Type is not multipart/form-data"_text,
                    "send multipart/form-data, or the file itself with PUT"_text);
  }
  const auto found = header->parameters.find("boundary");
  if (found == header->parameters.end()) throw malformed("the Content-Type names no boundary"_text);
  const std::string& boundary = found->second;
  const bool well_formed =
      !boundary.empty() && boundary.size() <= 70 && boundary.back() != ' ' &&
      std::all_of(boundary.begin(), boundary.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
      });
  if (!well_formed)
    throw malformed("the boundary is not 1 to 70 of the characters of RFC 2046"_text);
  return boundary;
}

// The name of a file as forms and libraries send it: quoted UTF-8 with %22 for a quote, or the
// extended form of RFC 8187, utf-8''percent-encoded.
std::string file_name(const HeaderValue& disposition) {
  std::string name;
  if (const auto extended = disposition.parameters.find("filename*");
      extended != disposition.parameters.end()) {
    const std::string& text = extended->second;
    const size_t language = text.find('\'');
    const size_t begin = language == std::string::npos ? language : text.find('\'', language + 1);
    if (begin == std::string::npos || lower(text.substr(0, language)) != "utf-8")
      throw malformed("a filename* is not in UTF-8"_text);
    const auto decoded = percent_decode(std::string_view(text).substr(begin + 1));
    if (!decoded) throw malformed("a filename* has a broken escape"_text);
    name = *decoded;
  } else if (const auto plain = disposition.parameters.find("filename");
             plain != disposition.parameters.end()) {
    name = plain->second;
    for (size_t at = 0; (at = name.find("%22", at)) != std::string::npos; ++at)
      name.replace(at, 3, "\"");
  }
  return name;
}

// `text` has no empty line; lines end with CRLF.
MultipartPart parse_part(std::string_view text) {
  MultipartPart part;
  std::optional<HeaderValue> disposition;
  while (!text.empty()) {
    const size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
      throw malformed("a part has a line that is no header"_text);
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_valid_utf8(value) || has_control_character(value))
      throw malformed("a part's header is not UTF-8 text"_text);
    if (name == "content-disposition") {
      if (disposition) throw malformed("a part has two Content-Disposition headers"_text);
      disposition = parse_header_value(value);
      if (!disposition) throw malformed("a Content-Disposition cannot be read"_text);
    } else if (name == "content-type") {
      part.content_type = value;
    }
  }
  if (!disposition || disposition->value != "form-data" ||
      !disposition->parameters.contains("name"))
    throw malformed("a part lacks Content-Disposition: form-data with a name"_text);
  part.name = disposition->parameters.at("name");
  part.filename = without_bom(file_name(*disposition));
  if (!is_valid_utf8(part.filename) || has_control_character(part.filename))
    throw malformed("a file's name is not UTF-8 text"_text);
  return part;
}

}  // namespace

MultipartReader::MultipartReader(std::string_view content_type, MultipartSink& sink)
    : sink_(sink), delimiter_("\r\n--" + boundary_of(content_type)) {
  waiting_ = "\r\n";  // the first boundary may open the body; every other one follows a line break
}

void MultipartReader::write(std::span<const std::byte> bytes) {
  if (state_ == State::kDone) return;  // an epilogue means nothing
  waiting_.erase(0, at_);
  at_ = 0;
  waiting_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (state_ != State::kDone && step()) {
  }
}

void MultipartReader::finish() const {
  if (state_ != State::kDone) throw malformed("it ends before its closing boundary"_text);
}

bool MultipartReader::step() {
  switch (state_) {
    case State::kPreamble:
    case State::kBody:
      return read_until_delimiter();
    case State::kBoundary:
      return read_boundary_end();
    case State::kHeaders:
      return read_headers();
    case State::kDone:
      break;
  }
  return false;
}

bool MultipartReader::read_until_delimiter() {
  const std::string_view rest = std::string_view(waiting_).substr(at_);
  const size_t found = rest.find(delimiter_);
  // Of what holds no delimiter, the end may still be the beginning of one.
  const size_t keep = delimiter_.size() - 1;
  const size_t before = found != std::string_view::npos ? found
                        : rest.size() > keep            ? rest.size() - keep
                                                        : 0;
  if (state_ == State::kPreamble) {
    if (before > kMaxPartHeaders) throw malformed("it does not begin with its boundary"_text);
    if (found == std::string_view::npos) return false;
  } else if (before > 0) {
    sink_.part_bytes(std::as_bytes(std::span(rest.data(), before)));
  }
  if (found == std::string_view::npos) {
    at_ += before;
    return false;
  }
  if (state_ == State::kBody) sink_.end_part();
  at_ += before + delimiter_.size();
  state_ = State::kBoundary;
  return true;
}

// Behind a boundary: "--" when it was the last, else a line break, perhaps after blanks.
bool MultipartReader::read_boundary_end() {
  const std::string_view rest = std::string_view(waiting_).substr(at_);
  if (rest.size() < 2) return false;
  if (rest.starts_with("--")) {
    state_ = State::kDone;
    waiting_.clear();
    return false;
  }
  const size_t end = std::min(rest.find_first_not_of(" \t"), rest.size());
  if (end > kMaxPartHeaders) throw malformed("a boundary's line is too long"_text);
  if (rest.size() - end < 2) return false;
  if (rest.substr(end, 2) != "\r\n") throw malformed("a boundary's line goes on"_text);
  at_ += end;  // the line break stays: an empty line right behind it ends the headers
  if (++parts_ > kMaxParts) throw HttpError(413, "read multipart body: more than 1000 parts"_text);
  state_ = State::kHeaders;
  return true;
}

bool MultipartReader::read_headers() {
  const std::string_view rest = std::string_view(waiting_).substr(at_);
  const size_t end = rest.find("\r\n\r\n");
  if (std::min(end, rest.size()) > kMaxPartHeaders) {
    throw HttpError(413,
                    "read multipart body: a part's headers exceed {} bytes"_text(kMaxPartHeaders));
  }
  if (end == std::string_view::npos) return false;
  // With the line break before the first header and the one after the last.
  sink_.begin_part(parse_part(rest.substr(2, end)));
  at_ += end + 4;
  state_ = State::kBody;
  return true;
}

}  // namespace shijian::http
