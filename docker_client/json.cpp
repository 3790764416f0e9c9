#include "docker_client/json.hpp"

#include <charconv>

#include <rapidjson/error/en.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace docker {
namespace {

constexpr std::size_t deepest_nesting = 64;

const char* kind_name(const json& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "a boolean";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  if (value.is_array()) return "an array";
  return "an object";
}

[[noreturn]] void wrong_kind(const char* expected, const json& found) {
  throw json_error(std::string("expected ") + expected + ", found " + kind_name(found));
}

std::string join(std::initializer_list<std::string_view> names) {
  std::string out;
  for (auto name : names) out.append(out.empty() ? "" : ".").append(name);
  return out;
}

// RapidJSON's events → our value. The stack holds the open arrays and objects.
class builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, builder> {
 public:
  bool Null() { return add(json()); }
  bool Bool(bool value) { return add(json(value)); }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    return add(json(json::number{std::string(text, length)}));
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return is_text({text, length}) && add(json(std::string(text, length)));
  }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    names_.back().assign(text, length);
    return is_text({text, length});
  }
  bool StartObject() { return open(json::make_object()); }
  bool StartArray() { return open(json::make_array()); }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool EndArray(rapidjson::SizeType) { return close(); }

  json result;
  bool too_deep = false;
  bool lone_surrogate = false;

 private:
  // RapidJSON lets the escape of a low surrogate stand alone, which makes bytes that are not UTF-8: ED, then A0 to BF.
  bool is_text(std::string_view text) {
    for (std::size_t at = 0; (at = text.find('\xED', at)) != std::string_view::npos; ++at)
      if (static_cast<unsigned char>(text[at + 1]) >= 0xA0) lone_surrogate = true;
    return !lone_surrogate;
  }
  bool open(json container) {
    too_deep = open_.size() == deepest_nesting;
    if (too_deep) return false;
    open_.push_back(std::move(container));
    names_.emplace_back();
    return true;
  }
  bool close() {
    json done = std::move(open_.back());
    open_.pop_back();
    names_.pop_back();
    return add(std::move(done));
  }
  bool add(json value) {
    if (open_.empty())
      result = std::move(value);
    else if (open_.back().is_array())
      open_.back().push_back(std::move(value));
    else
      open_.back().object_members().emplace_back(std::move(names_.back()), std::move(value));
    return true;
  }

  std::vector<json> open_;
  std::vector<std::string> names_;
};

template <class Writer>
void write_text(Writer& writer, const std::string& text) {
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

template <class Writer>
void write(Writer& writer, const json& value) {
  if (value.is_null()) {
    writer.Null();
  } else if (value.is_bool()) {
    writer.Bool(value.as_bool());
  } else if (value.is_number()) {
    const std::string& text = value.number_text();
    writer.RawValue(text.data(), text.size(), rapidjson::kNumberType);
  } else if (value.is_string()) {
    write_text(writer, value.as_string());
  } else if (value.is_array()) {
    writer.StartArray();
    for (const json& element : value.elements()) write(writer, element);
    writer.EndArray();
  } else {
    writer.StartObject();
    for (const auto& [name, child] : value.object_members()) {
      write_text(writer, name);  // the writer knows that a name is due
      write(writer, child);
    }
    writer.EndObject();
  }
}

template <class Integer>
Integer to_integer(const std::string& text) {
  Integer out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size())
    throw json_error("expected an integer in range, found " + text);
  return out;
}

// Reads at a path, so that the error names it.
template <class Read>
auto read_at(std::initializer_list<std::string_view> names, Read read) {
  try {
    return read();
  } catch (const json_error& error) {
    throw json_error(join(names) + ": " + error.what());
  }
}

}  // namespace

json json::object(std::initializer_list<member> list) {
  json out = make_object();
  for (const auto& [name, value] : list) out[name] = value;
  return out;
}

