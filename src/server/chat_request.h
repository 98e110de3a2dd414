// A chat completion as a client asks for it (docs/api.md, "OpenAI-compatible").
#pragma once

#include <memory>
#include <string>

#include "base/temporary_folder.h"
#include "engine/engine.h"
#include "server/fetch.h"
#include "server/library.h"
#include "text/chat_reader.h"

namespace shijian::server {

struct ChatRequest {
  engine::DescribeRequest describe;
  text::ChatReading reading;  // but for starts_in_thought, which the model says
  bool stream = false;
  bool include_usage = false;  // of a stream
  bool logprobs = false;
  std::shared_ptr<TemporaryFolder> files;  // that came in the request; null: none
};

// Where the media of a chat come from, and the name that a request may give the model.
struct ChatSources {
  std::string model;
  Library& library;
  const FetchOptions& fetch;
  std::stop_token cancel;
};

// Looks videos up in the library, and writes what data URLs hold and other servers send into a
// temporary folder: not for HTTP threads. Errors: those of JsonFields, HttpError(404) for another
// model, kUsage and kUnsupported for what cannot be done, those of Library, JsonGrammar and
// download(); `param` then names the part of the body that is wrong.
ChatRequest read_chat_request(const std::string& body, const ChatSources& sources,
                              std::string& param);

// Error(kUsage) for what cannot be done.
[[noreturn]] void refuse_chat(const Text& message, const Text& hint = {});

}  // namespace shijian::server
