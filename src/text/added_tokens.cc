#include "text/added_tokens.h"

#include "base/utf8.h"
#include "text/unicode.h"

namespace shijian::text {
namespace {

// Bytes of white space at the start of `text`, which is valid UTF-8.
size_t leading_space(std::string_view text) {
  size_t bytes = 0;
  while (bytes < text.size()) {
    const Utf8Char c = read_utf8(text, bytes);
    if (!is_white_space(c.code)) break;
    bytes += c.size;
  }
  return bytes;
}

size_t trailing_space(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) >> 6) == 2) --begin;
    if (!is_white_space(read_utf8(text, begin).code)) break;
    end = begin;
  }
  return text.size() - end;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), nodes_(1) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    int32_t node = 0;
    for (char c : tokens_[i].content) {
      const auto byte = static_cast<unsigned char>(c);
      int32_t next = step(node, byte);
      if (next < 0) {
        next = static_cast<int32_t>(nodes_.size());
        nodes_[node].edges.emplace_back(byte, next);
        nodes_.emplace_back();
      }
      node = next;
    }
    nodes_[node].token = static_cast<int32_t>(i);
    begins_[static_cast<unsigned char>(tokens_[i].content[0])] = true;
  }
}

int32_t AddedTokenMatcher::step(int32_t node, unsigned char byte) const {
  for (const auto& [label, next] : nodes_[node].edges) {
    if (label == byte) return next;
  }
  return -1;
}

const AddedToken* AddedTokenMatcher::longest_at(std::string_view text) const {
  const AddedToken* found = nullptr;
  int32_t node = 0;
  for (char c : text) {
    node = step(node, static_cast<unsigned char>(c));
    if (node < 0) break;
    if (nodes_[node].token >= 0) found = &tokens_[nodes_[node].token];
  }
  return found;
}

std::vector<AddedTokenMatcher::Piece> AddedTokenMatcher::cut(std::string_view text) const {
  std::vector<Piece> out;
  size_t done = 0;  // pieces cover the text up to here
  for (size_t i = 0; i < text.size();) {
    const AddedToken* token =
        begins_[static_cast<unsigned char>(text[i])] ? longest_at(text.substr(i)) : nullptr;
    if (token == nullptr) {
      ++i;
      continue;
    }
    size_t begin = i;
    size_t end = i + token->content.size();
    if (token->lstrip) begin -= trailing_space(text.substr(done, i - done));
    if (token->rstrip) end += leading_space(text.substr(end));
    if (begin > done) out.push_back({text.substr(done, begin - done), -1});
    out.push_back({text.substr(begin, end - begin), token->id});
    done = i = end;
  }
  if (done < text.size()) out.push_back({text.substr(done), -1});
  return out;
}

}  // namespace shijian::text