json json::parse(std::string_view text) {
  builder handler;
  rapidjson::Reader reader;
  rapidjson::MemoryStream raw(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(raw);
  // Iterative: the recursive parser overflows the stack on deep input before our own limit is reached.
  constexpr unsigned flags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;
  reader.Parse<flags>(stream, handler);
  if (reader.HasParseError()) {
    const std::string reason = handler.too_deep ? "nested deeper than " + std::to_string(deepest_nesting) + " levels"
                               : handler.lone_surrogate ? "a lone surrogate in a string"
                                                        : rapidjson::GetParseError_En(reader.GetParseErrorCode());
    throw json_error("not JSON at byte " + std::to_string(reader.GetErrorOffset()) + ": " + reason);
  }
  return std::move(handler.result);
}

bool json::as_bool() const {
  if (const bool* value = std::get_if<bool>(&value_)) return *value;
  wrong_kind("a boolean", *this);
}
std::int64_t json::as_int64() const {
  if (!is_number()) wrong_kind("an integer", *this);
  return to_integer<std::int64_t>(number_text());
}
std::uint64_t json::as_uint64() const {
  if (!is_number()) wrong_kind("an integer", *this);
  return to_integer<std::uint64_t>(number_text());
}
double json::as_double() const {
  const std::string& text = number_text();
  double out{};
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}
const std::string& json::as_string() const {
  if (const auto* value = std::get_if<std::string>(&value_)) return *value;
  wrong_kind("a string", *this);
}
const std::string& json::number_text() const {
  if (const auto* value = std::get_if<number>(&value_)) return value->text;
  wrong_kind("a number", *this);
}
const json::array& json::elements() const {
  if (const auto* value = std::get_if<array>(&value_)) return *value;
  wrong_kind("an array", *this);
}
json::array& json::elements() {
  if (auto* value = std::get_if<array>(&value_)) return *value;
  wrong_kind("an array", *this);
}
const std::vector<json::member>& json::object_members() const {
  if (const auto* value = std::get_if<members>(&value_)) return *value;
  wrong_kind("an object", *this);
}
std::vector<json::member>& json::object_members() {
  if (auto* value = std::get_if<members>(&value_)) return *value;
  wrong_kind("an object", *this);
}

const json* json::find(std::string_view name) const {
  // The last of duplicates wins, as in Go's decoder.
  if (const auto* value = std::get_if<members>(&value_))
    for (auto it = value->rbegin(); it != value->rend(); ++it)
      if (it->first == name) return &it->second;
  return nullptr;
}
json* json::find(std::string_view name) { return const_cast<json*>(std::as_const(*this).find(name)); }

json& json::operator[](std::string_view name) {
  if (is_null()) value_ = members{};
  if (json* found = find(name)) return *found;
  auto& all = object_members();
  return all.emplace_back(std::string(name), json()).second;
}

const json& json::at(std::string_view name) const {
  if (const json* found = find(name)) return *found;
  throw json_error("member " + std::string(name) + " is missing");
}

bool json::erase(std::string_view name) {
  auto* all = std::get_if<members>(&value_);
  return all != nullptr && std::erase_if(*all, [&](const member& m) { return m.first == name; }) > 0;
}

const json* json::path(std::initializer_list<std::string_view> names) const {
  const json* here = this;
  for (auto name : names) {
    here = here->find(name);
    if (here == nullptr) return nullptr;
  }
  return here;
}

std::string json::string_at(std::initializer_list<std::string_view> names, std::string_view fallback) const {
  const json* found = path(names);
  if (found == nullptr || found->is_null()) return std::string(fallback);
  return read_at(names, [&] { return found->as_string(); });
}
std::int64_t json::int64_at(std::initializer_list<std::string_view> names, std::int64_t fallback) const {
  const json* found = path(names);
  if (found == nullptr || found->is_null()) return fallback;
  return read_at(names, [&] { return found->as_int64(); });
}
bool json::bool_at(std::initializer_list<std::string_view> names, bool fallback) const {
  const json* found = path(names);
  if (found == nullptr || found->is_null()) return fallback;
  return read_at(names, [&] { return found->as_bool(); });
}

void json::push_back(json value) {
  if (is_null()) value_ = array{};
  elements().push_back(std::move(value));
}

bool json::empty() const {
  if (is_null()) return true;
  if (const auto* text = std::get_if<std::string>(&value_)) return text->empty();
  return (is_array() || is_object()) && size() == 0;
}
std::size_t json::size() const {
  if (const auto* value = std::get_if<array>(&value_)) return value->size();
  if (const auto* value = std::get_if<members>(&value_)) return value->size();
  return 0;
}

std::string json::to_text() const {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  write(writer, *this);
  return {buffer.GetString(), buffer.GetSize()};
}
std::string json::to_pretty_text() const {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 2);
  write(writer, *this);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace docker
