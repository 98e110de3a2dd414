// A chat completion as a client asks for it (docs/api.md, "OpenAI-compatible").
#pragma once

#include <memory>
#include <string>

#include "base/temporary_folder.h"
#include "engine/engine.h"
#include "grounding/chat_reader.h"
#include "server/library.h"

namespace shijian {

struct ChatRequest {
  DescribeRequest describe;
  ChatReading reading;  // but for starts_in_thought, which the model says
  bool stream = false;
  bool include_usage = false;  // of a stream
  bool logprobs = false;
  std::shared_ptr<TemporaryFolder> files;  // that came in the request; null: none
};

// Looks videos up in `library` and writes what data URLs hold into a temporary folder: not for HTTP
// threads. `model` is the name that the request may give. Errors: those of JsonFields,
// HttpError(404) for another model, kUsage and kUnsupported for what cannot be done, those of
// Library and of JsonGrammar; `param` then names the part of the body that is wrong.
ChatRequest read_chat_request(const std::string& body, const std::string& model, Library& library,
                              std::string& param);

}  // namespace shijian
