// From a JSON Schema to the grammar of the texts that conform to it.
#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "guided/json_grammar.h"

namespace shijian::guided {

namespace {
constexpr int kMaxNesting = 128;  // of schemas in each other, by $ref too
constexpr size_t kMaxNodes = 4000;
constexpr size_t kMaxAlternatives = 256;  // of one anyOf, those inside each other together
}  // namespace

class SchemaReader {
 public:
  SchemaReader(JsonGrammar& grammar, const OrderedJson& root) : grammar_(grammar), root_(root) {}

  void read_all(bool objects_only) {
    grammar_.root_ = read(root_, "", 0);
    if (objects_only) grammar_.root_ = objects_of(grammar_.root_);
    flatten_alternatives();
    measure_depths();
    if (grammar_.nodes_[grammar_.root_].depth > JsonGrammar::kMaxDepth) {
      fail("", "lets no value through"_text,
           "a value would have to hold itself, or more than {} arrays and objects in "
           "each other"_text(JsonGrammar::kMaxDepth));
    }
  }

 private:
  using Node = JsonGrammar::Node;

  // The node of the values that conform to `schema`, which stands at `where`.
  uint32_t read(const OrderedJson& schema, const std::string& where, int depth) {
    if (schema.is_boolean() && schema.get<bool>()) return JsonGrammar::kAny;
    if (!schema.is_object()) fail(where, "is no schema"_text, "a schema is a JSON object"_text);
    if (depth >= kMaxNesting) fail(where, "is nested deeper than {}"_text(kMaxNesting), {});
    check_keywords(schema, where);
    for (const char* keyword : {"$ref", "anyOf"}) {
      if (!schema.contains(keyword)) continue;
      check_alone(schema, keyword, where);
      return keyword[0] == '$' ? read_reference(schema.at(keyword), where, depth)
                               : read_alternatives(schema.at(keyword), where, depth);
    }
    Node node;
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

  uint32_t read_alternatives(const OrderedJson& list, const std::string& where, int depth) {
    if (!list.is_array() || list.empty()) fail(where + "/anyOf", "is no list of schemas"_text, {});
    std::vector<uint32_t> any_of;
    for (size_t i = 0; i < list.size(); ++i) {
      any_of.push_back(read(list[i], fmt::format("{}/anyOf/{}", where, i), depth + 1));
    }
    return add_union(std::move(any_of));
  }

  // The node is known before its schema is read, which may name itself.
  uint32_t read_reference(const OrderedJson& name, const std::string& where, int depth) {
    const std::string place = name.is_string() ? name.get<std::string>() : "";
    if (!place.starts_with('#')) {
      fail(where + "/$ref", "names no place in this schema"_text, "such as #/$defs/NAME"_text);
    }
    const auto [known, fresh] = places_.try_emplace(place, 0);
    if (!fresh) return known->second;
    const OrderedJson* target = nullptr;
    try {
      target = &root_.at(OrderedJson::json_pointer(place.substr(1)));
    } catch (const OrderedJson::exception&) {
      fail(where + "/$ref", "names '{}', which is not there"_text(place.substr(0, 100)),
           "such as #/$defs/NAME"_text);
    }
    const uint32_t node = add_union({});
    known->second = node;
    const uint32_t value = read(*target, place.substr(1), depth + 1);
    grammar_.nodes_[node].any_of = {value};
    return node;
  }

  // What of a value's kinds are objects, as a new node.
  uint32_t objects_of(uint32_t value) {
    std::vector<uint32_t> any_of;
    for (const uint32_t leaf : leaves_of(value)) {
      const Node& kinds = grammar_.nodes_[leaf];
      Node node;
      node.object = kinds.object;
      node.any_names = kinds.any_names;
      node.properties = kinds.properties;
      std::copy_if(kinds.literals.begin(), kinds.literals.end(), std::back_inserter(node.literals),
                   [](const std::string& literal) { return literal.starts_with('{'); });
      if (node.object || !node.literals.empty()) any_of.push_back(add(std::move(node)));
    }
    if (any_of.empty()) fail("", "lets no object through"_text, "arguments are a JSON object"_text);
    return add_union(std::move(any_of));
  }

  // The nodes that a value may be, none of which has alternatives itself.
  std::vector<uint32_t> leaves_of(uint32_t value) const {
    std::vector<uint32_t> leaves, left = {value};
    std::set<uint32_t> seen = {value};
    while (!left.empty()) {
      const uint32_t next = left.back();
      left.pop_back();
      const Node& node = grammar_.nodes_[next];
      if (!unions_.contains(next)) leaves.push_back(next);
      // The last is taken first.
      for (auto it = node.any_of.rbegin(); it != node.any_of.rend(); ++it) {
        if (seen.insert(*it).second) left.push_back(*it);
      }
      if (leaves.size() > kMaxAlternatives) {
        fail("", "has an anyOf of more than {} schemas"_text(kMaxAlternatives), {});
      }
    }
    return leaves;
  }

  void flatten_alternatives() {
    std::map<uint32_t, std::vector<uint32_t>> flat;
    for (const uint32_t node : unions_) flat[node] = leaves_of(node);
    for (auto& [node, leaves] : flat) grammar_.nodes_[node].any_of = std::move(leaves);
  }

  // Grows the depths, from those of values that hold nothing, until they are true. What has no
  // bound ends above kMaxDepth.
  void measure_depths() {
    constexpr int kTooDeep = JsonGrammar::kMaxDepth + 1;
    auto& nodes = grammar_.nodes_;
    const auto holder = [&](int inside) { return std::min(inside + 1, kTooDeep); };
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t i = 0; i < nodes.size(); ++i) {
        Node& node = nodes[i];
        const std::array before = {node.array_depth, node.object_depth, node.depth};
        node.array_depth = holder(node.min_items > 0 ? nodes[node.items].depth : 0);
        int inside = 0;
        for (const auto& property : node.properties) {
          if (property.required) inside = std::max(inside, nodes[property.value].depth);
        }
        node.object_depth = holder(inside);
        const bool plain = node.string || node.number || node.integer || !node.literals.empty();
        node.depth = plain ? 0 : kTooDeep;
        if (node.array) node.depth = std::min(node.depth, node.array_depth);
        if (node.object) node.depth = std::min(node.depth, node.object_depth);
        for (const uint32_t other : node.any_of) {
          node.depth = std::min(node.depth, nodes[other].depth);
        }
        changed = changed || before != std::array{node.array_depth, node.object_depth, node.depth};
      }
    }
  }

