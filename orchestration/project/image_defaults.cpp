// The engine merges what the image says into the configuration of each container that it makes (daemon/commit.go,
// merge): here is the inverse.
#include <algorithm>
#include <set>

#include "orchestration/project/canonical_read.hpp"
#include "orchestration/project/create_body.hpp"

namespace orchestration {
namespace {

using docker::json;

const json& member(const json& of, std::string_view name) {
  static const json none;
  const json* found = of.find(name);
  return found == nullptr ? none : *found;
}

/// null, missing, "" and [] all mean that nothing is said.
bool is_same(const json& one, const json& other) { return one == other || (one.empty() && other.empty()); }

std::string name_of_variable(const json& entry) { return entry.as_string().substr(0, entry.as_string().find('=')); }

/// What the engine appends to these first `count` of the variables: those of the image that they do not name.
json::array appended_to(const json::array& stored, std::size_t count, const json::array& of_image) {
  std::set<std::string> named;
  for (std::size_t i = 0; i < count; ++i) named.insert(name_of_variable(stored[i]));
  json::array out;
  std::copy_if(of_image.begin(), of_image.end(), std::back_inserter(out),
               [&](const json& entry) { return !named.contains(name_of_variable(entry)); });
  return out;
}

/// Those asked for stand first, the image's behind them: so one that was asked for with the very value that the image
/// has can be told by its place, unless it is the last of them.
std::size_t count_asked_for(const json::array& stored, const json::array& of_image) {
  for (std::size_t count = 0; count < stored.size(); ++count)
    if (json::array(stored.begin() + static_cast<std::ptrdiff_t>(count), stored.end()) ==
        appended_to(stored, count, of_image))
      return count;
  return stored.size();
}

void subtract_variables(json& body, const json& config) {
  json::array kept = elements_of(body, "Env");
  kept.resize(count_asked_for(kept, elements_of(config, "Env")));
  body.erase("Env");
  put(body, "Env", json(std::move(kept)));
}

// Built by compose, an image bears labels of the project as well; without them the container is none of it.
void subtract_labels(json& body, const json& config) {
  json kept = json::make_object();
  for (const auto& [name, value] : members_of(body, "Labels")) {
    const json* of_image = member(config, "Labels").find(name);
    if (name.starts_with("com.docker.compose.") || of_image == nullptr || *of_image != value) kept[name] = value;
  }
  body["Labels"] = std::move(kept);
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

/// Members that are there or not: volumes and ports.
template <class Keep>
void subtract_set(json& body, const json& config, std::string_view name, const Keep& keep) {
  std::set<std::string> of_image;
  for (const auto& [key, unused] : members_of(config, name)) of_image.insert(without_slash(key));
  json kept = json::make_object();
  for (const auto& [key, value] : members_of(body, name))
    if (!of_image.contains(without_slash(key)) || keep(key)) kept[key] = value;
  body.erase(name);
  put(body, name, std::move(kept));
}

void subtract_health_check(json& body, const json& config) {
  json* check = body.find("Healthcheck");
  const json& of_image = member(config, "Healthcheck");
  if (check == nullptr || !check->is_object() || !of_image.is_object()) return;
  for (const std::string_view name : {"Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"})
    if (check->contains(name) && is_same(member(*check, name), member(of_image, name))) check->erase(name);
  if (check->empty()) body.erase("Healthcheck");
}

// An entrypoint that is sent takes the image's command away. [""] stands for an emptied one, with its command: if there
// was one to be emptied, which body_from_inspect() need not know.
void subtract_command(json& body, const json& config) {
  const bool may_be_emptied = member(body, "Entrypoint") == json::array_of(std::vector<std::string>{""});
  if (may_be_emptied && member(config, "Entrypoint").empty()) body.erase("Entrypoint");
  const json entrypoint = member(body, "Entrypoint");
  const json command = member(body, "Cmd");
  const bool emptied = entrypoint.is_array() && entrypoint.empty();
  const bool same_entrypoint = is_same(entrypoint, member(config, "Entrypoint"));
  const bool same_command = is_same(command, member(config, "Cmd"));
  if (emptied) {
    if (same_command) body.erase("Cmd");
    return;
  }
  if (!same_entrypoint) return;
  if (same_command) body.erase("Cmd");
  if (same_command || !command.empty()) body.erase("Entrypoint");
}

}  // namespace

void subtract_image_defaults(json& body, const json& config) {
  const json bindings = member(member(body, "HostConfig"), "PortBindings");
  subtract_command(body, config);
  subtract_variables(body, config);
  subtract_labels(body, config);
  subtract_set(body, config, "Volumes", [](const std::string&) { return false; });
  subtract_set(body, config, "ExposedPorts", [&](const std::string& port) { return bindings.contains(port); });
  subtract_health_check(body, config);
  if (without_slash(body.string_at({"WorkingDir"})) == without_slash(config.string_at({"WorkingDir"})))
    body.erase("WorkingDir");
  for (const std::string_view name : {"User", "StopSignal", "Shell", "OnBuild"})
    if (is_same(member(body, name), member(config, name))) body.erase(name);
}

}  // namespace orchestration
