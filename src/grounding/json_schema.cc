// From a JSON Schema to the grammar of the texts that conform to it.
#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "grounding/json_grammar.h"

namespace shijian {

class SchemaReader {
 public:
  explicit SchemaReader(JsonGrammar& grammar) : grammar_(grammar) {}

  // The node of the values that conform to `schema`, which stands at `where`.
  uint32_t read(const OrderedJson& schema, const std::string& where, int depth) {
    if (schema.is_boolean() && schema.get<bool>()) return JsonGrammar::kAny;
    if (!schema.is_object()) fail(where, "is no schema", "a schema is a JSON object");
    if (depth >= JsonGrammar::kMaxDepth) {
      fail(where, fmt::format("is nested deeper than {}", JsonGrammar::kMaxDepth), "");
    }
    check_keywords(schema, where);
    JsonGrammar::Node node;
    if (schema.contains("enum") || schema.contains("const")) {
      node.literals = read_literals(schema, where);
      return add(std::move(node));
    }
    const std::set<std::string> types = read_types(schema, where);
    if (types.empty()) return JsonGrammar::kAny;
    node.string = types.contains("string");
    node.number = types.contains("number");
    node.integer = types.contains("integer");
    if (types.contains("boolean")) node.literals = {"true", "false"};
    if (types.contains("null")) node.literals.push_back("null");
    if (types.contains("array")) read_array(schema, where, depth, node);
    if (types.contains("object")) read_object(schema, where, depth, node);
    return add(std::move(node));
  }

 private:
  [[noreturn]] static void fail(const std::string& where, std::string_view what,
                                std::string_view hint) {
    throw Error(ErrorCode::kUsage,
                fmt::format("JSON schema: '{}' {}", where.empty() ? "/" : where, what),
                std::string(hint));
  }

  static void check_keywords(const OrderedJson& schema, const std::string& where) {
    static const std::set<std::string_view> kUsed = {
        "type",  "enum",     "const",   "properties", "required", "additionalProperties",
        "items", "minItems", "maxItems"};
    static const std::set<std::string_view> kNotes = {
        "title", "description", "default",    "examples", "$schema",
        "$id",   "$comment",    "deprecated", "readOnly", "writeOnly"};
    for (const auto& [keyword, value] : schema.items()) {
      if (kUsed.contains(keyword) || kNotes.contains(keyword)) continue;
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("JSON schema: '{}' at '{}' is not supported", keyword.substr(0, 100),
                              where.empty() ? "/" : where),
                  "there are type, enum, const, properties, required, additionalProperties, items, "
                  "minItems and maxItems");
    }
  }

  uint32_t add(JsonGrammar::Node node) {
    grammar_.nodes_.push_back(std::move(node));
    return static_cast<uint32_t>(grammar_.nodes_.size() - 1);
  }

  // Empty: any. Keywords that only arrays or objects have say the type where "type" does not.
  static std::set<std::string> read_types(const OrderedJson& schema, const std::string& where) {
    static const std::set<std::string_view> kTypes = {"string", "number", "integer", "boolean",
                                                      "null",   "array",  "object"};
    std::set<std::string> types;
    const auto found = schema.find("type");
    if (found == schema.end()) {
      for (const char* keyword : {"properties", "required", "additionalProperties"}) {
        if (schema.contains(keyword)) types = {"object"};
      }
      for (const char* keyword : {"items", "minItems", "maxItems"}) {
        if (schema.contains(keyword)) types = {"array"};
      }
      return types;
    }
    const OrderedJson list = found->is_array() ? *found : OrderedJson::array({*found});
    for (const OrderedJson& type : list) {
      if (!type.is_string() || !kTypes.contains(type.get_ref<const std::string&>())) {
        fail(where + "/type", fmt::format("is {}", type.dump().substr(0, 100)),
             "there are string, number, integer, boolean, null, array and object");
      }
      types.insert(type.get<std::string>());
    }
    if (types.empty()) fail(where + "/type", "is empty", "");
    return types;
  }