  [[noreturn]] static void fail(const std::string& where, const Text& what, const Text& hint) {
    throw Error(ErrorCode::kUsage, "JSON schema: '{}' {}"_text(where.empty() ? "/" : where, what),
                hint);
  }

  static void check_keywords(const OrderedJson& schema, const std::string& where) {
    static const std::set<std::string_view> kUsed = {
        "type",  "enum",     "const",    "properties", "required", "additionalProperties",
        "items", "minItems", "maxItems", "anyOf",      "$ref"};
    static const std::set<std::string_view> kNotes = {
        "title", "description", "default",    "examples", "$schema",   "$defs",
        "$id",   "$comment",    "deprecated", "readOnly", "writeOnly", "definitions"};
    for (const auto& [keyword, value] : schema.items()) {
      if (kUsed.contains(keyword) || kNotes.contains(keyword)) continue;
      throw Error(ErrorCode::kUnsupported,
                  "JSON schema: '{}' at '{}' is not supported"_text(keyword.substr(0, 100),
                                                                    where.empty() ? "/" : where),
                  "there are type, enum, const, properties, required, additionalProperties, items, "
                  "minItems, maxItems, anyOf and $ref"_text);
    }
  }

  static void check_alone(const OrderedJson& schema, std::string_view keyword,
                          const std::string& where) {
    for (const char* other : {"type", "enum", "const", "properties", "required",
                              "additionalProperties", "items", "minItems", "maxItems", "anyOf"}) {
      if (other == keyword || !schema.contains(other)) continue;
      throw Error(ErrorCode::kUnsupported,
                  "JSON schema: '{}' beside '{}' at '{}' is not supported"_text(
                      other, keyword, where.empty() ? "/" : where),
                  "write it into the schema that is named, or into each of anyOf"_text);
    }
  }

