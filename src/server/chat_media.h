// The images and videos of a chat's messages.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "server/chat_request.h"
#include "server/chat_sampling.h"

namespace shijian::server {

// Keeps references to everything it is given; one thread at a time.
class ChatMediaReader {
 public:
  // Media go into `request.describe.media`, the files that came with them into `request.files`.
  ChatMediaReader(ChatRequest& request, const ChatSources& sources, const ChatSampling& sampling)
      : request_(request), sources_(sources), sampling_(sampling) {}

  // Reads the rest of a part of the given type, which messages call `where`; nothing where such
  // parts are no media. The errors of read_chat_request().
  std::optional<text::Part> read(OrderedJsonFields& fields, const std::string& type,
                                 const std::string& where);

 private:
  engine::MediaFile image(OrderedJsonFields& fields, const OrderedJson& value,
                          const std::string& where);
  engine::MediaFile video(OrderedJsonFields& fields, const OrderedJson& value,
                          const std::string& where);
  engine::MediaFile timed_frames(OrderedJsonFields& fields, const OrderedJson& value,
                                 const std::string& where);
  engine::MediaFile even_frames(std::vector<std::filesystem::path> pictures,
                                engine::SamplingRequest sampling, const std::string& where);
  // The file, or the pictures, that a URL means; what is not in the library is called `name`.
  std::vector<std::filesystem::path> files(const OrderedJson* url, const std::string& name,
                                           bool is_image, bool& frames);
  std::filesystem::path one_file(const OrderedJson* url, const std::string& name);
  std::filesystem::path kept(std::string_view bytes, const std::string& name);
  std::filesystem::path fetched(const http::AllowedUrl& from, const std::string& name);

  ChatRequest& request_;
  const ChatSources& sources_;
  const ChatSampling& sampling_;
  size_t videos_ = 0;
  int64_t fetched_ = 0;  // bytes
};

}  // namespace shijian::server
