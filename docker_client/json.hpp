// A JSON document as a plain value: what the engine said, kept exactly.
//
// Member order, unknown members, and the difference between null, [] and a missing member are all kept (each of
// the three means something else to the engine). A number keeps the text it was written with, so no integer ever
// goes through a double: 9007199254740993 and 18446744073709551615 come back as they were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace docker {

/// A document that is not JSON, or not of the shape asked for. what() names the place: "HostConfig.Memory: expected
/// an integer, found a string".
class json_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class json {
 public:
  struct number {
    std::string text;  // as written: "1", "-0", "1.5e8"
    bool operator==(const number&) const = default;
  };
  using array = std::vector<json>;
  using member = std::pair<std::string, json>;

  json() = default;  // null
  json(std::nullptr_t) {}
  json(bool value) : value_(value) {}
  json(int value) : json(static_cast<std::int64_t>(value)) {}
  json(std::int64_t value) : value_(number{std::to_string(value)}) {}
  json(std::uint64_t value) : value_(number{std::to_string(value)}) {}
  json(const char* value) : value_(std::string(value)) {}
  json(std::string value) : value_(std::move(value)) {}
  json(std::string_view value) : value_(std::string(value)) {}
  json(number value) : value_(std::move(value)) {}
  json(array value) : value_(std::move(value)) {}

  static json make_object() { return json(members{}); }
  /// json::object({{"Name", "web"}, {"Tty", false}}): duplicate names keep the last.
  static json object(std::initializer_list<member> list);
  static json make_array() { return json(array{}); }
  template <class Range>
  static json array_of(const Range& values) {
    array out;
    for (const auto& value : values) out.emplace_back(value);
    return json(std::move(out));
  }

  /// The one value in `text`. Throws json_error with the offset for anything else: trailing bytes, invalid UTF-8, a
  /// lone surrogate, more than 64 levels (an engine's answers have under 20).
  static json parse(std::string_view text);

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_number() const { return std::holds_alternative<number>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<array>(value_); }
  bool is_object() const { return std::holds_alternative<members>(value_); }

  // Exact reads: json_error when the kind is another, or the number does not fit.
  bool as_bool() const;
  std::int64_t as_int64() const;
  std::uint64_t as_uint64() const;
  double as_double() const;
  const std::string& as_string() const;
  const std::string& number_text() const;
  const array& elements() const;
  array& elements();
  const std::vector<member>& object_members() const;
  std::vector<member>& object_members();

  // Objects. find() and erase() on anything that is no object: absent.
  const json* find(std::string_view name) const;
  json* find(std::string_view name);
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// The member, added as null when missing; null turns into an empty object first.
  json& operator[](std::string_view name);
  const json& at(std::string_view name) const;  // json_error naming the member when missing
  bool erase(std::string_view name);

  // Follows members: path({"State", "Health", "Status"}); nullptr as soon as one is missing.
  const json* path(std::initializer_list<std::string_view> names) const;
  // Lenient reads for fields that engines leave out: the fallback when missing or null; json_error for another kind.
  std::string string_at(std::initializer_list<std::string_view> names, std::string_view fallback = {}) const;
  std::int64_t int64_at(std::initializer_list<std::string_view> names, std::int64_t fallback = 0) const;
  bool bool_at(std::initializer_list<std::string_view> names, bool fallback = false) const;

  // Arrays: null turns into an empty array first.
  void push_back(json value);

  bool empty() const;  // null, "", [], {}
  std::size_t size() const;  // elements or members, 0 for anything else

  /// Compact text, members in their order. `pretty` indents by two spaces.
  std::string to_text() const;
  std::string to_pretty_text() const;

  bool operator==(const json&) const = default;  // member order matters, number text too

 private:
  using members = std::vector<member>;
  explicit json(members value) : value_(std::move(value)) {}
  std::variant<std::monostate, bool, number, std::string, array, members> value_;
};

}  // namespace docker
