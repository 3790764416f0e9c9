// Plans as JSON. Each operation lists its members once; writing, reading and the public view walk the same lists.
#include <algorithm>
#include <array>
#include <iterator>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "orchestration/plan/plan.hpp"

namespace orchestration {
namespace {

using docker::json;
using docker::json_error;

// By index of the variant. The journal stores these: they never change.
constexpr std::array<std::string_view, std::variant_size_v<action>> kinds = {
    "pull_image",       "keep_image",       "ensure_network",  "ensure_volume",   "create_container", "stop_container",
    "rename_container", "snapshot_volumes", "restore_volumes", "start_container", "verify_container", "pin_tag",
    "remove_container", "remove_network",   "remove_volume",   "pin_images"};

constexpr std::array<std::string_view, 8> phase_texts = {"pull",  "create", "cut over", "restore",
                                                         "start", "verify", "pin",      "commit"};
constexpr std::array<std::string_view, 3> goal_texts = {"started", "healthy", "completed"};
constexpr std::array<std::string_view, 4> run_state_texts = {"running", "paused", "completed", "stopped"};

constexpr const auto& texts_of(phase) { return phase_texts; }
constexpr const auto& texts_of(goal) { return goal_texts; }
constexpr const auto& texts_of(run_state) { return run_state_texts; }

template <class Texts>
std::size_t index_of(const Texts& texts, const std::string& text) {
  const auto found = std::find(texts.begin(), texts.end(), text);
  if (found == texts.end()) throw json_error("\"" + text + "\" is not known to this version of dockupd");
  return static_cast<std::size_t>(found - texts.begin());
}

// --- one value ---

json to_value(const std::string& value) { return value; }
json to_value(int value) { return value; }
json to_value(bool value) { return value; }
json to_value(const json& value) { return value; }
json to_value(std::chrono::milliseconds value) { return std::int64_t{value.count()}; }
json to_value(const std::optional<std::chrono::seconds>& value) {
  return value ? json(std::int64_t{value->count()}) : json();
}
template <class Enum>
requires std::is_enum_v<Enum> json to_value(Enum value) { return texts_of(value).at(static_cast<std::size_t>(value)); }
json to_value(const container_ref& value) { return json::object({{"subject", value.subject}, {"id", value.id}}); }
json to_value(const joined_service& value) {
  return json::object({{"service", value.service}, {"container", to_value(value.container)}});
}
json to_value(const volume_target& value) {
  return json::object({{"name", value.name}, {"key", value.key}, {"mountpoint", value.mountpoint}});
}
json to_value(const pinned_image& value) {
  return json::object({{"service", value.service}, {"image", value.image}, {"previous", value.previous}});
}
json to_value(const std::pair<std::string, json>& value) {
  return json::object({{"network", value.first}, {"endpoint", value.second}});
}
json to_value(const service_outlook& value);
template <class T>
json to_value(const std::vector<T>& values) {
  json out = json::make_array();
  for (const T& each : values) out.push_back(to_value(each));
  return out;
}

void from_value(const json& in, std::string& value) { value = in.as_string(); }
void from_value(const json& in, int& value) {
  const std::int64_t whole = in.as_int64();
  if (!std::in_range<int>(whole)) throw json_error("expected a small number, found " + std::to_string(whole));
  value = static_cast<int>(whole);
}
void from_value(const json& in, bool& value) { value = in.as_bool(); }
void from_value(const json& in, json& value) { value = in; }
void from_value(const json& in, std::chrono::milliseconds& value) { value = std::chrono::milliseconds(in.as_int64()); }
void from_value(const json& in, std::optional<std::chrono::seconds>& value) {
  value.reset();
  if (!in.is_null()) value = std::chrono::seconds(in.as_int64());
}
template <class Enum>
requires std::is_enum_v<Enum>
void from_value(const json& in, Enum& value) { value = static_cast<Enum>(index_of(texts_of(value), in.as_string())); }
void from_value(const json& in, container_ref& value) {
  value.subject = in.at("subject").as_string();
  value.id = in.at("id").as_string();
}
void from_value(const json& in, joined_service& value) {
  value.service = in.at("service").as_string();
  from_value(in.at("container"), value.container);
}
void from_value(const json& in, volume_target& value) {
  value.name = in.at("name").as_string();
  value.key = in.at("key").as_string();
  value.mountpoint = in.at("mountpoint").as_string();
}
void from_value(const json& in, pinned_image& value) {
  value.service = in.at("service").as_string();
  value.image = in.at("image").as_string();
  value.previous = in.at("previous").as_string();
}
void from_value(const json& in, std::pair<std::string, json>& value) {
  value.first = in.at("network").as_string();
  value.second = in.at("endpoint");
}
void from_value(const json& in, service_outlook& value);
template <class T>
void from_value(const json& in, std::vector<T>& values) {
  values.clear();
  for (const json& each : in.elements()) from_value(each, values.emplace_back());
}

// --- the members of each operation, once ---

template <class Walk>
void members(Walk& each, pull_image& o) {
  each("reference", o.reference), each("digest", o.digest), each("platform", o.platform);
  each("services", o.services), each("meant_before", o.meant_before);
}
template <class Walk>
void members(Walk& each, keep_image& o) {
  each("image_id", o.image_id), each("keep_as", o.keep_as);
}
template <class Walk>
void members(Walk& each, ensure_network& o) {
  each("name", o.name), each("body", o.body);
}
template <class Walk>
void members(Walk& each, ensure_volume& o) {
  each("name", o.name), each("body", o.body);
}
template <class Walk>
void members(Walk& each, create_container& o) {
  each("target", o.target), each("name", o.name), each("temporary_name", o.temporary_name), each("image", o.image);
  each("digest", o.digest), each("image_id", o.image_id), each("platform", o.platform), each("replaces", o.replaces);
  each("body", o.body), each("connect_after", o.connect_after);
  each.later("files", o.files), each.later("joins", o.joins), each.later("hashed", o.hashed);
  each.later("meant_before", o.meant_before);
}
template <class Walk>
void members(Walk& each, stop_container& o) {
  each("target", o.target), each("was", o.was), each("grace_period", o.grace_period), each("name", o.name);
  each("image_id", o.image_id), each("config_hash", o.config_hash), each("restart_policy", o.restart_policy);
  each("until", o.until), each("has_health_check", o.has_health_check), each("sound", o.sound);
  each("budget", o.budget), each("steady_for", o.steady_for);
  each.later("restarts", o.restarts);
}
template <class Walk>
void members(Walk& each, rename_container& o) {
  each("target", o.target), each("from", o.from), each("to", o.to);
}
template <class Walk>
void members(Walk& each, snapshot_volumes& o) {
  each("snapshot_id", o.snapshot_id), each("reason", o.reason), each("of_release", o.of_release);
  each("volumes", o.volumes);
}
template <class Walk>
void members(Walk& each, restore_volumes& o) {
  each("snapshot_id", o.snapshot_id), each("volumes", o.volumes);
}
template <class Walk>
void members(Walk& each, start_container& o) {
  each("target", o.target), each("until", o.until), each("restart_policy", o.restart_policy);
  each("leave", o.leave), each("budget", o.budget);
}
template <class Walk>
void members(Walk& each, verify_container& o) {
  each("target", o.target), each("name", o.name), each("expected", o.expected), each("image", o.image);
  each("digest", o.digest), each("image_id", o.image_id), each("config_hash", o.config_hash);
  each("has_health_check", o.has_health_check), each("budget", o.budget), each("steady_for", o.steady_for);
}
template <class Walk>
void members(Walk& each, pin_tag& o) {
  each("file", o.file), each("variable", o.variable), each("value", o.value), each("previous", o.previous);
  each.later("has_line", o.has_line);
}
template <class Walk>
void members(Walk& each, pin_images& o) {
  each("file", o.file), each("images", o.images), each("old_text", o.old_text), each("new_text", o.new_text);
}
template <class Walk>
void members(Walk& each, remove_container& o) {
  each("target", o.target), each("evidence", o.evidence);
}
template <class Walk>
void members(Walk& each, remove_network& o) {
  each("name", o.name);
}
template <class Walk>
void members(Walk& each, remove_volume& o) {
  each("name", o.name);
}

template <class Walk>
void members(Walk& each, service_outlook& s) {
  each("service", s.service), each("action", s.action), each("causes", s.causes), each("image", s.image);
  each("tag", s.tag), each("tag_source", s.tag_source), each("tag_variable", s.tag_variable);
  each("tag_file", s.tag_file), each("tag_line", s.tag_line), each("tag_text", s.tag_text);
}

// --- walks ---

enum class view { whole, without_bodies };

struct writer {
  json& out;
  view what;
  template <class T>
  void operator()(std::string_view name, const T& value) {
    // Whatever the engine takes or gives verbatim may hold environment values.
    constexpr bool verbatim = std::is_same_v<T, json> || std::is_same_v<T, std::vector<std::pair<std::string, json>>>;
    if (verbatim && what == view::without_bodies) return;
    if (out.contains(name)) throw std::logic_error("a plan would hold two of " + std::string(name));
    out[name] = to_value(value);
  }
  /// Written only where there is something to write.
  template <class T>
  void later(std::string_view name, const T& value) {
    if (json written = to_value(value); !written.empty()) (*this)(name, value);
  }
};

struct reader {
  const json& in;
  template <class T>
  void operator()(std::string_view name, T& value) {
    const json& found = in.at(name);
    try {
      from_value(found, value);
    } catch (const json_error& error) {
      throw json_error(std::string(name) + ": " + error.what());
    }
  }
  /// Plans of older versions do not have it.
  template <class T>
  void later(std::string_view name, T& value) {
    if (in.contains(name)) (*this)(name, value);
  }
};

json to_value(const service_outlook& value) {
  json out = json::make_object();
  writer write{out, view::whole};
  service_outlook copy = value;
  members(write, copy);
  return out;
}

void from_value(const json& in, service_outlook& value) {
  reader read{in};
  members(read, value);
}

json operation_to_json(operation o, view what) {
  json out = json::object({{"number", o.number}, {"phase", to_text(o.when)}, {"kind", kinds.at(o.what.index())}});
  writer write{out, what};
  std::visit([&](auto& act) { members(write, act); }, o.what);
  write("cause", o.cause), write("after", o.after);
  return out;
}

template <std::size_t Index = 0>
action action_of(std::size_t index) {
  if constexpr (Index < std::variant_size_v<action>) {
    if (index == Index) return action(std::in_place_index<Index>);
    return action_of<Index + 1>(index);
  } else {
    throw json_error("no such kind of operation");
  }
}

operation operation_from_json(const json& in) {
  operation o;
  reader read{in};
  read("number", o.number);
  read("phase", o.when);
  o.what = action_of(index_of(kinds, in.at("kind").as_string()));
  std::visit([&](auto& act) { members(read, act); }, o.what);
  read("cause", o.cause);
  read("after", o.after);
  return o;
}

json plan_to_json(const plan& p, view what) {
  json out = json::object({{"project", p.project}, {"attempt_id", p.attempt_id}});
  out["services"] = to_value(p.services);
  json operations = json::make_array();
  for (const operation& o : p.operations) operations.push_back(operation_to_json(o, what));
  out["operations"] = std::move(operations);
  out["notes"] = to_value(p.notes);
  return out;
}

}  // namespace

std::string_view to_text(phase p) { return phase_texts.at(static_cast<std::size_t>(p)); }

json to_json(const std::vector<service_outlook>& services) { return to_value(services); }

json to_json(const plan& p) { return plan_to_json(p, view::whole); }

json to_public_json(const plan& p) { return plan_to_json(p, view::without_bodies); }

plan plan_from_json(const json& document) {
  plan p;
  p.project = document.at("project").as_string();
  p.attempt_id = document.at("attempt_id").as_string();
  // Plans of earlier versions have none.
  if (const json* services = document.find("services")) from_value(*services, p.services);
  for (const json& each : document.at("operations").elements()) {
    try {
      p.operations.push_back(operation_from_json(each));
    } catch (const json_error& error) {
      throw json_error("operations[" + std::to_string(p.operations.size()) + "]: " + error.what());
    }
  }
  from_value(document.at("notes"), p.notes);
  return p;
}

}  // namespace orchestration
