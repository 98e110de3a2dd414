#include "engine/description_json.h"

#include "grounding/output.h"

namespace shijian::engine {

OrderedJson description_json(const Description& d, const std::string& model) {
  OrderedJson json = {{"response", d.response}};
  if (!d.reasoning.empty()) {
    json["reasoning"] = d.reasoning;
    json["reasoning_source"] = "model";
  }
  json["model"] = model;
  json["finish_reason"] = d.finish_reason;
  json["usage"] = grounding::usage_json(d.usage);
  grounding::add_reuse(json, d.reuse);
  json["timing"] = grounding::timing_json(d.timing);
  if (!d.notes.empty()) json["notes"] = grounding::notes_json(d.notes, d.language);
  if (!d.tokens.empty()) json["tokens"] = grounding::tokens_json(d.tokens);
  return json;
}

}  // namespace shijian::engine