  uint32_t add(Node node) {
    if (grammar_.nodes_.size() == kMaxNodes) {
      fail("", "has more than {} parts"_text(kMaxNodes), "use a smaller schema"_text);
    }
    grammar_.nodes_.push_back(std::move(node));
    return static_cast<uint32_t>(grammar_.nodes_.size() - 1);
  }
  uint32_t add_union(std::vector<uint32_t> any_of) {
    Node node;
    node.any_of = std::move(any_of);
    const uint32_t added = add(std::move(node));
    unions_.insert(added);
    return added;
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
        fail(where + "/type", "is {}"_text(type.dump().substr(0, 100)),
             "there are string, number, integer, boolean, null, array and object"_text);
      }
      types.insert(type.get<std::string>());
    }
    if (types.empty()) fail(where + "/type", "is empty"_text, {});
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
        fail(where, "has '{}' beside 'enum' or 'const'"_text(keyword), "leave one out"_text);
      }
    }
    OrderedJson values = OrderedJson::array();
    if (const auto found = schema.find("enum"); found != schema.end()) {
      if (!found->is_array()) fail(where + "/enum", "is no list"_text, {});
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
    if (literals.empty()) fail(where, "lets no value through"_text, {});
    return literals;
  }

  static uint32_t read_count(const OrderedJson& schema, const char* keyword, uint32_t otherwise,
                             const std::string& where) {
    const auto found = schema.find(keyword);
    if (found == schema.end()) return otherwise;
    if (!found->is_number_unsigned() || found->get<uint64_t>() > 1000000) {
      fail(where + "/" + keyword, "is no whole number from 0 to 1000000"_text, {});
    }
    return found->get<uint32_t>();
  }

  void read_array(const OrderedJson& schema, const std::string& where, int depth, Node& node) {
    node.array = true;
    node.min_items = read_count(schema, "minItems", 0, where);
    node.max_items = read_count(schema, "maxItems", UINT32_MAX, where);
    if (node.min_items > node.max_items) fail(where, "has minItems above maxItems"_text, {});
    const auto items = schema.find("items");
    node.items =
        items == schema.end() ? JsonGrammar::kAny : read(*items, where + "/items", depth + 1);
  }

  void read_object(const OrderedJson& schema, const std::string& where, int depth, Node& node) {
    node.object = true;
    const auto others = schema.find("additionalProperties");
    if (others != schema.end() && !others->is_boolean()) {
      throw Error(ErrorCode::kUnsupported,
                  "JSON schema: '{}/additionalProperties' is neither true nor false"_text(where),
                  "a schema for further properties is not supported; name them in properties"_text);
    }
    std::set<std::string> required;
    if (const auto names = schema.find("required"); names != schema.end()) {
      for (const OrderedJson& name : *names) {
        if (!names->is_array() || !name.is_string()) {
          fail(where + "/required", "is no list of names"_text, {});
        }
        required.insert(name.get<std::string>());
      }
    }
    if (const auto properties = schema.find("properties"); properties != schema.end()) {
      if (!properties->is_object()) fail(where + "/properties", "is no JSON object"_text, {});
      for (const auto& [name, value] : properties->items()) {
        const std::string text =
            OrderedJson(name).dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
        const bool needed = required.erase(name) > 0;
        node.properties.push_back(
            {text, needed, read(value, fmt::format("{}/properties/{}", where, name), depth + 1)});
      }
    }
    if (!required.empty()) {
      fail(where + "/required",
           "names '{}', which is not in properties"_text(required.begin()->substr(0, 100)),
           "give each required name its schema"_text);
    }
    node.any_names = node.properties.empty() && (others == schema.end() || others->get<bool>());
  }

  JsonGrammar& grammar_;
  const OrderedJson& root_;
  std::map<std::string, uint32_t> places_;  // that a $ref names, and their nodes
  std::set<uint32_t> unions_;               // nodes that are what others are
};

JsonGrammar JsonGrammar::of_schema(const OrderedJson& schema) {
  JsonGrammar grammar;
  SchemaReader(grammar, schema).read_all(false);
  return grammar;
}

JsonGrammar JsonGrammar::of_object_schema(const OrderedJson& schema) {
  JsonGrammar grammar;
  SchemaReader(grammar, schema).read_all(true);
  return grammar;
}

}  // namespace shijian::guided
