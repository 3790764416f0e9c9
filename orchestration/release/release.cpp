#include "orchestration/release/release.hpp"

#include <array>

namespace orchestration {
namespace {

using docker::json;
using docker::json_error;

// 1: the first. A number is added only for what an older program would misread; new members alone need none.
constexpr int newest_format = 1;

constexpr std::array verdicts{release_verdict::verified, release_verdict::unverified, release_verdict::rolled_back};

// Reads with the place in front of the error: "containers[2]: image_id: member is missing".
template <class Read>
decltype(auto) reading(const std::string& place, Read read) {
  try {
    return read();
  } catch (const json_error& error) {
    throw json_error(place + ": " + error.what());
  }
}

std::string required_text(const json& object, std::string_view name) {
  const json& value = object.at(name);
  return reading(std::string(name), [&] { return value.as_string(); });
}

int small_int(const json& object, std::string_view name, int fallback = 0) {
  const std::int64_t value = object.int64_at({name}, fallback);
  if (value < INT32_MIN || value > INT32_MAX)
    throw json_error(std::string(name) + ": " + std::to_string(value) + " is out of range");
  return static_cast<int>(value);
}

json value_or_null(const json& object, std::string_view name) {
  const json* found = object.find(name);
  return found == nullptr ? json() : *found;
}

template <class Value>
json list_to_json(const std::vector<Value>& values, json (*one)(const Value&)) {
  json out = json::make_array();
  for (const Value& value : values) out.push_back(one(value));
  return out;
}

// A missing or null list is an empty one.
template <class Value>
std::vector<Value> list_from_json(const json& object, const std::string& name, Value (*one)(const json&)) {
  std::vector<Value> out;
  const json* list = object.find(name);
  if (list == nullptr || list->is_null()) return out;
  const json::array& elements = reading(name, [&]() -> const json::array& { return list->elements(); });
  for (const json& element : elements)
    out.push_back(reading(name + "[" + std::to_string(out.size()) + "]", [&] { return one(element); }));
  return out;
}

release_verdict verdict_from_json(const json& document) {
  const std::string text = required_text(document, "verdict");
  for (const release_verdict verdict : verdicts)
    if (to_text(verdict) == text) return verdict;
  throw json_error("verdict: expected verified, unverified or rolled_back, found \"" + text + "\"");
}

json connection_to_json(const std::pair<std::string, json>& connection) {
  return json::object({{"network", connection.first}, {"body", connection.second}});
}

std::pair<std::string, json> connection_from_json(const json& document) {
  return {required_text(document, "network"), value_or_null(document, "body")};
}

json container_to_json(const released_container& c) {
  json out = json::object({{"service", c.service},
                           {"number", c.number},
                           {"name", c.name},
                           {"container_id", c.container_id},
                           {"image_reference", c.image_reference},
                           {"image_id", c.image_id},
                           {"image_digest", c.image_digest},
                           {"config_hash", c.config_hash},
                           {"should_run", c.should_run},
                           {"completes", c.completes},
                           {"paused", c.paused},
                           {"has_health_check", c.has_health_check},
                           {"start_budget_ms", c.start_budget_ms},
                           {"start_level", c.start_level},
                           {"body", c.body},
                           {"connect_after", list_to_json(c.connect_after, connection_to_json)}});
  if (!c.files.is_null()) out["files"] = c.files;
  if (!c.hashed.is_null()) out["hashed"] = c.hashed;
  return out;
}

// Without a name, an image or a body a container cannot be brought back, so those have to be there.
released_container container_from_json(const json& document) {
  released_container c;
  c.service = document.string_at({"service"});
  c.number = small_int(document, "number", 1);
  c.name = required_text(document, "name");
  c.container_id = document.string_at({"container_id"});
  c.image_reference = document.string_at({"image_reference"});
  c.image_id = required_text(document, "image_id");
  c.image_digest = document.string_at({"image_digest"});
  c.config_hash = document.string_at({"config_hash"});
  c.should_run = document.bool_at({"should_run"}, true);
  c.completes = document.bool_at({"completes"});
  c.paused = document.bool_at({"paused"});
  c.has_health_check = document.bool_at({"has_health_check"});
  c.start_budget_ms = document.int64_at({"start_budget_ms"});
  c.start_level = small_int(document, "start_level");
  c.body = document.at("body");
  c.connect_after = list_from_json(document, "connect_after", connection_from_json);
  c.files = value_or_null(document, "files");
  c.hashed = value_or_null(document, "hashed");
  return c;
}

json volume_to_json(const released_volume& v) {
  return json::object({{"key", v.key}, {"name", v.name}, {"external", v.external}, {"body", v.body}});
}

released_volume volume_from_json(const json& document) {
  released_volume v;
  v.key = document.string_at({"key"});
  v.name = required_text(document, "name");
  v.external = document.bool_at({"external"});
  v.body = value_or_null(document, "body");
  return v;
}

json network_to_json(const released_network& n) {
  return json::object({{"name", n.name}, {"external", n.external}, {"body", n.body}});
}

released_network network_from_json(const json& document) {
  released_network n;
  n.name = required_text(document, "name");
  n.external = document.bool_at({"external"});
  n.body = value_or_null(document, "body");
  return n;
}

json pin_to_json(const released_pin& p) {
  json out = json::object({{"file", p.file}, {"variable", p.variable}, {"value", p.value}});
  if (!p.service.empty()) out["service"] = p.service;
  if (p.previous) out["previous"] = *p.previous;
  return out;
}

released_pin pin_from_json(const json& document) {
  released_pin p;
  p.file = required_text(document, "file");
  p.variable = required_text(document, "variable");
  p.value = required_text(document, "value");
  p.service = document.string_at({"service"});
  if (document.contains("previous")) p.previous = document.string_at({"previous"});
  return p;
}

void check_format(const json& document) {
  const std::int64_t format = reading("format", [&] { return document.at("format").as_int64(); });
  if (format < 1 || format > newest_format)
    throw json_error("format: " + std::to_string(format) + " is not known; the newest this program reads is " +
                     std::to_string(newest_format));
}

}  // namespace

std::string to_text(release_verdict verdict) {
  switch (verdict) {
    case release_verdict::verified:
      return "verified";
    case release_verdict::unverified:
      return "unverified";
    case release_verdict::rolled_back:
      return "rolled_back";
  }
  return {};
}

json to_json(const release& r) {
  return json::object({{"format", newest_format},
                       {"number", r.number},
                       {"project", r.project},
                       {"tag", r.tag},
                       {"created_at", r.created_at},
                       {"created_by", r.created_by},
                       {"reason", r.reason},
                       {"verdict", to_text(r.verdict)},
                       {"previous", r.previous},
                       {"ran_migration", r.ran_migration},
                       {"attempt_id", r.attempt_id},
                       {"containers", list_to_json(r.containers, container_to_json)},
                       {"networks", list_to_json(r.networks, network_to_json)},
                       {"volumes", list_to_json(r.volumes, volume_to_json)},
                       {"pins", list_to_json(r.pins, pin_to_json)}});
}

release release_from_json(const json& document) {
  check_format(document);
  release r;
  document.at("number");
  r.number = small_int(document, "number");
  r.project = document.string_at({"project"});
  r.tag = document.string_at({"tag"});
  r.created_at = document.string_at({"created_at"});
  r.created_by = document.string_at({"created_by"});
  r.reason = document.string_at({"reason"});
  r.verdict = verdict_from_json(document);
  r.previous = small_int(document, "previous");
  r.ran_migration = document.bool_at({"ran_migration"});
  r.attempt_id = document.string_at({"attempt_id"});
  document.at("containers");
  r.containers = list_from_json(document, "containers", container_from_json);
  r.networks = list_from_json(document, "networks", network_from_json);
  r.volumes = list_from_json(document, "volumes", volume_from_json);
  r.pins = list_from_json(document, "pins", pin_from_json);
  return r;
}

}  // namespace orchestration