  static bool has_type(const OrderedJson& value, const std::set<std::string>& types) {
    if (types.empty() || types.contains(value.type_name())) return true;  // "number" and the rest
    return value.is_number_integer() && types.contains("integer");
  }

  static std::vector<std::string> read_literals(const OrderedJson& schema,
                                                const std::string& where) {
    for (const char* keyword :
         {"properties", "required", "additionalProperties", "items", "minItems", "maxItems"}) {
      if (schema.contains(keyword)) {
        fail(where, fmt::format("has '{}' beside 'enum' or 'const'", keyword), "leave one out");
      }
    }
    OrderedJson values = OrderedJson::array();
    if (const auto found = schema.find("enum"); found != schema.end()) {
      if (!found->is_array()) fail(where + "/enum", "is no list", "");
      values = *found;
      const auto only = schema.find("const");
      if (only != schema.end() && std::find(values.begin(), values.end(), *only) == values.end()) {
        values.clear();
      } else if (only != schema.end()) {
        values = {*only};
      }
    } else {
      values.push_back(schema.at("const"));
    }
    const std::set<std::string> types = read_types(schema, where);
    std::vector<std::string> literals;
    for (const OrderedJson& value : values) {
      if (has_type(value, types)) {
        literals.push_back(value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
      }
    }
    if (literals.empty()) fail(where, "lets no value through", "");
    return literals;
  }

  static uint32_t read_count(const OrderedJson& schema, const char* keyword, uint32_t otherwise,
                             const std::string& where) {
    const auto found = schema.find(keyword);
    if (found == schema.end()) return otherwise;
    if (!found->is_number_unsigned() || found->get<uint64_t>() > 1000000) {
      fail(where + "/" + keyword, "is no whole number from 0 to 1000000", "");
    }
    return found->get<uint32_t>();
  }

  void read_array(const OrderedJson& schema, const std::string& where, int depth,
                  JsonGrammar::Node& node) {
    node.array = true;
    node.min_items = read_count(schema, "minItems", 0, where);
    node.max_items = read_count(schema, "maxItems", UINT32_MAX, where);
    if (node.min_items > node.max_items) fail(where, "has minItems above maxItems", "");
    const auto items = schema.find("items");
    node.items =
        items == schema.end() ? JsonGrammar::kAny : read(*items, where + "/items", depth + 1);
  }

  void read_object(const OrderedJson& schema, const std::string& where, int depth,
                   JsonGrammar::Node& node) {
    node.object = true;
    const auto others = schema.find("additionalProperties");
    if (others != schema.end() && !others->is_boolean()) {
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("JSON schema: '{}/additionalProperties' is neither true nor false", where),
          "a schema for further properties is not supported; name them in properties");
    }
    std::set<std::string> required;
    if (const auto names = schema.find("required"); names != schema.end()) {
      for (const OrderedJson& name : *names) {
        if (!names->is_array() || !name.is_string()) {
          fail(where + "/required", "is no list of names", "");
        }
        required.insert(name.get<std::string>());
      }
    }
    if (const auto properties = schema.find("properties"); properties != schema.end()) {
      if (!properties->is_object()) fail(where + "/properties", "is no JSON object", "");
      for (const auto& [name, value] : properties->items()) {
        const std::string text =
            OrderedJson(name).dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
        const bool needed = required.erase(name) > 0;
        node.properties.push_back(
            {text, needed, read(value, where + "/properties/" + name, depth + 1)});
      }
    }
    if (!required.empty()) {
      fail(where + "/required",
           fmt::format("names '{}', which is not in properties", required.begin()->substr(0, 100)),
           "give each required name its schema");
    }
    node.any_names = node.properties.empty() && (others == schema.end() || others->get<bool>());
  }

  JsonGrammar& grammar_;
};

JsonGrammar JsonGrammar::of_schema(const OrderedJson& schema) {
  JsonGrammar grammar;
  grammar.root_ = SchemaReader(grammar).read(schema, "", 0);
  return grammar;
}

}  // namespace shijian
