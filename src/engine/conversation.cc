#include "engine/conversation.h"

#include <fmt/format.h>

#include <string>

#include "base/error.h"

namespace shijian::engine {
namespace {

constexpr std::string_view kVisionStart = "<|vision_start|>";
constexpr std::string_view kVisionEnd = "<|vision_end|>";
constexpr std::string_view kImagePad = "<|image_pad|>";
constexpr std::string_view kVideoPad = "<|video_pad|>";

// Collects runs of text between visual tokens; each stretch is encoded in one piece.
class Builder {
 public:
  explicit Builder(const text::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void text(std::string words, text::Specials specials) {
    texts_.push_back({std::move(words), specials});
  }

  // One visual block, its pads repeated; pads are single tokens, so they end a stretch of text.
  void block(std::string_view pad, const model::MergedGrid& grid, size_t media,
             int64_t feature_row) {
    text(std::string(kVisionStart), text::Specials::kParse);
    flush();
    const std::optional<int32_t> id = tokenizer_.token_id(pad);
    if (!id) {
      throw Error(ErrorCode::kInvalid, "build the prompt: the tokenizer has no {}"_text(pad),
                  "tokenizer files and weights may come from different models"_text);
    }
    sequence_.blocks.push_back(
        {{static_cast<int64_t>(sequence_.ids.size()), grid}, media, feature_row});
    sequence_.ids.insert(sequence_.ids.end(), grid.tokens(), *id);
    text(std::string(kVisionEnd), text::Specials::kParse);
  }

  TokenSequence finish() {
    flush();
    return std::move(sequence_);
  }

 private:
  struct Text {
    std::string words;
    text::Specials specials;
  };

  void flush() {
    std::vector<text::TextRun> runs;
    runs.reserve(texts_.size());
    for (const Text& text : texts_) runs.push_back({text.words, text.specials});
    const std::vector<int32_t> ids = tokenizer_.encode(runs);
    sequence_.ids.insert(sequence_.ids.end(), ids.begin(), ids.end());
    texts_.clear();
  }

  const text::Tokenizer& tokenizer_;
  TokenSequence sequence_;
  std::vector<Text> texts_;
};

void add_video(Builder& builder, const MediaShape& shape, size_t index, Reference reference) {
  if (reference == Reference::k5) builder.text(std::string(kVisionStart), text::Specials::kParse);
  for (int64_t slot = 0; slot < shape.slots(); ++slot) {
    builder.text(fmt::format("<{:.1f} seconds>", shape.slot_times[slot]), text::Specials::kAsText);
    builder.block(kVideoPad, shape.grid, index, slot * shape.grid.tokens());
  }
  if (reference == Reference::k5) builder.text(std::string(kVisionEnd), text::Specials::kParse);
}

}  // namespace

TokenSequence build_tokens(const text::Tokenizer& tokenizer,
                           std::span<const text::Segment> segments,
                           std::span<const MediaShape> media, Reference reference) {
  Builder builder(tokenizer);
  std::vector<bool> used(media.size(), false);
  for (const text::Segment& segment : segments) {
    switch (segment.kind) {
      case text::Segment::Kind::kControl:
        builder.text(segment.text, text::Specials::kParse);
        break;
      case text::Segment::Kind::kUser:
        builder.text(segment.text, text::Specials::kAsText);
        break;
      case text::Segment::Kind::kImage:
      case text::Segment::Kind::kVideo: {
        const auto index = static_cast<size_t>(segment.index);
        CHECK(index < media.size() && !used[index], "media {} of {}", index, media.size());
        used[index] = true;
        const MediaShape& shape = media[index];
        CHECK(shape.is_image == (segment.kind == text::Segment::Kind::kImage), "media {}", index);
        if (shape.is_image) {
          builder.block(kImagePad, shape.grid, index, 0);
        } else {
          add_video(builder, shape, index, reference);
        }
        break;
      }
    }
  }
  for (size_t i = 0; i < used.size(); ++i) CHECK(used[i], "media {} is not in the prompt", i);
  return builder.finish();
}

}  // namespace shijian::engine
